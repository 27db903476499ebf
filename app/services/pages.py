"""What the pages of runs, layers, neurons and jobs ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import BadInput
from app.domain.runs import Job, Run
from app.domain.sites import NeuronIndex
from app.methods.base import methods
from app.services.ablation_view import AblationView, ablation_view
from app.services.about import about_of, paragraph_of
from app.services.attribute_view import AttributeView, attribute_view
from app.services.commands import command_of
from app.services.layer_view import LayerLook, LayerView, layer_view
from app.services.query_view import QueryMoves, query_moves, trec_run
from app.services.run_view import ExplainView, explain_view, job_open
from app.services.study_view import StudyView, study_view
from app.store.datasets import Datasets
from app.store.jobs import Jobs
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs

PAGE = 50


@dataclass(frozen=True)
class RunView:
    """A run's page: header, state, and the view of its kind (one of the last four is set).

    ``dataset`` is the name of the dataset it measures on, empty where that is not in this database.
    """

    run: Run
    job: Job | None
    moving: bool
    ahead: int
    grown: int
    command: str
    citation: str
    paragraph: str
    about: tuple[tuple[str, str], ...]
    users: tuple[Run, ...]
    inputs: Mapping[str, Run]
    dataset: str
    explain: ExplainView | None = None
    ablate: AblationView | None = None
    attribute: AttributeView | None = None
    study: StudyView | None = None

    @property
    def inner(self) -> ExplainView | AblationView | AttributeView | StudyView:
        """The view of its kind."""
        found = self.explain or self.ablate or self.attribute or self.study
        assert found is not None, "a view of one kind"
        return found

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in words."""
        inner = self.inner
        return inner.sentences if isinstance(inner, StudyView) else (inner.sentence,)


@dataclass(frozen=True)
class Look:
    """What of a run is looked at: a part of the input, a measure, a tested set."""

    part: str = "all"
    measure: str = ""
    chosen: int = 0


@dataclass(frozen=True)
class ProgressView:
    """A run's state without its results; ``grown`` counts the inputs that are there."""

    run: Run
    job: Job | None
    moving: bool
    ahead: int
    grown: int


@dataclass(frozen=True)
class RunsView:
    """A page of the list of runs."""

    runs: tuple[Run, ...]
    total: int
    offset: int
    size: int
    filters: Mapping[str, str]
    sort: str
    models: tuple[str, ...]


@dataclass(frozen=True)
class NeuronView:
    """One unit over all runs of its model."""

    id: str
    model: str
    rows: tuple[dict[str, Any], ...]


