"""One go at a run, from its checkpoint to its end, a stop or an error."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from app.domain.errors import OutOfMemory, Stopped
from app.domain.runs import Job, JobState, Run, RunState, Stage
from app.jobs.base import Finished, Inputs, Partial, Shard, Work
from app.jobs.environment import environment
from app.models.host import ModelHost

if TYPE_CHECKING:
    from app.jobs.worker import Worker

LOOK_EVERY = 0.05
"""Seconds between two looks at the queue: is this run to stop, does somebody wait who goes first?"""
TELL_EVERY = 0.25
T = TypeVar("T")


class MakeWay(Exception):
    """Raised between two forward passes when a job that goes first needs the memory of this run's model. What was begun
    of the shard is done again afterwards."""


def nothing() -> None:
    """What a host calls between two passes when no job has it."""


@dataclass(frozen=True)
class Hand:
    """A loaded model, and the work of the run on it."""

    host: ModelHost
    doing: Work


class Attempt:
    """One go at a run: from its checkpoint to the end, a stop, or an error.

    ``hand`` is None while it holds no model: before it began, and while it makes way for a job with another one.
    """

    def __init__(self, worker: "Worker", job: Job, run: Run) -> None:
        self.worker, self.job, self.run = worker, job, run
        self.kind = worker.kinds[run.spec.kind]
        self.given = Inputs(
            worker.runs.inputs(run.id), worker.results, worker.data, run.id, worker.questions, worker.hosts
        )
        self.hand: Hand | None = None
        self.plan: dict[str, Any] = run.plan
        self.first, self.spent, self.sums = worker.jobs.resume(run.id)
        self.progress = job.progress
        self.looked = self.told = 0.0
        self.done = self.total = self.before = self.rows_before = 0
        self.begun = time.monotonic()

    @property
    def host(self) -> ModelHost:
        """The model that it holds."""
        assert self.hand is not None
        return self.hand.host

    @property
    def doing(self) -> Work:
        """The work on it."""
        assert self.hand is not None
        return self.hand.doing

    def take_up(self) -> None:
        """Load the model, and begin the work on it."""
        self._show(Stage.LOADING)
        self.worker.jobs.log(self.job.id, f"loading {self.run.spec.model}")
        host = self.worker.host_of(self.job, self.run)
        self.worker.registry.remember(host.card)
        self.hand = Hand(host, self.kind.begin(self.run.spec.settings, self.given, host))
        host.between = self.between

    def let_go(self) -> None:
        """Hold no model any more."""
        if self.hand is not None:
            self.hand.host.between = nothing
        self.hand = None

    def between(self) -> None:
        """Before every forward pass: stop if asked, let in what goes first, and now and then tell the progress.

        Raises:
            Stopped: it was asked to stop. MakeWay: what goes first needs the room of this model.
        """
        if time.monotonic() - self.looked >= LOOK_EVERY:
            self._obey()
            self._let_in()
        if time.monotonic() - self.told >= TELL_EVERY:
            self._tell()

    def _obey(self) -> None:
        """Stop if told to."""
        self.looked = time.monotonic()
        self.worker.obey(self.job.id)

    def _let_in(self) -> None:
        """Jobs of a lower rank that wait go now; no hook is installed between two passes. Their time and their rows are
        not this run's."""
        if self.job.rank == 0:
            return
        host, paused = self.host, time.monotonic()
        rows, room = host.rows, host.room
        try:
            self.worker.let_others(self.job.rank, self)
        finally:
            away = time.monotonic() - paused
            self.begun += away
            host.away += away
            self.rows_before += host.rows - rows
            host.room, host.between = room, self.between
        if away > LOOK_EVERY:
            self._obey()

    def pausing(self, other: Job) -> None:
        """Show that another job goes in between."""
        self._show(Stage.PAUSING, f"job {other.id}")
        self.told = 0.0

    def _undisturbed(self, work: Callable[[], T]) -> T:
        """What some work gives; it is begun anew after it made way."""
        while True:
            try:
                self._let_in()
                return work()
            except MakeWay:
                self.worker.jobs.log(self.job.id, "made way for a job with another model; this shard is begun anew")
            self._step_aside()

    def _step_aside(self) -> None:
        """Let the model go, so that others have its room, and take it up again behind them."""
        paused = time.monotonic()
        self.let_go()
        self.worker.let_others(self.job.rank, self)
        self.take_up()
        self.begun += time.monotonic() - paused

    def _show(self, stage: Stage, message: str = "", **values: Any) -> None:
        self.progress = self.progress.model_copy(update={**values, "stage": stage, "message": message})
        self.worker.jobs.progress(self.job.id, self.progress)

    def _tell(self) -> None:
        self.told = time.monotonic()
        if not self.total:
            self._show(Stage.TIMING)
            return
        inside = min(self.host.rows - self.rows_before, max(0, self.total - self.done))
        done = self.done + inside
        seconds = time.monotonic() - self.begun
        rate = (done - self.before) / seconds if seconds > 0.2 and done > self.before else None
        left = (self.total - done) / rate if rate else None
        self._show(Stage.RUNNING, done=done, total=self.total, unit="row passes", rate=rate, left=left)

    def go(self) -> None:
        """Plan (once), work, finish; a stop keeps what was folded."""
        self.take_up()
        self.begun = time.monotonic()
        try:
            self._obey()
            self.plan = self.plan or self._undisturbed(self._planned)
            self._fold()
            result = self._undisturbed(self._result)
        except Stopped as stop:
            if stop.reason != "user":
                raise
            self.host.between = nothing
            self._end(JobState.CANCELLED, RunState.PARTIAL, self._result())
        else:
            self._end(JobState.DONE, RunState.DONE, result)

    def _planned(self) -> dict[str, Any]:
        self._show(Stage.TIMING)
        plan = self.doing.plan()
        self.worker.runs.change(self.run.id, plan=plan, environment=environment(self.host))
        seconds, count = plan.get("seconds_of_one_pair"), plan.get("items", 0)
        if seconds is not None:
            self.worker.jobs.log(
                self.job.id, f"one pair took {seconds:.2f} s: about {seconds * count:.0f} s for {count:,}"
            )
        return plan

    def _fold(self) -> None:
        """Work on the shards behind the checkpoint, and fold them in order."""
        shards = self.doing.shards(self.plan)
        self.total = sum(shard.work for shard in shards)
        self.done = self.before = sum(shard.work for shard in shards[: self.first])
        self._show(Stage.RUNNING, done=self.done, total=self.total, unit="row passes", kept=self._kept(shards))
        if self.first:
            self.worker.jobs.log(self.job.id, f"resumed behind shard {self.first} of {len(shards)}")
        for shard in shards[self.first :]:
            self._obey()
            part = self._undisturbed(partial(self._worked, shard))
            if part.sums is not None:
                self.sums = part.sums if self.sums is None else self.sums.add(part.sums)
            self.done += shard.work
            self.rows_before = self.host.rows
            self.worker.jobs.checkpoint(
                self.run.id, shard.number, self._seconds(), self.sums, part.rows, self.worker.name
            )
            self.first += 1
            self.progress = self.progress.model_copy(update={"kept": self._kept(shards)})
            self._tell()

    def _kept(self, shards: Sequence[Shard]) -> str:
        """What of a run a stop keeps, in words; empty where nothing is finished."""
        if not self.first:
            return ""
        done, whole = (sum(shard.count for shard in part) for part in (shards[: self.first], shards))
        return f"{done:,} of {whole:,} {self.kind.unit}"

    def _worked(self, shard: Shard) -> Partial:
        """The shard; once more with half the rows a pass if it did not fit (the plan then says so)."""
        self.rows_before = self.host.rows
        self.host.room = 0.5 if self.plan.get("halved") else 1.0
        try:
            return self._tried(shard)
        except OutOfMemory:
            if self.plan.get("halved") or self.plan.get("rows", 2) < 2 or self.worker.used_beside(self):
                raise
        self.plan["halved"] = True
        if "rows" in self.plan:
            self.plan["rows"] //= 2
        self.host.room = 0.5
        self.worker.runs.change(self.run.id, plan=self.plan)
        self.worker.jobs.log(self.job.id, "out of memory: again with half the rows a pass")
        if self.host.device.type == "cuda":
            torch.cuda.empty_cache()
        return self._tried(shard)

    def _tried(self, shard: Shard) -> Partial:
        """The shard.

        Raises:
            OutOfMemory: it did not fit, be it on the way forward or back.
        """
        try:
            return self.doing.work(self.plan, shard)
        except torch.cuda.OutOfMemoryError as error:
            raise OutOfMemory(
                "a pass that fits into the device's memory",
                "too little memory on the device",
                "Shorten the input, unload other models, or use a smaller model.",
            ) from error

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.begun

    def _result(self) -> Finished:
        """What was folded amounts to; nothing for a run that was stopped before it was planned."""
        return self.doing.finish(self.plan, self.sums) if self.plan else Finished((), {"n": 0}, ())

    def _end(self, job_state: JobState, run_state: RunState, result: Finished) -> None:
        """Store the result, with the time that it took."""
        self.host.between = nothing
        seconds = self._seconds()
        self.worker.jobs.log(self.job.id, self._ended(run_state, seconds))
        values = {"state": run_state.value, "facts": dict(result.facts), "warnings": list(result.warnings)}
        self.worker.jobs.finish(self.job.id, job_state, rows=result.rows, run_values={**values, "seconds": seconds})

    def _ended(self, run_state: RunState, seconds: float) -> str:
        """How it ended, in words; of a stopped run what is kept."""
        if run_state is RunState.DONE:
            return f"done after {seconds:.2f} s"
        kept = self._kept(self.doing.shards(self.plan)) if self.plan else ""
        told = f"kept {kept}" if kept else "nothing was finished, so nothing is kept"
        return f"stopped after {seconds:.2f} s: {told}"
