"""What a kind of job is: plan once, work shard by shard, fold in order, finish."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.data.samples import DatasetReader
from app.domain.results import Row
from app.domain.runs import Lane, Run
from app.domain.scores import NeuronScores, RunningScores
from app.models.host import ModelHost


class ScoreReader(Protocol):
    """What a kind may read of stored runs."""

    def scores(self, number: int, name: str = "mean") -> NeuronScores:
        """All scores of a run."""
        ...

    def responses(self, number: int) -> Mapping[int, Mapping[int, NDArray[np.float64]]]:
        """Ordinal of a setting to item to [Y] answers of a run."""
        ...


@dataclass(frozen=True)
class Shard:
    """A piece of the work: ``count`` items from ``first``; ``work`` in row-passes, for progress."""

    number: int
    first: int
    count: int
    work: int


@dataclass(frozen=True)
class Partial:
    """What a shard gives: sums that fold, and rows that are stored with the checkpoint."""

    sums: RunningScores | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Finished:
    """What a run ends with: rows, numbers by name, and warnings."""

    rows: tuple[Row, ...]
    facts: Mapping[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """Input runs by role, readers of results and of the stored datasets, and the number of the run itself."""

    runs: Mapping[str, Run]
    results: ScoreReader
    data: DatasetReader
    own: int = 0


class JobKind(Protocol):
    """One kind of run."""

    key: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]

    def lane(self, settings: BaseModel) -> Lane:
        """Interactive or batch."""
        ...

    def plan(self, settings: BaseModel, given: Inputs, host: ModelHost) -> dict[str, Any]:
        """What is fixed before the first shard; JSON values, stored with the run; the only adaptive step."""
        ...

    def shards(self, settings: BaseModel, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """The shards of a plan, in order."""
        ...

    def work(
        self, settings: BaseModel, plan: Mapping[str, Any], shard: Shard, given: Inputs, host: ModelHost
    ) -> Partial:
        """One shard; may be run again, with the same result."""
        ...

    def finish(
        self,
        settings: BaseModel,
        plan: Mapping[str, Any],
        total: RunningScores | None,
        given: Inputs,
        host: ModelHost,
    ) -> Finished:
        """What the folded sums amount to; also called on what a stopped run has."""
        ...


def kinds() -> Mapping[str, JobKind]:
    """Every kind of the package by key."""
    package = importlib.import_module("app.jobs.kinds")
    found: dict[str, JobKind] = {}
    for info in pkgutil.iter_modules(package.__path__):
        classes: list[tuple[str, Any]] = inspect.getmembers(
            importlib.import_module(f"app.jobs.kinds.{info.name}"), inspect.isclass
        )
        found |= {cls.key: cls() for _, cls in classes if "key" in vars(cls)}
    return found