class Pages:
    """Reads stored runs and jobs."""

    def __init__(self, runs: Runs, results: Results, jobs: Jobs, registry: Registry, data: Datasets) -> None:
        self.runs, self.results, self.jobs, self.registry, self.data = runs, results, jobs, registry, data

    def run(self, number: int, part: str = "all", measure: str = "", chosen: int = 0) -> RunView:
        """One run, as far as it has come; see :class:`Look`."""
        state = self.progress(number)
        run = state.run
        inputs = self.runs.inputs(number)
        source = inputs.get("source")
        asked = source.spec.settings if source is not None else run.spec.settings
        method = methods()[asked.get("method", "nig")]
        return RunView(
            run=run,
            job=state.job,
            moving=state.moving,
            ahead=state.ahead,
            grown=state.grown,
            command=command_of(run, inputs),
            citation=method.citation,
            paragraph=paragraph_of(run, method.title),
            about=about_of(run),
            users=self.runs.users(number),
            inputs=inputs,
            dataset=self._dataset(run),
            **{run.spec.kind: self._inner(run, inputs, Look(part, measure, chosen))},  # type: ignore[arg-type]
        )

    def _dataset(self, run: Run) -> str:
        asked = run.spec.settings.get("sample") or run.spec.settings.get("evaluation") or {}
        found = self.data.by_hash(str(asked.get("dataset", "")))
        return "" if found is None else found.name

    def _inner(
        self, run: Run, inputs: Mapping[str, Run], look: Look
    ) -> ExplainView | AblationView | AttributeView | StudyView:
        if run.spec.kind == "explain":
            return explain_view(run, self.results, look.part)
        if run.spec.kind == "ablate":
            return ablation_view(run, inputs["source"], self.results)
        if run.spec.kind == "attribute":
            return attribute_view(run, self.results, self.jobs, look.part)
        return study_view(run, inputs, self.results, look.measure, look.chosen)

    def progress(self, number: int) -> ProgressView:
        """How far a run is."""
        run, job = self.runs.get(number), self.jobs.of_run(number)
        moving = job_open(job)
        ahead = self.jobs.ahead(job) if job is not None and moving else 0
        return ProgressView(run, job, moving, ahead, self.results.count(number))

    def list(self, filters: Mapping[str, str], sort: str = "new", offset: int = 0) -> RunsView:
        """A page of runs."""
        found, total = self.runs.find(filters=filters, sort=sort, offset=offset, limit=PAGE)
        return RunsView(found, total, offset, PAGE, dict(filters), sort, self.runs.values("model"))

    def rankings(self) -> tuple[Run, ...]:
        """Runs that rank neurons, newest first, those over datasets before those of one input."""
        return self.runs.rankings()

    def moves(self, number: int, query: str, ordinal: int) -> QueryMoves:
        """One query of a study under one of its settings.

        Raises:
            NotFound: no such study, query or setting.
        """
        run = self.runs.get(number)
        names = {role: one.title for role, one in self.runs.inputs(number).items()}
        return query_moves(run, self.results, self.data, query, ordinal, names)

    def picked(self, number: int) -> tuple[float, ...]:
        """Shares of all neurons that a study on the selection part chose; none for other runs."""
        run = self.runs.get(number)
        if run.spec.kind != "study":
            return ()
        view = study_view(run, self.runs.inputs(number), self.results)
        return tuple(sorted({one.fraction for one in view.picked}))

    def trec(self, number: int, ordinal: int) -> str:
        """A study's rankings under one setting as a TREC run."""
        return trec_run(self.runs.get(number), self.results, ordinal)

    def recorded(self) -> tuple[Run, ...]:
        """Recorded runs, oldest first; rankings that only stand beside others are left out."""
        found, _ = self.runs.find(filters={}, sort="old", limit=100)
        known = methods()
        beside = {key for key, method in known.items() if method.control}
        return tuple(run for run in found if run.recorded and run.spec.settings.get("method") not in beside)

    def recent(self, count: int = 6) -> tuple[Run, ...]:
        """Newest runs made here."""
        found, _ = self.runs.find(filters={}, limit=50)
        return tuple(run for run in found if not run.recorded)[:count]

    def layer(self, number: int, layer: int, look: LayerLook) -> LayerView:
        """All units of one site.

        Raises:
            NotFound: the run does not score that layer.
        """
        return layer_view(self.runs.get(number), self.results, layer, look)

    def neuron(self, model: str, text: str) -> NeuronView:
        """One unit over all runs of its model.

        Raises:
            BadInput: not the id of a neuron of this model.
        """
        index = NeuronIndex.parse(text)
        card = self.registry.card(model)
        found, _ = self.runs.find(filters={"model": model, "kind": "explain"}, limit=1)
        weights = card.weights_hash if card else found[0].spec.weights_hash if found else ""
        if card is not None:
            widths = card.widths.get(index.kind, ())
            if index.layer >= len(widths) or index.unit >= widths[index.layer]:
                raise BadInput(
                    f"layers 0 to {card.layers - 1}, units 0 to {max(widths, default=1) - 1} of {index.kind.value}",
                    f"'{index}'",
                    "Correct the id; layers and units count from zero.",
                    "neuron",
                )
        rows = self.results.neuron(index, weights)
        titled = tuple({**row, "title": self.runs.get(row["run"]).title} for row in rows)
        return NeuronView(str(index), model, titled)

    def job(self, number: int) -> Job:
        """One job."""
        return self.jobs.get(number)

    def all_jobs(self) -> tuple[Job, ...]:
        """Open jobs first, then the newest."""
        return self.jobs.all()

    def pill(self) -> dict[str, int]:
        """Running and waiting jobs."""
        counts = self.jobs.counts()
        running = counts.get("running", 0) + counts.get("stopping", 0)
        return {"running": running, "waiting": counts.get("waiting", 0)}
