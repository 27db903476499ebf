"""A kind of run that counts, and a pool of one host without a model, for tests of the worker."""

import threading
from collections.abc import Collection, Mapping
from typing import Any

import torch
from pydantic import BaseModel

from app.domain.model_card import ModelCard
from app.domain.results import ItemRow
from app.domain.runs import Job, Lane, Run, RunSpec
from app.domain.scores import RunningScores
from app.jobs.base import Finished, Inputs, JobKind, Partial, Shard
from app.jobs.worker import Worker
from app.store.db import Database

CARD: dict[str, Any] = {
    "slug": "m",
    "source": "m",
    "revision": "local",
    "weights_hash": "w",
    "family": "BERT",
    "task": "ranker",
    "layers": 1,
    "hidden": 4,
    "heads": 1,
    "labels": ("relevance",),
    "relevant_label": 0,
    "max_length": 16,
    "dtype": "float32",
    "device": "cpu",
    "parameters": 1,
    "bytes": 4,
    "widths": {},
}


class Host:
    """A host without a model."""

    def __init__(self) -> None:
        self.card, self.device, self.rows = ModelCard(**CARD), torch.device("cpu"), 0
        self.room, self.away = 1.0, 0.0
        self.between = lambda: None


class Pool:
    """A pool of one host; ``forget`` makes the next ``get`` load again, ``gate`` holds a load up."""

    def __init__(self) -> None:
        self.device, self.host, self.gate = torch.device("cpu"), Host(), threading.Event()
        self.lock = threading.Lock()
        self.gate.set()

    def get(self, name: str, keep: Collection[Host] = ()) -> Host:
        with self.lock:
            assert self.gate.wait(20)
            return self.host

    def fits(self, name: str, keep: Collection[Host]) -> bool:
        return True

    def loaded(self) -> tuple[ModelCard, ...]:
        with self.lock:
            return (self.host.card,)

    def unload(self, name: str) -> bool:
        return True


class CountSettings(BaseModel):
    items: int = 3
    lane: Lane = Lane.BATCH
    name: str = ""


class Count:
    """A kind whose shards call ``between`` as a forward pass does, and what a test hands in."""

    version = 1
    unit = "things"

    def __init__(self, worked: Any = None, planned: Any = None) -> None:
        self.worked, self.planned, self.seen = worked, planned, []

    def lane(self, settings: Mapping[str, Any]) -> Lane:
        return CountSettings.model_validate(settings).lane

    def begin(self, settings: Mapping[str, Any], given: Inputs, host: Any) -> "CountWork":
        return CountWork(self, CountSettings.model_validate(settings), host)


class CountWork:
    """The work of one run of the kind."""

    def __init__(self, kind: Count, settings: CountSettings, host: Any) -> None:
        self.kind, self.settings, self.host = kind, settings, host

    def plan(self) -> dict[str, Any]:
        if self.kind.planned:
            self.kind.planned(self.settings)
        self.host.between()
        return {"items": self.settings.items, "rows": 8}

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        return tuple(Shard(number, number, 1, 1) for number in range(plan["items"]))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        self.kind.seen.append((self.settings.name, shard.number))
        if self.kind.worked:
            self.kind.worked(self.settings, plan, shard)
        self.host.between()
        self.host.rows += 1
        return Partial(RunningScores(("all",), 1), (ItemRow(shard.number, "count", [], {"rows": plan["rows"]}),))

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        self.host.between()
        assert plan["items"] == self.settings.items
        return Finished((), {"n": 0 if total is None else total.n}, ())


def worker_of(db: Database, kind: Count, pool: Pool | None = None, lease: float = 15.0) -> Worker:
    kinds: dict[str, JobKind] = {"count": kind}
    return Worker(db, pool or Pool(), kinds, lease)


def asked(worker: Worker, **settings: Any) -> tuple[Run, Job]:
    values = CountSettings(**settings)
    spec = RunSpec(kind="count", version=1, model="m", weights_hash="w", settings=values.model_dump(mode="json"))
    run, _ = worker.runs.create(spec, values.name, values.name)
    return run, worker.jobs.enqueue("run", values.lane, run.id)
