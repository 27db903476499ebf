"""What the pages of runs, layers, neurons and jobs read."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from app.domain.runs import Job, Run, RunState
from app.domain.sites import NeuronIndex
from app.forms.fields import validated
from app.kinds import kind_of, kinds
from app.kinds.base import Kind
from app.kinds.reporting import Reading, Report
from app.methods.base import methods
from app.services.layer_view import LayerLook, LayerView, layer_view
from app.services.neuron_view import NeuronView, is_readable, is_told, scores_figure, see_there, told_of
from app.services.queue import Place, Queue
from app.services.run_list import RunsView, listed
from app.services.set_members import MembersView, members
from app.services.settings_words import as_text, asked_in_words, circumstances_in_words, settings_in_words
from app.store.datasets import Datasets
from app.store.jobs import Jobs
from app.store.library import Library
from app.store.question_sets import QuestionSets
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs

PAGE = 50
TOLD = 5
"""Tests of a run's neurons whose verdict stands on its page."""


@dataclass(frozen=True)
class RunView:
    """A run's page: header, state, and the report of its kind.

    ``verdicts`` are what finished tests of its neurons found, by the number of the run: those that are told at once.
    ``dataset`` is the name of the dataset it measures on, empty where that is not in this database; ``ranks`` whether
    its finished result ranks neurons.
    """

    run: Run
    kind: Kind[Any, Any, Any]
    job: Job | None
    moving: bool
    place: Place
    grown: int
    command: str
    users: tuple[Run, ...]
    verdicts: Mapping[int, str]
    inputs: Mapping[str, Run]
    dataset: str
    report: Report[Any, Any]

    @property
    def ranks(self) -> bool:
        """Whether its finished result ranks neurons."""
        return "ranking" in self.kind.gives

    @property
    def ahead(self) -> int:
        """How many jobs go first."""
        return len(self.place.ahead)

    @cached_property
    def about(self) -> tuple[tuple[str, str], ...]:
        """Complete settings and circumstances, name and value."""
        run = self.run
        rows = [("fingerprint", run.fingerprint), ("kind", run.spec.kind), ("model", run.spec.model)]
        rows.append(("weights sha256", run.spec.weights_hash))
        rows += [(f"{name} sha256", value) for name, value in (run.spec.identity or {}).items() if name != "precision"]
        rows += self.report.about
        rows += asked_in_words(run, self.report)
        rows += [
            (f"plan: {name}", as_text(value))
            for name, value in run.plan.items()
            if name not in ("pairs", "shards", "whole")
        ]
        rows += [(name, as_text(value)) for name, value in run.environment.items()]
        rows.append(("created", f"{run.created:%Y-%m-%d %H:%M:%S} UTC"))
        rows.append(("seconds", "" if run.seconds is None else f"{run.seconds:.2f}"))
        return tuple(rows)

    @cached_property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """What was asked, names and values in words."""
        return settings_in_words(self.run, self.kind, self.report)

    @cached_property
    def circumstances(self) -> tuple[tuple[str, str], ...]:
        """Model, machine and times, in words."""
        return circumstances_in_words(self.run, self.report.computed)

    def twin(self) -> dict[str, Any]:
        """The page for programs: the header, and the report under the kind's key, its figures drawn."""
        names = ("run", "job", "moving", "ahead", "grown", "command", "about", "users", "inputs", "dataset")
        report = self.report
        texts = {"citation": report.citation, "paragraph": report.paragraph}
        inner = {field.name: getattr(report.view, field.name) for field in fields(report.view)}
        inner["figures"] = dict(report.figures)
        return {**{name: getattr(self, name) for name in names}, **texts, self.kind.key: inner}


@dataclass(frozen=True)
class ProgressView:
    """A run's state without its results; ``grown`` counts the inputs that are there."""

    run: Run
    job: Job | None
    moving: bool
    place: Place
    grown: int


@dataclass(frozen=True)
class QueryPage:
    """One query of a run: ``query`` is what its kind shows of it."""

    run: Run
    kind: Kind[Any, Any, Any]
    query: Any


