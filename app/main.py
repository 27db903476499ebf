"""Everything wired together once: settings in, services out."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import torch
from fastapi import FastAPI

from app.data.demo import Demo
from app.domain.errors import BadInput
from app.domain.runs import Run
from app.jobs.worker import Worker
from app.kinds import kinds
from app.models.loading import DTYPES, Hosts
from app.services.catalogue import Catalogue
from app.services.compare import Compare
from app.services.container import Services
from app.services.datasets import Datasets
from app.services.exports import Exports
from app.services.forms import Forms
from app.services.home import Home
from app.services.keeping import Keeping
from app.services.notebooks import Notebooks
from app.services.overview import Overview
from app.services.pages import Pages
from app.services.question_drafts import QuestionDrafts
from app.services.question_sets import QuestionSets
from app.services.queue import Queue
from app.services.requests import Requests
from app.services.sets import Sets
from app.settings import Settings
from app.store.dataset_writer import DatasetWriter
from app.store.db import Database
from app.store.jobs import Jobs
from app.store.library import Library
from app.store.question_sets import QuestionSets as QuestionStore
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs
from app.store.sets import Sets as SetStore
from app.web.app import create_app

RECORDED = Path(__file__).parent / "demo" / "recorded"
DRAWN = 4
"""So many of the recorded runs are shown on the first page; they come first."""


@dataclass(frozen=True)
class Golgi:
    """A wired instance: the services, and a worker that is not running yet."""

    settings: Settings
    db: Database
    services: Services
    worker: Worker
    later: tuple[Path, ...] = ()

    def app(self) -> FastAPI:
        """The web application."""
        return create_app(self.services, self.settings)

    def find(self, text: str) -> Run:
        """A run by number or fingerprint.

        Raises:
            NotFound: there is none.
        """
        return self.services.requests.desk.run(text)

    def check_device(self) -> None:
        """See that the chosen device is there; pages alone do without it.

        Raises:
            BadInput: there is no such device.
        """
        device, count = self.worker.hosts.device, torch.cuda.device_count()
        if device.type == "cuda" and (device.index or 0) >= count:
            known = ", ".join(["auto", "cpu", *(f"cuda:{number}" for number in range(count))])
            raise BadInput(f"a device of this machine: {known}", f"'{device}'", "Choose one with --device.", "device")

    def take_in(self) -> None:
        """Open the recorded runs that were left for later, one after another."""
        for path in self.later:
            if self.worker.closing.is_set():
                return
            self.services.exports.load_bundle(path.read_bytes(), recorded=True)

    def start_worker(self) -> threading.Thread:
        """Run the worker in a thread of this process.

        Raises:
            BadInput: the device is not there.
        """
        self.check_device()
        thread = threading.Thread(target=self.worker.run_forever, name="worker", daemon=True)
        thread.start()
        return thread


def build(settings: Settings, recorded: Path | None = RECORDED, *, wait: bool = True) -> Golgi:
    """Migrate the database, open recorded runs, wire the services.

    Args:
        settings: where everything is.
        recorded: folder of the recorded runs; None for none.
        wait: for all of them; else only those that the first page draws are opened, and :meth:`Golgi.take_in` opens
            the others.

    Raises:
        BadInput: a setting that cannot be.
    """
    _check(settings)
    db = Database(settings.url)
    db.migrate()
    hosts = Hosts(
        settings.models_dir,
        device=settings.device,
        dtype=settings.dtype,
        budget_bytes=int(settings.model_budget_gb * 1e9) or None,
        offline=settings.offline,
        aliases=settings.aliases,
        converted=settings.data_dir / "converted",
    )
    runs, results, jobs, registry, data = Runs(db), Results(db), Jobs(db), Registry(db), DatasetWriter(db)
    sets, questions, demo = SetStore(db), QuestionStore(db), Demo()
    requests = Requests(hosts, registry, runs, results, jobs, data, sets, questions, demo)
    queue = Queue(jobs, requests.desk)
    pages = Pages(runs, results, jobs, registry, data, questions, queue, Library(db))
    saved = Sets(sets, runs, results, registry)
    catalogue = Catalogue(requests.desk, jobs)
    services = Services(
        catalogue=catalogue,
        forms=Forms(requests.desk, catalogue),
        requests=requests,
        pages=pages,
        notebooks=Notebooks(pages),
        sets=saved,
        keeping=Keeping(pages, saved),
        compare=Compare(pages, sets),
        exports=Exports(runs, results, jobs, data),
        demo=demo,
        home=Home(pages, demo, catalogue),
        datasets=Datasets(data, jobs, settings.data_dir / "uploads", settings.imports),
        questions=QuestionSets(questions, settings.data_dir / "uploads"),
        drafts=QuestionDrafts(questions),
        runs=runs,
        jobs=jobs,
        queue=queue,
        overview=Overview(requests.desk, catalogue, saved),
    )
    bundles = sorted(recorded.glob("*.zip")) if recorded is not None else []
    at_once = len(bundles) if wait else DRAWN
    for path in bundles[:at_once]:
        services.exports.load_bundle(path.read_bytes(), recorded=True)
    worker = Worker(db, hosts, kinds(), settings.lease_seconds, settings.preload)
    return Golgi(settings, db, services, worker, tuple(bundles[at_once:]))


def _check(settings: Settings) -> None:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", settings.device):
        raise BadInput("auto, cpu, cuda or cuda:N", f"'{settings.device}'", "Choose one with --device.", "device")
    if settings.dtype not in ("auto", *DTYPES):
        known = ", ".join(("auto", *DTYPES))
        raise BadInput(f"one of {known}", f"'{settings.dtype}'", "Correct GOLGI_DTYPE.", "dtype")
