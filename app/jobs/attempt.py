"""One go at a run, from its checkpoint to its end, a stop or an error."""

import time
from typing import TYPE_CHECKING, Any

import torch

from app.domain.errors import OutOfMemory, Stopped
from app.domain.runs import Job, JobState, Lane, Progress, Run, RunState
from app.domain.scores import RunningScores
from app.jobs.base import Finished, Inputs, Partial, Shard, Work
from app.jobs.environment import environment
from app.models.host import ModelHost

if TYPE_CHECKING:
    from app.jobs.worker import Worker

LOOK_EVERY = 0.25


def nothing() -> None:
    """What a host calls between two passes when no job has it."""


class Attempt:
    """One go at a run: from its checkpoint to the end, a stop, or an error."""

    def __init__(self, worker: "Worker", job: Job, run: Run, host: ModelHost) -> None:
        self.worker, self.job, self.run, self.host = worker, job, run, host
        self.kind = worker.kinds[run.spec.kind]
        self.lane = self.kind.lane(run.spec.settings)
        self.given = Inputs(worker.runs.inputs(run.id), worker.results, worker.data, run.id, worker.questions)
        self.doing: Work = self.kind.begin(run.spec.settings, self.given, host)
        self.plan: dict[str, Any] = run.plan
        self.sums: RunningScores | None = None
        self.looked = 0.0
        self.done = self.total = self.before = self.rows_before = 0
        self.begun = time.monotonic()
        self.spent = 0.0
        host.between = self.between

    def between(self) -> None:
        """Before every forward pass: stop if asked, and tell the progress, at most four times a second."""
        if time.monotonic() - self.looked >= LOOK_EVERY:
            self._obey()
            self._tell()

    def _obey(self) -> None:
        """Stop if told to."""
        self.looked = time.monotonic()
        self.worker.obey(self.job.id)

    def _tell(self) -> None:
        inside = min(self.host.rows - self.rows_before, max(0, self.total - self.done))
        done = self.done + inside
        seconds = time.monotonic() - self.begun
        rate = (done - self.before) / seconds if seconds > 0.2 and done > self.before else None
        left = (self.total - done) / rate if rate else None
        progress = Progress(done=done, total=self.total, unit="row passes", rate=rate, left=left)
        self.worker.jobs.progress(self.job.id, progress)

    def go(self) -> None:
        """Plan (once), work, finish; a stop keeps what was folded."""
        try:
            self._obey()
            self.plan = self.plan or self._planned()
            self._fold()
        except Stopped as stop:
            if stop.reason != "user":
                raise
            self._end(JobState.CANCELLED, RunState.PARTIAL)
        else:
            self._end(JobState.DONE, RunState.DONE)

    def _planned(self) -> dict[str, Any]:
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
        first, self.spent, self.sums = self.worker.jobs.resume(self.run.id)
        self.total = sum(shard.work for shard in shards)
        self.done = self.before = sum(shard.work for shard in shards[:first])
        if first:
            self.worker.jobs.log(self.job.id, f"resumed behind shard {first} of {len(shards)}")
        for shard in shards[first:]:
            self._obey()
            self.rows_before = self.host.rows
            part = self._worked(shard)
            if part.sums is not None:
                self.sums = part.sums if self.sums is None else self.sums.add(part.sums)
            self.done += shard.work
            self.worker.jobs.checkpoint(
                self.run.id, shard.number, self._seconds(), self.sums, part.rows, self.worker.name
            )
            self._tell()
            if self.lane is Lane.BATCH:
                self._let_others()

    def _worked(self, shard: Shard) -> Partial:
        """The shard; once more with half the rows a pass if it did not fit (the plan then says so)."""
        self.host.room = 0.5 if self.plan.get("halved") else 1.0
        try:
            return self._tried(shard)
        except OutOfMemory:
            if self.plan.get("halved") or self.plan.get("rows", 2) < 2:
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

    def _let_others(self) -> None:
        """Interactive jobs that wait go now; no hook is installed between shards. Their time is not this run's."""
        paused = time.monotonic()
        self.worker.let_others()
        self.begun += time.monotonic() - paused
        host = self.worker.host_of(self.run)
        if host is not self.host:
            self.doing = self.kind.begin(self.run.spec.settings, self.given, host)
        self.host = host
        self.host.between = self.between

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.begun

    def _end(self, job_state: JobState, run_state: RunState) -> None:
        """Finish what was folded; a run that was stopped before it was planned has nothing to finish."""
        self.host.between = nothing
        seconds = self._seconds()
        result = self.doing.finish(self.plan, self.sums) if self.plan else Finished((), {"n": 0}, ())
        self.worker.jobs.log(self.job.id, f"{run_state.value} after {seconds:.2f} s")
        values = {"state": run_state.value, "facts": dict(result.facts), "warnings": list(result.warnings)}
        self.worker.jobs.finish(self.job.id, job_state, rows=result.rows, run_values={**values, "seconds": seconds})
