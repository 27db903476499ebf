"""From a question to a stored run: validated, fingerprinted, queued. The same question gives the same stored run."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from app.data.demo import RECORDED, Demo
from app.domain.errors import Conflict, NotFound
from app.domain.runs import Job, Run, RunSpec, RunState
from app.forms.read import Given
from app.kinds import kind_of, kinds
from app.kinds.asking import Asked, Cost
from app.kinds.desk import Desk
from app.kinds.reporting import Reading
from app.models.loading import Hosts
from app.store.datasets import Datasets
from app.store.jobs import Jobs
from app.store.question_sets import QuestionSets
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs
from app.store.sets import Sets

CHANGES = {
    "pin": {"pinned": True},
    "unpin": {"pinned": False},
    "delete": {"deleted": True},
    "restore": {"deleted": False},
}


class Requests:
    """Starts runs of every kind."""

    def __init__(
        self,
        hosts: Hosts,
        registry: Registry,
        runs: Runs,
        results: Results,
        jobs: Jobs,
        data: Datasets,
        sets: Sets,
        questions: QuestionSets,
        demo: Demo,
    ) -> None:
        self.hosts, self.registry, self.runs, self.results = hosts, registry, runs, results
        self.jobs, self.data, self.sets, self.questions, self.demo = jobs, data, sets, questions, demo

    @cached_property
    def desk(self) -> Desk:
        """What a request may ask."""
        return Desk(
            hosts=self.hosts,
            registry=self.registry,
            runs=self.runs,
            results=self.results,
            data=self.data,
            sets=self.sets,
            questions=self.questions,
            demo=self.demo,
            start=self.start,
        )

    def start(self, kind: str, values: Mapping[str, Any]) -> Run:
        """Start, or find, the run of a question.

        Args:
            kind: key of the kind of run.
            values: of the kind's form; missing ones take their defaults.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """
        known = kind_of(kind)
        request: Asked[Any] = known.ask.complete(values, self.desk)
        spec = RunSpec(
            kind=known.key,
            version=1000 * known.version + request.version,
            model=request.model.info.slug,
            weights_hash=request.model.weights,
            settings=request.question.model_dump(mode="json"),
            inputs={role: run.fingerprint for role, run in request.inputs.items()},
            source=request.model.source,
            identity=None if request.model.identity is None else dict(request.model.identity),
        )
        recorded = self._recorded(spec)
        run, new = (recorded, False) if recorded else self.runs.create(spec, request.title, request.text)
        if not new and run.deleted:
            self.runs.change(run.id, deleted=False)
        if new or run.state in (RunState.PARTIAL, RunState.FAILED, RunState.WAITING):
            self.runs.change(run.id, spec=spec.model_dump(mode="json"), model=spec.model)
            self._queued(self.runs.get(run.id), request.rows)
        return self.runs.get(run.id)

    def _recorded(self, spec: RunSpec) -> Run | None:
        """The recorded run of a question, where the model at hand is the one of that time."""
        if spec.identity is None or RECORDED.get(spec.weights_hash) != spec.identity:
            return None
        run = self.runs.by_fingerprint(spec.model_copy(update={"identity": None}).fingerprint)
        return run if run is not None and run.recorded else None

    def sent(self, kind: str, given: Given) -> Run:
        """Start, or find, the run of a browser's form."""
        ask = kind_of(kind).ask
        return self.start(kind, ask.read(ask.browser(given), boxes="flags" in given))

    def change(self, number: int, action: str) -> bool:
        """Pin, delete, restore, stop or resume a run; whether it is one of these actions.

        Raises:
            NotFound: no such run. Conflict: its state does not allow it.
        """
        self.runs.get(number)
        if action in CHANGES:
            self.runs.change(number, **CHANGES[action])
        elif action == "resume":
            self.resume(number)
        elif action == "stop":
            job = self.jobs.of_run(number)
            if job is not None:
                self.jobs.ask_stop(job.id)
        else:
            return False
        return True

    def further(self, number: int, action: str, given: Given) -> tuple[Run, ...]:
        """Start what a button of a run's page asks: a question about this run, or runs that follow it.

        Raises:
            NotFound: no such button. BadInput, Conflict, Unsupported: what is wrong with what was asked.
        """
        if action in kinds():
            return (self.sent(action, {**given, "run": [str(number)]}),)
        if not any(action in kind.follows for kind in kinds().values()):
            known = ", ".join((*CHANGES, "stop", "resume"))
            raise NotFound(f"one of {known}", f"'{action}'", "Use the page's buttons.")
        return tuple(self.follow(number, action))

    def follow(self, number: int, name: str) -> Sequence[Run]:
        """Start the runs that follow a run by a button of its page.

        Raises:
            Conflict: it has none of that name.
        """
        run = self.runs.get(number)
        kind = kind_of(run.spec.kind)
        reading = Reading(self.runs.inputs(number), self.results, self.jobs, self.data)
        wanted = kind.reported(run, reading, kind.Look()).follow(name)
        return [self.start(kind.key, values) for values in wanted]

    def cost(self, kind: str, values: Mapping[str, Any]) -> Cost | None:
        """What :meth:`start` would take at most; the same values, the same errors."""
        return kind_of(kind).ask.cost(values, self.desk)

    def preview(self, kind: str, given: Given) -> object:
        """What a browser's form would ask, told before it is sent."""
        return kind_of(kind).ask.preview(given, self.desk)

    def resume(self, number: int) -> Job:
        """Go on with a stopped or failed run behind its checkpoint."""
        run = self.runs.get(number)
        if run.state not in (RunState.PARTIAL, RunState.FAILED):
            raise Conflict("a stopped or failed run", f"run {number}, {run.state}", "Open its page instead.")
        return self._queued(run)

    def _queued(self, run: Run, rows: int = 0) -> Job:
        """Queue a run, with what a worker is told: the folder of its model as this process sees it, whether it is over
        in a moment, and the row passes that it takes at most, 0 where they are not known."""
        kind, settings = kind_of(run.spec.kind), run.spec.settings
        payload: dict[str, Any] = {"brief": kind.brief(settings), "rows": rows}
        if run.spec.model:
            payload["model_folder"] = str(self.hosts.folder(run.spec.source or run.spec.model).resolve())
        self.runs.change(run.id, state=RunState.WAITING.value, error=None)
        return self.jobs.enqueue("run", kind.lane(settings), run.id, payload)
