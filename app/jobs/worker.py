"""The worker: claims jobs, runs them shard by shard, keeps what was finished.

One thread owns the device. Interactive jobs go first, and between two shards of a batch job. A stop request is read
before every forward pass; a stopped run keeps its folded shards. After a crash the lease runs out, the job goes back
to the queue, and the next worker goes on behind the checkpoint. A worker that finds its job taken by another one (it
slept too long) leaves it alone.
"""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Mapping

from app.domain.errors import GolgiError, Stopped
from app.domain.importing import ImportSettings
from app.domain.model_card import ModelCard
from app.domain.runs import Job, JobState, Lane, Progress, Run, RunState
from app.jobs.attempt import Attempt, nothing
from app.jobs.base import JobKind
from app.jobs.importing import Import, remove_staged
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.models.memory import memory
from app.store.dataset_writer import DatasetWriter
from app.store.db import Database
from app.store.jobs import Jobs
from app.store.question_sets import QuestionSets
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs

log = logging.getLogger(__name__)
IDLE = 0.1
"""Seconds between two looks at an empty queue."""
QUIET = 10
"""Looks at an empty queue before the first model is loaded ahead; the pages of this process come up meanwhile."""


class Worker:
    """A worker on one device.

    Args:
        db: the database that holds the queue.
        hosts: the pool of models.
        kinds: kinds of runs by key.
        lease: seconds after which a silent worker's job is taken up again.
        first: the model that the first question is likely to be about; empty for none.
    """

    def __init__(
        self, db: Database, hosts: Hosts, kinds: Mapping[str, JobKind], lease: float = 15.0, first: str = ""
    ) -> None:
        self.jobs, self.runs, self.results, self.registry = Jobs(db), Runs(db), Results(db), Registry(db)
        self.data = DatasetWriter(db)
        self.questions = QuestionSets(db)
        self.hosts, self.kinds, self.lease, self.first = hosts, kinds, lease, first
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.closing = threading.Event()
        self.held: tuple[int, ...] = ()
        self.cards: tuple[ModelCard, ...] = ()

    def run_forever(self) -> None:
        """Work until :attr:`closing` is set; a second thread renews the leases. An error of the database is logged,
        and the worker goes on; the job's lease runs out then. Once nothing waits, the first model is loaded ahead."""
        beating = threading.Thread(target=self._beat, daemon=True)
        beating.start()
        looks = 0
        while not self.closing.is_set():
            try:
                idle = not self.run_once()
            except Exception:
                log.exception("the queue could not be read or written")
                idle = True
            looks = looks + 1 if idle else 0
            if self.first and looks > QUIET:
                self.preload()
            elif idle:
                self.closing.wait(IDLE)
        beating.join(timeout=2)
        self.registry.gone(self.name)

    def _beat(self) -> None:
        while not self.closing.is_set():
            try:
                self.renew()
                self.beat()
                self.jobs.requeue_stalled()
            except Exception:
                log.exception("heartbeat failed")
            self.closing.wait(min(2.0, self.lease / 5))

    def renew(self) -> None:
        """Renew the leases of the jobs that this worker is at."""
        self.jobs.renew(self.name, self.lease, self.held)

    def beat(self) -> None:
        """Say that this worker is alive and what it holds; does not wait for a model that is being loaded."""
        loaded = {card.slug: card.bytes for card in self.cards}
        about = {"pid": os.getpid(), "device": str(self.hosts.device), "loaded": loaded, **memory(self.hosts.device)}
        self.registry.beat(self.name, about)

    def run_once(self, lanes: tuple[Lane, ...] = (Lane.INTERACTIVE, Lane.BATCH)) -> bool:
        """Do the next job, if there is one; True if there was."""
        job = self.jobs.claim(self.name, self.lease, lanes)
        if job is None:
            return False
        log.info("job %d: %s run %s", job.id, job.what, job.run_id)
        outer, self.held = self.held, (*self.held, job.id)
        try:
            self._do(job)
        finally:
            self.held = outer
        return True

    def obey(self, number: int) -> None:
        """Raise :class:`Stopped` if a job is to stop: asked to, or this worker closes, or another one has the job."""
        orders = "shutdown" if self.closing.is_set() else self.jobs.orders(number, self.name)
        if orders:
            raise Stopped(orders)

    def let_others(self) -> None:
        """Interactive jobs that wait go now."""
        while not self.closing.is_set() and self.run_once((Lane.INTERACTIVE,)):
            pass

    def _do(self, job: Job) -> None:
        """The job, to its end: done, failed, or given back."""
        try:
            {"run": self._run, "load": self._load, "unload": self._unload, "import": self._import}[job.what](job)
        except Stopped as stop:
            log.info("job %d stopped: %s", job.id, stop.reason)
            self.jobs.release(job.id, self.name)
        except GolgiError as error:
            self._failed(job, error.expected, error.found, error.remedy)
        except Exception as error:
            log.exception("job %d failed", job.id)
            remedy = "Try again; if it happens again, report it with the log of the server."
            self._failed(job, "a job that ends by itself", f"{type(error).__name__} in the program", remedy)

    def host(self, slug: str) -> ModelHost:
        """The loaded model, remembered with its card."""
        host = self.hosts.get(slug)
        self.cards = self.hosts.loaded()
        return host

    def host_of(self, run: Run) -> ModelHost:
        """The loaded model of a run, found by its folder where it lies outside the models folder; also after it had to
        make room for others.

        Raises:
            NotFound: it is not on this machine.
            GolgiError: the folder holds other weights than those the run was started for.
        """
        host = self.host(run.spec.source or run.spec.model)
        if host.card.weights_hash != run.spec.weights_hash:
            raise GolgiError(
                "the weights this run was started for",
                f"other weights in the folder of '{run.spec.model}' now",
                "Start a new run; or put the old weights back and resume.",
            )
        return host

    def preload(self) -> None:
        """Load the first model, where its folder is on this machine, so that the first answer does not wait for it.

        What is wrong with a folder is told when somebody asks for the model.
        """
        name, self.first = self.first, ""
        try:
            if self.hosts.at_hand(name):
                self.registry.remember(self.host(name).card)
                self.beat()
        except GolgiError as error:
            log.warning("%s is not loaded ahead: %s", name, error.found)
        except Exception:
            log.exception("%s is not loaded ahead", name)

    def _failed(self, job: Job, expected: str, found: str, remedy: str) -> None:
        error = {"expected": expected, "found": found, "remedy": remedy}
        self.jobs.log(job.id, f"failed: expected {expected}; found {found}")
        self.jobs.finish(job.id, JobState.FAILED, error=error, run_values={"state": RunState.FAILED.value})

    def _load(self, job: Job) -> None:
        slug = job.payload["model"]
        self.jobs.log(job.id, f"loading {slug}")
        self.registry.remember(self.host(slug).card)
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _unload(self, job: Job) -> None:
        held = self.hosts.unload(job.payload["model"])
        self.cards = self.hosts.loaded()
        self.jobs.log(job.id, "unloaded" if held else "was not loaded")
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _import(self, job: Job) -> None:
        """A dataset; a stop leaves nothing of it. Interactive jobs go between two batches of rows."""
        settings = ImportSettings.model_validate(job.payload)
        self.data.sweep(settings.name)

        def tell(done: int, total: int) -> None:
            self.obey(job.id)
            self.jobs.progress(job.id, Progress(done=done, total=total, unit="rows"))
            self.let_others()

        try:
            dataset = Import(settings, self.data, self.hosts, tell).go()
        except Stopped as stop:
            if stop.reason != "user":
                raise
            self.jobs.log(job.id, "stopped; nothing was kept")
            self.jobs.finish(job.id, JobState.CANCELLED)
        except Exception:
            remove_staged(settings)
            raise
        else:
            same = "" if dataset.name == settings.name else f": the same content was there already as '{dataset.name}'"
            self.jobs.log(job.id, f"{dataset.queries:,} queries, {dataset.passages:,} passages{same}")
            self.jobs.finish(job.id, JobState.DONE)
        remove_staged(settings)

    def _run(self, job: Job) -> None:
        run = self.runs.get(job.run_id or 0)
        self.jobs.log(job.id, f"loading {run.spec.model}")
        host = self.host_of(run)
        self.registry.remember(host.card)
        attempt = Attempt(self, job, run, host)
        try:
            attempt.go()
        finally:
            attempt.host.between = nothing
