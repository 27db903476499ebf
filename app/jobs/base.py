"""What a worker needs of a run: plan once, work shard by shard, fold in order, finish."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.data.samples import DatasetReader
from app.domain.question_sets import NO_QUESTIONS, QuestionReader
from app.domain.results import ItemRow, Row
from app.domain.runs import Lane, Run
from app.domain.scores import NeuronScores, RunningScores
from app.domain.sites import NeuronSpace
from app.models.host import ModelHost


class ScoreReader(Protocol):
    """What a kind may read of stored runs."""

    def scores(self, number: int, name: str = "mean") -> NeuronScores:
        """All scores of a run."""
        ...

    def named(self, number: int, group: str) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Name and part to the values of every array of a group of a run."""
        ...

    def items(self, number: int) -> tuple[ItemRow, ...]:
        """Per-example results of a run, in order."""
        ...

    def space(self, number: int) -> NeuronSpace:
        """The neurons that a run scores."""
        ...

    def responses(self, number: int) -> Mapping[int, Mapping[int, NDArray[np.float64]]]:
        """Ordinal of a setting to item to [Y] answers of a run."""
        ...


class ModelFolders(Protocol):
    """Where models lie."""

    @property
    def root(self) -> Path:
        """The folder with one folder per model."""
        ...

    def folder(self, name: str) -> Path:
        """The local folder of a model."""
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
    """Input runs by role, readers of results and of stored datasets and question sets, and the number of the run
    itself; ``models`` is where models lie, None for work that is done without a worker."""

    runs: Mapping[str, Run]
    results: ScoreReader
    data: DatasetReader
    own: int = 0
    questions: QuestionReader = NO_QUESTIONS
    models: ModelFolders | None = None


class Work(Protocol):
    """The work of one run, made once per attempt: what all shards share is made once."""

    def plan(self) -> dict[str, Any]:
        """What is fixed before the first shard; JSON values, stored with the run; the only adaptive step."""
        ...

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """The shards of a plan, in order."""
        ...

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """One shard; may be run again, with the same result."""
        ...

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """What the folded sums amount to; also called on what a stopped run has."""
        ...


class JobKind(Protocol):
    """What the worker knows of a kind of run."""

    @property
    def version(self) -> int:
        """Of its arithmetic."""
        ...

    @property
    def unit(self) -> str:
        """What the items of its shards are, in words."""
        ...

    def lane(self, settings: Mapping[str, Any]) -> Lane:
        """Interactive or batch, of a stored question."""
        ...

    def begin(self, settings: Mapping[str, Any], given: Inputs, host: ModelHost) -> Work:
        """The work of a stored question."""
        ...
