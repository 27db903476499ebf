"""The worker: claims jobs, runs them shard by shard, keeps what was finished.

One thread owns the device. Jobs of a lower rank go first, and between two forward passes of a running one. A stop
request is read there, too; a stopped run keeps its folded shards. After a crash the lease runs out, the job goes back
to the queue, and the next worker goes on behind the checkpoint. A worker that finds its job taken by another one (it
slept too long) leaves it alone, and so it does with a job whose model it does not see.
"""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Mapping

from app.domain.errors import GolgiError, NotFound, OutOfMemory, Stopped
from app.domain.importing import ImportSettings
from app.domain.model_card import ModelCard
from app.domain.runs import Job, JobState, Progress, Run, RunState, Stage
from app.jobs.attempt import Attempt, MakeWay
from app.jobs.base import JobKind
from app.jobs.importing import Import, remove_staged
from app.jobs.place import Places
from app.jobs.sameness import see_same
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

    ``only`` holds the numbers of the jobs that it does, None for all; ``attempts`` the runs that it is at, the one that
    has the device last.
    """

    def __init__(
        self, db: Database, hosts: Hosts, kinds: Mapping[str, JobKind], lease: float = 15.0, first: str = ""
    ) -> None:
        self.jobs, self.runs, self.results, self.registry = Jobs(db), Runs(db), Results(db), Registry(db)
        self.data = DatasetWriter(db)
        self.questions = QuestionSets(db)
        self.hosts, self.kinds, self.lease, self.first = hosts, kinds, lease, first
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.places = Places(hosts, self.jobs, self.runs, self.name)
        self.closing = threading.Event()
        self.held: tuple[int, ...] = ()
        self.only: frozenset[int] | None = None
        self.attempts: list[Attempt] = []
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

    def run_once(self) -> bool:
        """Do the next job, if there is one; True if there was."""
        while waiting := self.waiting():
            if self._took(waiting[0]):
                return True
        return False

    def waiting(self, below: int = 3) -> tuple[Job, ...]:
        """Jobs of a lower rank that this worker could do now, the next one first."""
        ready = self.jobs.ready(below)
        return tuple(job for job in ready if (self.only is None or job.id in self.only) and self.places.sees(job))

    def _took(self, found: Job) -> bool:
        """Do a job; False where another worker was first."""
        job = self.jobs.take(found.id, self.name, self.lease)
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

    def let_others(self, rank: int, own: Attempt | None = None) -> None:
        """Jobs of a lower rank that wait go now, as far as their models have room beside those in use.

        Raises:
            MakeWay: the next one has room once the model of ``own`` is let go.
        """
        while not self.closing.is_set() and (waiting := self.waiting(rank)):
            job = next((job for job in waiting if self.places.fits(job, self.in_use)), None)
            if job is None:
                if own is not None and any(self.places.fits(job, self.used_beside(own)) for job in waiting):
                    raise MakeWay
                return
            if own is not None:
                own.pausing(job)
            self._took(job)

    @property
    def in_use(self) -> tuple[ModelHost, ...]:
        """Models of the runs that this worker is at."""
        return self.used_beside(None)

    def used_beside(self, own: Attempt | None) -> tuple[ModelHost, ...]:
        """Models of the other runs that this worker is at."""
        others = (attempt.hand for attempt in self.attempts if attempt is not own)
        return tuple(dict.fromkeys(hand.host for hand in others if hand is not None))

    def _do(self, job: Job) -> None:
        """The job, to its end: done, failed, or given back."""
        try:
            {"run": self._run, "load": self._load, "unload": self._unload, "import": self._import}[job.what](job)
        except Stopped as stop:
            log.info("job %d stopped: %s", job.id, stop.reason)
            self.jobs.release(job.id, self.name)
        except MakeWay:
            self.jobs.release(job.id, self.name)
            raise
        except OutOfMemory as error:
            if self.in_use:
                self.jobs.log(job.id, "out of memory beside another run: again once that has let its model go")
                self.jobs.release(job.id, self.name)
                raise MakeWay from None
            self._failed(job, error.expected, error.found, error.remedy)
        except GolgiError as error:
            self._failed(job, error.expected, error.found, error.remedy)
        except Exception as error:
            log.exception("job %d failed", job.id)
            remedy = "Try again; if it happens again, report it with the log of the server."
            self._failed(job, "a job that ends by itself", f"{type(error).__name__} in the program", remedy)

    def host(self, slug: str) -> ModelHost:
        """The loaded model, remembered with its card."""
        host = self.hosts.get(slug, self.in_use)
        self.cards = self.hosts.loaded()
        return host

    def host_of(self, job: Job, run: Run) -> ModelHost:
        """The loaded model of a run, found by its folder where it lies outside the models folder; also after it had to
        make room for others.

        Raises:
            NotFound: it is not on this machine.
            GolgiError: the folder holds another model than the one the run was started for.
        """
        place = self.places.of(job)
        if place is None:
            raise NotFound(
                "the model's folder", f"no {job.payload['model_folder']} any more", "Put it back, or start anew."
            )
        host = self.host(place)
        see_same(host.card, run)
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
        self.jobs.progress(job.id, Progress(stage=Stage.LOADING))
        self.registry.remember(self.host(self.places.of(job) or slug).card)
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _unload(self, job: Job) -> None:
        name = job.payload["model"]
        place = self.places.of(job) or name
        if any(host.card.source == place for host in self.in_use):
            told = "a run that is under way has it: it stays until that has ended; unload it then"
        else:
            told = "unloaded" if self.hosts.unload(place) else "was not loaded"
        self.cards = self.hosts.loaded()
        self.jobs.log(job.id, told)
        self.beat()
        self.jobs.finish(job.id, JobState.DONE)

    def _import(self, job: Job) -> None:
        """A dataset; a stop leaves nothing of it. Interactive jobs go between two batches of rows."""
        settings = ImportSettings.model_validate(job.payload)
        self.data.sweep(settings.name)
        told = [0]

        def tell(done: int, total: int) -> None:
            self.obey(job.id)
            told[:] = [max(done, total)]
            self.jobs.progress(job.id, Progress(done=done, total=total, unit="rows"))
            self.let_others(job.rank)

        try:
            coming_in = Import(settings, self.data, self.hosts, tell)
            dataset = coming_in.go()
        except Stopped as stop:
            if stop.reason != "user":
                raise
            self.jobs.log(job.id, "stopped; nothing was kept")
            self.jobs.finish(job.id, JobState.CANCELLED)
        except Exception:
            remove_staged(settings)
            raise
        else:
            self.jobs.progress(job.id, Progress(done=told[0], total=told[0], unit="rows"))
            same = "" if dataset.name == settings.name else f": the same content was there already as '{dataset.name}'"
            for note in coming_in.notes.told():
                self.jobs.log(job.id, str(note))
            read = self.jobs.get(job.id).progress
            self.jobs.progress(job.id, read.model_copy(update={"message": dataset.name}))
            held = f"{dataset.queries:,} queries, {dataset.passages:,} passages, {dataset.judgements:,} judgements"
            self.jobs.log(job.id, f"{read.total:,} rows: {held}, {dataset.candidates:,} candidates{same}")
            self.jobs.finish(job.id, JobState.DONE)
        remove_staged(settings)

    def _run(self, job: Job) -> None:
        attempt = Attempt(self, job, self.runs.get(job.run_id or 0))
        self.attempts.append(attempt)
        try:
            attempt.go()
        finally:
            attempt.let_go()
            self.attempts.pop()
