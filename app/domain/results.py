"""One row type per table of results. Arrays are numpy; the store turns them into little-endian blobs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.interventions import Axis


def told(value: Any) -> Any:
    """A value as JSON tells it: what is no finite number is null; readers take null as not a number."""
    if isinstance(value, Mapping):
        return {name: told(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [told(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class ArrayRow:
    """Values of one site: [U] (or any shape; the last axis is the unit).

    Args:
        group: ``scores`` for attributions.
        name: ``mean``, ``se`` or ``positive``.
        part: part of the input, ``all`` first.
        kind, layer: the site.
        n: examples behind it.
        values: float32 when stored.
    """

    group: str
    name: str
    part: str
    kind: str
    layer: int
    n: int
    values: NDArray[np.floating]


@dataclass(frozen=True)
class TopNeuron:
    """A unit near an end of the ranking; ``side`` is ``top`` or ``bottom``, ``rank`` counts from 1."""

    name: str
    side: str
    rank: int
    kind: str
    layer: int
    unit: int
    score: float


@dataclass(frozen=True)
class ItemRow:
    """Per-example result.

    Args:
        item: number of the example within the run.
        label: what the row holds, ``explain`` for attributions.
        tokens: one mapping per token: text, segment, word, start, end, score (relevance in the target's unit).
        values: numbers by name (score, baseline_score, ...).
        notes: anything else by name (path: list of F(alpha), residual per site, steps, ...).
    """

    item: int
    label: str
    tokens: list[dict[str, Any]]
    values: Mapping[str, float]
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SettingRow:
    """One state of the model under test, by ordinal; ``about`` is the setting without its members."""

    ordinal: int
    text: str
    family: str
    seed: int | None
    about: Mapping[str, Any]
    members: NDArray[np.int64]

    @property
    def axis(self) -> Axis:
        """The question it belongs to."""
        return Axis(self.about["axis"])

    @property
    def count(self) -> int:
        """Neurons edited."""
        return int(self.about["count"])

    @property
    def amount(self) -> float:
        """λ of an op that scales."""
        return float(self.about["amount"])

    @property
    def label(self) -> str:
        """Of the set, where there are several."""
        return str(self.about.get("label", ""))


@dataclass(frozen=True)
class ResponseRow:
    """Answers under one setting: ``values`` [items, Y], columns named in the run's facts (``outputs``)."""

    ordinal: int
    first_item: int
    values: NDArray[np.float64]


Row = ArrayRow | TopNeuron | ItemRow | SettingRow | ResponseRow
