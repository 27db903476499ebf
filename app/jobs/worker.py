"""The worker: claims jobs, runs them shard by shard, keeps what was finished.

One thread owns the device. Interactive jobs go first, and between two shards of a batch job. A stop request is read
before every forward pass; a stopped run keeps its folded shards. After a crash the lease runs out, the job goes back
to the queue, and the next worker goes on behind the checkpoint.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from app.domain.errors import GolgiError, OutOfMemory, Stopped
from app.domain.runs import Job, JobState, Lane, Progress, Run, RunState
from app.jobs.base import Finished, Inputs, JobKind, Shard
from app.jobs.environment import environment, memory
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.store.db import Database
from app.store.jobs import Jobs
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs

log = logging.getLogger(__name__)
LOOK_EVERY = 0.25


class Worker:
    """A worker on one device.

    Args:
        db: the database that holds the queue.
        hosts: the pool of models.
        kinds: kinds of runs by key.
        lease: seconds after which a silent worker's job is taken up again.
    """

    def __init__(self, db: Database, hosts: Hosts, kinds: Mapping[str, JobKind], lease: float = 15.0) -> None:
        self.jobs, self.runs, self.results, self.registry = Jobs(db), Runs(db), Results(db), Registry(db)
        self.hosts, self.kinds, self.lease = hosts, kinds, lease
        self.name = f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident() % 10000}"
        self.closing = threading.Event()

    def run_forever(self) -> None:
        """Work until :attr:`closing` is set; a second thread renews the leases."""
        beating = threading.Thread(target=self._beat, daemon=True)
        beating.start()
        while not self.closing.is_set():
            if not self.run_once():
                self.closing.wait(LOOK_EVERY)
        beating.join(timeout=2)
        self.registry.gone(self.name)

    def _beat(self) -> None:
        while not self.closing.is_set():
            try:
                self.beat()
                self.jobs.renew(self.name, self.lease)
                self.jobs.requeue_stalled()
            except Exception:
                log.exception("heartbeat failed")
            self.closing.wait(min(2.0, self.lease / 5))

    def beat(self) -> None:
        """Say that this worker is alive and what it holds."""
        loaded = {card.slug: card.bytes for card in self.hosts.loaded()}
        about = {"pid": os.getpid(), "device": str(self.hosts.device), "loaded": loaded, **memory(self.hosts.device)}
        self.registry.beat(self.name, about)

    def run_once(self, lanes: tuple[Lane, ...] = (Lane.INTERACTIVE, Lane.BATCH)) -> bool:
        """Do the next job, if there is one; True if there was."""
        job = self.jobs.claim(self.name, self.lease, lanes)
        if job is None:
            return False
        log.info("job %d: %s run %s", job.id, job.what, job.run_id)
        try:
            {"run": self._run, "load": self._load, "unload": self._unload}[job.what](job)
        except Stopped as stop:
            log.info("job %d stopped: %s", job.id, stop.reason)
            self.jobs.release(job.id)
        except GolgiError as error:
            self._failed(job, error.expected, error.found, error.remedy)
        except Exception as error:
            log.exception("job %d failed", job.id)
            remedy = "Try again; if it happens again, report it with the log of the server."
            self._failed(job, "a job that ends by itself", f"{type(error).__name__} in the program", remedy)
        return True

    def _failed(self, job: Job, expected: str, found: str, remedy: str) -> None:
        error = {"expected": expected, "found": found, "remedy": remedy}
        self.jobs.log(job.id, f"failed: expected {expected}; found {found}")
        self.jobs.finish(job.id, JobState.FAILED, error=error, run_values={"state": RunState.FAILED.value})

    def _load(self, job: Job) -> None:
        slug = job.payload["model"]
        self.jobs.log(job.id, f"loading {slug}")
        self.registry.remember(self.hosts.get(slug).card)
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _unload(self, job: Job) -> None:
        held = self.hosts.unload(job.payload["model"])
        self.jobs.log(job.id, "unloaded" if held else "was not loaded")
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _run(self, job: Job) -> None:
        assert job.run_id is not None
        run = self.runs.get(job.run_id)
        self.jobs.log(job.id, f"loading {run.spec.model}")
        host = self.hosts.get(run.spec.model)
        self._same_weights(run, host)
        self.registry.remember(host.card)
        attempt = _Attempt(self, job, run, host)
        host.between = attempt.between
        try:
            attempt.go()
        finally:
            host.between = _nothing

    def _same_weights(self, run: Run, host: ModelHost) -> None:
        if host.card.weights_hash != run.spec.weights_hash:
            raise GolgiError(
                "the weights this run was started for",
                "other weights in the folder now",
                "Start a new run; or put the old weights back and resume.",
            )


def _nothing() -> None:
    return None


class _Attempt:
    """One go at a run: from its checkpoint to the end, a stop, or an error."""

    def __init__(self, worker: Worker, job: Job, run: Run, host: ModelHost) -> None:
        self.worker, self.job, self.run, self.host = worker, job, run, host
        self.kind = worker.kinds[run.spec.kind]
        self.settings = self.kind.Settings.model_validate(run.spec.settings)
        self.given = Inputs(worker.runs.inputs(run.id), worker.results)
        self.looked = 0.0
        self.done = self.total = self.before = self.rows_before = 0
        self.begun = time.monotonic()
        self.spent = 0.0

    def between(self) -> None:
        """Before every forward pass: stop if asked, and tell the progress, at most four times a second."""
        moment = time.monotonic()
        if moment - self.looked < LOOK_EVERY:
            return
        self.looked = moment
        if self.worker.closing.is_set():
            raise Stopped("shutdown")
        if self.worker.jobs.stopping(self.job.id):
            raise Stopped("user")
        self._tell()

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
        plan = self.run.plan or self._planned()
        shards = self.kind.shards(self.settings, plan)
        first, self.spent, total = self.worker.jobs.resume(self.run.id)
        self.total = sum(shard.work for shard in shards)
        self.done = self.before = sum(shard.work for shard in shards[:first])
        if first:
            self.worker.jobs.log(self.job.id, f"resumed behind shard {first} of {len(shards)}")
        try:
            for shard in shards[first:]:
                self.rows_before = self.host.rows
                part = self._worked(plan, shard)
                if part.sums is not None:
                    total = part.sums if total is None else total.add(part.sums)
                self.done += shard.work
                self.worker.jobs.checkpoint(self.run.id, shard.number, self._seconds(), total, part.rows)
                self._tell()
                if self.kind.lane(self.settings) is Lane.BATCH:
                    self._let_others()
        except Stopped as stop:
            if stop.reason != "user":
                raise
            self._end(plan, total, JobState.CANCELLED, RunState.PARTIAL)
            return
        self._end(plan, total, JobState.DONE, RunState.DONE)

    def _planned(self) -> dict[str, Any]:
        plan = self.kind.plan(self.settings, self.given, self.host)
        self.worker.runs.change(self.run.id, plan=plan, environment=environment(self.host))
        return plan

    def _worked(self, plan: dict[str, Any], shard: Shard) -> Any:
        """The shard; once more with half the rows if it did not fit (the plan then says so)."""
        try:
            return self.kind.work(self.settings, plan, shard, self.given, self.host)
        except OutOfMemory:
            if plan.get("halved") or plan.get("rows", 0) < 2:
                raise
            plan |= {"rows": plan["rows"] // 2, "halved": True}
            self.worker.runs.change(self.run.id, plan=plan)
            self.worker.jobs.log(self.job.id, f"out of memory: again with {plan['rows']} rows")
            return self.kind.work(self.settings, plan, shard, self.given, self.host)

    def _let_others(self) -> None:
        """Interactive jobs that wait go now; no hook is installed between shards."""
        while self.worker.run_once((Lane.INTERACTIVE,)):
            pass
        self.host.between = self.between
        if self.worker.hosts.get(self.run.spec.model) is not self.host:
            self.host = self.worker.hosts.get(self.run.spec.model)
            self.host.between = self.between

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.begun

    def _end(self, plan: dict[str, Any], total: Any, job_state: JobState, run_state: RunState) -> None:
        seconds = self._seconds()
        found: Finished = self.kind.finish(self.settings, plan, total, self.given, self.host)
        self.worker.jobs.log(self.job.id, f"{run_state.value} after {seconds:.2f} s")
        values = {"state": run_state.value, "facts": dict(found.facts), "warnings": list(found.warnings)}
        self.worker.jobs.finish(self.job.id, job_state, rows=found.rows, run_values={**values, "seconds": seconds})
