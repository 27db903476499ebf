"""Stored scores of locators as numbers: rank correlations, shared tops, and the effect of each one's set.

Axes: Q queries, n tested neurons of a query.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.analysis.agreement import overlap, spearman
from app.analysis.uncertainty import Effect, effects
from app.domain.results import ItemRow
from app.domain.sites import NeuronSpace

Floats = NDArray[np.float64]
RELEVANT, RANDOM, COMMON = "query-relevant", "random, same blocks", "common"
FEWEST = 5
"""Tested neurons of a query, at least: a rank correlation over fewer says nothing."""


@dataclass(frozen=True)
class PairLine:
    """Two locators: mean over queries of the rank correlation of the tested neurons; None where it never exists."""

    first: str
    second: str
    spearman: Effect | None


@dataclass(frozen=True)
class TopLine:
    """Two locators' tops of one size: mean Jaccard over queries, and that of chance."""

    first: str
    second: str
    size: float
    jaccard: Effect
    chance: float


@dataclass(frozen=True)
class SetLine:
    """One locator's sets switched off: relative change of the own answer, against random sets, paired by query."""

    name: str
    change: Effect
    beyond: Effect | None


class Locators:
    """What was told of some queries."""

    def __init__(self, rows: Sequence[ItemRow], space: NeuronSpace) -> None:
        self.rows, self.space = list(rows), space

    @property
    def names(self) -> tuple[str, ...]:
        """Every locator, those that score all neurons first."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.notes["scores"]))

    @property
    def whole(self) -> tuple[str, ...]:
        """Locators that score all neurons."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.notes["tops"]))

    def pairs(self) -> tuple[PairLine, ...]:
        """Every pair of locators; intervals over queries."""
        return tuple(self._pair(a, b) for a, b in itertools.combinations(self.names, 2))

    def _pair(self, first: str, second: str) -> PairLine:
        told = [
            spearman(np.asarray(row.notes["scores"][first]), np.asarray(row.notes["scores"][second]))
            for row in self.rows
            if len(row.notes["neurons"]) >= FEWEST
        ]
        known = np.asarray([value for value in told if np.isfinite(value)])
        return PairLine(first, second, effects(known[:, None])[0] if len(known) else None)

    def small(self) -> int:
        """Queries with too few tested neurons for a correlation."""
        return sum(len(row.notes["neurons"]) < FEWEST for row in self.rows)

    def tops(self) -> tuple[TopLine, ...]:
        """Tops of locators that score all neurons, and each against the query-relevant neurons at their size."""
        lines = [self._top(a, b) for a, b in itertools.combinations(self.whole, 2)]
        lines += [self._against(name) for name in self.whole if any(row.notes["relevant"] for row in self.rows)]
        return tuple(lines)

    def _top(self, first: str, second: str) -> TopLine:
        pairs = [(row.notes["tops"][first], row.notes["tops"][second]) for row in self.rows]
        return self._shared(first, second, pairs)

    def _against(self, name: str) -> TopLine:
        kept = [row.notes for row in self.rows if row.notes["relevant"]]
        pairs = [(notes["relevant"], notes["tops"][name][: len(notes["relevant"])]) for notes in kept]
        return self._shared(RELEVANT, name, pairs)

    def _shared(self, first: str, second: str, pairs: Sequence[tuple[list[int], list[int]]]) -> TopLine:
        told = [overlap(np.asarray(a), np.asarray(b), len(self.space)) for a, b in pairs]
        shared = effects(np.asarray([[one.jaccard] for one in told]))[0]
        size = float(np.mean([one.size_a for one in told]))
        return TopLine(first, second, size, shared, float(np.mean([one.chance_jaccard for one in told])))

    def layers(self) -> Mapping[str, Mapping[int, int]]:
        """Set to block to how many of its neurons lie there, all queries together."""
        sets = {RELEVANT: [row.notes["relevant"] for row in self.rows]}
        sets |= {name: [row.notes["tops"][name] for row in self.rows] for name in self.whole}
        return {f"{name}, top" if name in self.whole else name: self._counted(many) for name, many in sets.items()}

    def _counted(self, many: Sequence[Sequence[int]]) -> dict[int, int]:
        counts = dict.fromkeys(self.space.layers, 0)
        for flat in itertools.chain.from_iterable(many):
            counts[self.space.index(flat).layer] += 1
        return counts

    def sets(self) -> tuple[SetLine, ...]:
        """Each locator's set of the size of the query-relevant neurons, switched off; p values corrected (Holm)."""
        swaps = [row.notes["swap"] for row in self.rows if row.notes["swap"]["size"]]
        if not swaps:
            return ()
        names = list(swaps[0]["changes"])
        random = np.asarray([np.mean(swap["random"]) for swap in swaps])
        changes = np.asarray([[swap["changes"][name] for name in names] for swap in swaps])
        own, beyond = effects(changes), effects(changes - random[:, None])
        lines = [SetLine(name, a, b) for name, a, b in zip(names, own, beyond, strict=True)]
        return (*lines, SetLine(RANDOM, effects(random[:, None])[0], None))

    def tracing(self) -> tuple[tuple[int, Effect], ...]:
        """Block to what putting its values back recovers of the right token's probability under noise."""
        traces = [row.notes["tracing"] for row in self.rows if row.notes.get("tracing")]
        if not traces:
            return ()
        gained = np.asarray([np.asarray(one["restored"]) - one["noised"] for one in traces])
        return tuple(zip(self.space.layers, effects(gained), strict=True))

    def noised(self) -> tuple[float, float]:
        """(probability of the right token, the same under noise), means over queries."""
        traces = [row.notes["tracing"] for row in self.rows if row.notes.get("tracing")]
        return float(np.mean([one["intact"] for one in traces])), float(np.mean([one["noised"] for one in traces]))

    def points(self, first: str, second: str) -> tuple[tuple[str, str, str, float, float], ...]:
        """(query, group, neuron, score by one locator, by another) of every tested neuron."""
        return tuple(
            (str(row.notes["query"]), str(group), str(self.space.index(flat)), float(a), float(b))
            for row in self.rows
            for flat, group, a, b in zip(
                row.notes["neurons"],
                row.notes["groups"],
                row.notes["scores"][first],
                row.notes["scores"][second],
                strict=True,
            )
        )

    def remainder(self, name: str) -> tuple[float, float]:
        """(median, largest) unexplained share of a locator's sums over the queries."""
        told = [row.notes["remainder"].get(name, 0.0) for row in self.rows]
        return (float(np.median(told)), float(np.max(told))) if told else (0.0, 0.0)
