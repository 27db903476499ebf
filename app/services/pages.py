"""What the pages of runs, layers, neurons and jobs ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.errors import BadInput
from app.domain.explaining import ExplainSettings
from app.domain.runs import Job, Run
from app.domain.sites import NeuronIndex, Site, SiteKind
from app.figures import layers
from app.figures.base import Figure
from app.methods.base import methods
from app.services.ablation_view import AblationView, ablation_view
from app.services.commands import command_of
from app.services.requests import texts_hash
from app.services.run_view import ExplainView, explain_view, job_open
from app.store.jobs import Jobs
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs

PAGE = 50
UNITS = 100


@dataclass(frozen=True)
class RunView:
    """A run's page: header, state, and the view of its kind (one of ``explain`` and ``ablate`` is set)."""

    run: Run
    job: Job | None
    moving: bool
    ahead: int
    command: str
    citation: str
    paragraph: str
    about: tuple[tuple[str, str], ...]
    explain: ExplainView | None
    ablate: AblationView | None
    users: tuple[Run, ...]


@dataclass(frozen=True)
class ProgressView:
    """A run's state without its results."""

    run: Run
    job: Job | None
    moving: bool
    ahead: int


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
class LayerView:
    """All units of one site, a page at a time. ``rows``: id, score, standard error, share of positive examples."""

    run: Run
    layer: int
    kind: str
    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    part: str
    parts: tuple[str, ...]
    sort: str
    offset: int
    size: int
    total: int
    unit: str
    rows: tuple[tuple[str, float, float, float], ...]
    figure: Figure


@dataclass(frozen=True)
class NeuronView:
    """One unit over all runs of its model."""

    id: str
    model: str
    rows: tuple[dict[str, Any], ...]


class Pages:
    """Reads stored runs and jobs."""

    def __init__(self, runs: Runs, results: Results, jobs: Jobs, registry: Registry) -> None:
        self.runs, self.results, self.jobs, self.registry = runs, results, jobs, registry

    def run(self, number: int, part: str = "all") -> RunView:
        """One run, as far as it has come."""
        state = self.progress(number)
        run = state.run
        source = self.runs.inputs(number).get("source")
        asked = source.spec.settings if source is not None else run.spec.settings
        method = methods()[asked.get("method", "nig")]
        return RunView(
            run=run,
            job=state.job,
            moving=state.moving,
            ahead=state.ahead,
            command=command_of(run, source),
            citation=method.citation,
            paragraph=_paragraph(run, method.title),
            about=_about(run),
            explain=explain_view(run, self.results, part) if run.spec.kind == "explain" else None,
            ablate=ablation_view(run, source, self.results) if source is not None else None,
            users=self.runs.users(number),
        )

    def progress(self, number: int) -> ProgressView:
        """How far a run is."""
        run, job = self.runs.get(number), self.jobs.of_run(number)
        moving = job_open(job)
        return ProgressView(run, job, moving, self.jobs.ahead(job) if job is not None and moving else 0)

    def list(self, filters: Mapping[str, str], sort: str = "new", offset: int = 0) -> RunsView:
        """A page of runs."""
        found, total = self.runs.find(filters=filters, sort=sort, offset=offset, limit=PAGE)
        return RunsView(found, total, offset, PAGE, dict(filters), sort, self.runs.values("model"))

    def recorded(self) -> tuple[Run, ...]:
        """Recorded runs, oldest first."""
        found, _ = self.runs.find(filters={}, sort="old", limit=100)
        return tuple(run for run in found if run.recorded)

    def recent(self, count: int = 6) -> tuple[Run, ...]:
        """Newest runs made here."""
        found, _ = self.runs.find(filters={}, limit=50)
        return tuple(run for run in found if not run.recorded)[:count]

    def layer(self, number: int, layer: int, kind: str, part: str, sort: str, offset: int) -> LayerView:
        """All units of one site.

        Raises:
            NotFound: the run does not score that layer.
        """
        run = self.runs.get(number)
        places = [(row["kind"], row["layer"]) for row in self.results.profile(number)]
        kinds = tuple(dict.fromkeys(name for name, _ in places))
        kind = kind if kind in kinds else (kinds or ("mid",))[0]
        site = Site(layer, SiteKind(kind))
        parts = tuple(run.plan.get("parts", ("all",)))
        part = part if part in parts else "all"
        values = self.results.layer(number, site, "mean", part)
        se, sign = (self.results.layer(number, site, name, "all") for name in ("se", "positive"))
        keys = {"index": np.arange(len(values)), "abs": -np.abs(values), "bottom": values}
        order = np.argsort(keys.get(sort, -values), kind="stable")[offset : offset + UNITS]
        rows = tuple((f"L{layer}.{kind}.{u}", float(values[u]), float(se[u]), float(sign[u])) for u in order)
        unit = run.plan.get("target", {}).get("unit", "")
        figure = layers.layer_units(values, site, unit, f"run {run.id} · {run.spec.model} · {part}")
        numbers = tuple(dict.fromkeys(at for _, at in places))
        return LayerView(
            run, layer, kind, kinds, numbers, part, parts, sort, offset, UNITS, len(values), unit, rows, figure
        )

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


def _paragraph(run: Run, title: str) -> str:
    """How the numbers were made, in neutral words."""
    if run.spec.kind == "ablate":
        return (
            "Activations of the chosen neurons were replaced in every forward pass, at the chosen tokens and in all "
            "layers at once; controls are random sets with the same number of neurons per layer, drawn without "
            "replacement with the stated seeds, the same number of lowest-ranked neurons, and the complement."
        )
    params, env = run.spec.settings.get("params", {}), run.environment
    return (
        f"{title} ({params.get('preset')} neurons, baseline {params.get('baseline')}, {params.get('rule')} rule, "
        f"{params.get('steps')} intervals, doubled up to {params.get('max_steps')} while the remainder at the last "
        f"block exceeded {params.get('tolerance')} of ΔF) of the "
        f"{run.plan.get('target', {}).get('sentence', 'target')}; "
        f"{params.get('aggregation')} over tokens; {env.get('dtype', '')} on {env.get('device', '')}."
    )


def _about(run: Run) -> tuple[tuple[str, str], ...]:
    """Complete settings and circumstances, name and value."""
    rows = [("fingerprint", run.fingerprint), ("kind", run.spec.kind), ("model", run.spec.model)]
    rows.append(("weights sha256", run.spec.weights_hash))
    if run.spec.kind == "explain":
        rows.append(("texts sha256", texts_hash(ExplainSettings.model_validate(run.spec.settings))))
    for name, value in run.spec.settings.items():
        rows.append((name, _text(value)))
    rows += [(f"plan: {name}", _text(value)) for name, value in run.plan.items()]
    rows += [(name, _text(value)) for name, value in run.environment.items()]
    rows.append(("created", f"{run.created:%Y-%m-%d %H:%M:%S} UTC"))
    rows.append(("seconds", "" if run.seconds is None else f"{run.seconds:.2f}"))
    return tuple(rows)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " · ".join(map(str, value))
    return str(value)