class Pages:
    """Reads stored runs and jobs."""

    def __init__(
        self,
        runs: Runs,
        results: Results,
        jobs: Jobs,
        registry: Registry,
        data: Datasets,
        questions: QuestionSets,
        queue: Queue,
        library: Library,
    ) -> None:
        self.runs, self.results, self.jobs, self.registry, self.data = runs, results, jobs, registry, data
        self.questions, self.queue, self.library = questions, queue, library

    def run(self, number: int, look: Mapping[str, str] | None = None) -> RunView:
        """One run, as far as it has come; ``look`` says what of it is looked at, see the kind's ``Look``."""
        state = self.progress(number)
        inputs, run = self.runs.inputs(number), state.run
        kind, users = kind_of(run.spec.kind), self.runs.users(number)
        return RunView(
            run=run,
            kind=kind,
            job=state.job,
            moving=state.moving,
            place=state.place,
            grown=state.grown,
            command=shlex.join(["golgi", kind.key, *kind.ask.words(run, inputs)]),
            users=users,
            verdicts=self._verdicts(users),
            inputs=inputs,
            dataset=self._dataset(run),
            report=self._reported(run, inputs, look),
        )

    def _verdicts(self, users: Sequence[Run]) -> Mapping[int, str]:
        """First sentence of runs that test neurons on one input, which is quick to tell."""
        gives = {run.id: kind_of(run.spec.kind).gives for run in users}
        quick = [run.id for run in users if "answers" in gives[run.id] and "comparisons" not in gives[run.id]]
        told = {number: self.report(number).sentences[0] for number in quick[:TOLD]}
        return {number: sentence for number, sentence in told.items() if sentence}

    def stamp(self, number: int) -> str:
        """What changes whenever a page of a run would; empty while it moves."""
        run, job = self.runs.get(number), self.jobs.of_run(number)
        parts = (self.library.stamp(), run.model_dump_json(), "" if job is None else job.model_dump_json())
        return "" if is_open(job) else "|".join(parts)

    def report(self, number: int, look: Mapping[str, str] | None = None) -> Report[Any, Any]:
        """What is told of one run, each part made when it is asked for."""
        return self._reported(self.runs.get(number), self.runs.inputs(number), look)

    def query(self, number: int, key: str, look: Mapping[str, str]) -> QueryPage:
        """One query of a run.

        Raises:
            NotFound: the run has no such query.
        """
        report = self.report(number, {**look, "query": key})
        return QueryPage(report.run, kind_of(report.run.spec.kind), report.query(key))

    def _reported(self, run: Run, inputs: Mapping[str, Run], look: Mapping[str, str] | None) -> Report[Any, Any]:
        kind = kind_of(run.spec.kind)
        reading = Reading(inputs, self.results, self.jobs, self.data, self.questions)
        return kind.reported(run, reading, looked(kind.Look, look or {}))

    def _dataset(self, run: Run) -> str:
        hashes = (part.get("dataset", "") for part in run.spec.settings.values() if isinstance(part, Mapping))
        known = (self.data.by_hash(str(digest)) for digest in hashes if digest)
        return next((dataset.name for dataset in known if dataset is not None), "")

    def progress(self, number: int) -> ProgressView:
        """How far a run is."""
        run, job = self.runs.get(number), self.jobs.of_run(number)
        place = Place() if job is None else self.queue.place(job)
        return ProgressView(run, job, is_open(job), place, self.results.count(number))

    def list(self, filters: Mapping[str, str], sort: str = "new", offset: int = 0) -> RunsView:
        """A page of runs."""
        return listed(self.runs, filters, sort, offset)

    def rankings(self) -> tuple[Run, ...]:
        """Runs that rank neurons, newest first, those over datasets before those of one input."""
        return rankings(self.runs)

    def recorded(self) -> tuple[Run, ...]:
        """Recorded runs, in the order in which they are shipped, without rankings that only stand beside others."""
        runs, _ = self.runs.find(filters={}, sort="stored", limit=100)
        beside = {key for key, method in methods().items() if method.control}
        return tuple(run for run in runs if run.recorded and run.spec.settings.get("method") not in beside)

    def compared(self) -> tuple[Run, ...]:
        """Recorded rankings over the relevant pairs of datasets, which are set side by side."""
        samples = ((run, run.spec.settings.get("sample")) for run in self.recorded())
        return tuple(run for run, sample in samples if sample and sample.get("relevance") == "relevant")

    def recent(self, count: int = 6) -> tuple[Run, ...]:
        """Newest runs made here or imported."""
        runs, _ = self.runs.find(filters={}, limit=50)
        return tuple(run for run in runs if not run.recorded)[:count]

    def layer(self, number: int, layer: int, look: LayerLook) -> LayerView:
        """All units of one site.

        Raises:
            NotFound: the run does not score that layer.
        """
        return layer_view(self.runs.get(number), self.results, layer, look)

    def neuron(self, model: str, text: str, norm: str = "without") -> NeuronView:
        """One unit over all runs of its model; its tokens ``without`` or ``with`` the final norm.

        Raises:
            BadInput: not the id of a neuron of this model.
        """
        index = NeuronIndex.parse(text)
        card = self.registry.card(model)
        see_there(index, card)
        runs, _ = self.runs.find(filters={"model": model}, limit=1)
        weights = card.weights_hash if card else runs[0].spec.weights_hash if runs else ""
        rows = self.results.neuron(index, weights)
        scoring = [self.runs.get(row["run"]) for row in rows]
        titled = tuple({**row, "title": run.title} for row, run in zip(rows, scoring, strict=True))
        told = self._telling(model, weights)
        read, mentions, firing = told_of(index, told, self, norm)
        figure = scores_figure(index, rows, scoring, self.results)
        return NeuronView(str(index), model, titled, norm, read, is_readable(index, card), mentions, firing, figure)

    def _telling(self, model: str, weights: str) -> dict[str, tuple[Run, ...]]:
        """Kind to its runs of a model with results, the newest first."""
        of_kind = {key: self.runs.find(filters={"model": model, "kind": key}, limit=PAGE)[0] for key in kinds()}
        return {key: tuple(run for run in found if is_told(run, weights)) for key, found in of_kind.items()}

    def members(self, model: str, weights: str, ids: Sequence[str]) -> MembersView:
        """Neurons of a model, each with what runs tell of it."""
        return members(ids, self._telling(model, weights), self)

    def pill(self) -> dict[str, int]:
        """Running and waiting jobs."""
        return self.queue.pill()


def looked(schema: type[BaseModel], given: Mapping[str, str]) -> BaseModel:
    """What of a run is looked at, from an address; what the kind does not read is left out.

    Raises:
        BadInput: a value that is none of its field.
    """
    return validated(schema, {name: given[name] for name in schema.model_fields if name in given})


def rankings(runs: Runs) -> tuple[Run, ...]:
    """Finished runs (whole or in part) that rank neurons, newest first, those over many inputs before those of one."""
    keys = [kind.key for kind in kinds().values() if "ranking" in kind.gives]
    ready = (RunState.DONE, RunState.PARTIAL)
    ranked = [run for key in keys for run in runs.find(filters={"kind": key}, limit=100)[0]]
    return tuple(run for run in ranked if run.state in ready and run.facts.get("n"))


def is_open(job: Job | None) -> bool:
    """Whether a job still moves."""
    return job is not None and job.open
