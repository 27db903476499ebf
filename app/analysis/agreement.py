"""How far two rankings or sets of neurons agree, against chance (``nig.md`` section 9, rule 7).

Axes: N neurons of one space.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, rankdata

Units = NDArray[np.int64]
Floats = NDArray[np.float64]
DEPTHS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Overlap:
    """Two sets of a space of N.

    Args:
        shared: members of both. expected: by chance, |A| |B| / N.
        jaccard: shared over united. chance_jaccard: the same for the expected number.
        p: hypergeometric probability of at least as many by chance.
    """

    size_a: int
    size_b: int
    shared: int
    expected: float
    jaccard: float
    chance_jaccard: float
    p: float

    @property
    def coefficient(self) -> float:
        """Shared over the smaller set: 1 where one lies within the other."""
        return self.shared / max(1, min(self.size_a, self.size_b))

    @property
    def chance_coefficient(self) -> float:
        """The same for the expected number."""
        return self.expected / max(1, min(self.size_a, self.size_b))


def overlap(a: Units, b: Units, total: int) -> Overlap:
    """The overlap of two sets of flat indices."""
    shared = len(np.intersect1d(a, b))
    expected = len(a) * len(b) / total
    united = len(a) + len(b)
    return Overlap(
        len(a),
        len(b),
        shared,
        expected,
        shared / (united - shared) if united else 0.0,
        expected / (united - expected) if united else 0.0,
        float(hypergeom.sf(shared - 1, total, len(a), len(b))),
    )


def by_depth(first: Units, second: Units, depths: Sequence[float] = DEPTHS) -> tuple[tuple[int, Overlap], ...]:
    """Number taken from the top of two full rankings (flat indices, first rank first) to their overlap."""
    total = len(first)
    sizes = sorted({max(1, round(depth * total)) for depth in depths})
    return tuple((size, overlap(first[:size], second[:size], total)) for size in sizes)


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation, mean ranks for ties; NaN where one side is constant."""
    first, second = rankdata(a), rankdata(b)
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second / size) if size > 0 else float("nan")


def intersection_chance(sizes: Sequence[int], total: int) -> float:
    """Expected size of the intersection of independent sets: N times the product of their shares."""
    return float(total * np.prod([size / total for size in sizes]))


def matrix(sets: Mapping[str, Units], total: int) -> dict[tuple[str, str], Overlap]:
    """Overlap of every pair of sets."""
    names = list(sets)
    return {(a, b): overlap(sets[a], sets[b], total) for at, a in enumerate(names) for b in names[at + 1 :]}


@dataclass(frozen=True)
class Agreement:
    """How far sets of one group agree with each other and with those of other groups: mean Jaccard over pairs of sets.

    Args:
        within, beyond: over pairs of one group, of two groups; NaN where there is no such pair.
        chance: that of random sets of these sizes, over all pairs.
        of: group to its own mean, for groups of at least two.
    """

    within: float
    beyond: float
    chance: float
    of: Mapping[str, float]


def agreement(sets: Mapping[str, Units], groups: Mapping[str, str], total: int) -> Agreement:
    """Agreement of sets of a space of ``total`` neurons, by the group that each belongs to."""
    pairs = {pair: _jaccard(sets[pair[0]], sets[pair[1]]) for pair in itertools.combinations(sets, 2)}
    expected = [len(sets[a]) * len(sets[b]) / total for a, b in pairs]
    chance = [e / max(len(sets[a]) + len(sets[b]) - e, 1e-9) for (a, b), e in zip(pairs, expected, strict=True)]
    own: dict[str, list[float]] = {}
    for (a, b), value in pairs.items():
        if groups[a] == groups[b]:
            own.setdefault(groups[a], []).append(value)
    return Agreement(
        _mean([value for values in own.values() for value in values]),
        _mean([value for (a, b), value in pairs.items() if groups[a] != groups[b]]),
        _mean(chance),
        {group: _mean(values) for group, values in own.items()},
    )


def set_jaccard(a: Units, b: Units) -> float:
    """Shared over united of two sets of flat indices; NaN where both are empty."""
    united = len(np.union1d(a, b))
    return len(np.intersect1d(a, b)) / united if united else float("nan")


def _jaccard(a: Units, b: Units) -> float:
    shared = len(np.intersect1d(a, b))
    return shared / max(1, len(a) + len(b) - shared)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def combinations(sets: Mapping[str, Units], most: int = 12) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Largest exclusive intersections: neurons that are in exactly these sets, most first."""
    members: dict[int, list[str]] = {}
    for name, units in sets.items():
        for unit in units.tolist():
            members.setdefault(unit, []).append(name)
    counts: dict[tuple[str, ...], int] = {}
    for names in members.values():
        counts[tuple(names)] = counts.get(tuple(names), 0) + 1
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most])
