"""Would other queries have given the same neurons? Halves of the sample against each other.

Axes: F folds of queries, N neurons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.analysis.agreement import overlap, spearman

ROTATIONS = 4


@dataclass(frozen=True)
class Stability:
    """Agreement of two disjoint samples of ``n`` examples each, mean over a few ways to draw them."""

    n: float
    spearman: float
    jaccard: float


def stability(means: NDArray[np.float64], counts: NDArray[np.int64], share: float = 0.01) -> tuple[Stability, ...]:
    """Agreement by sample size: sides of 1, 2, ... F/2 folds; ``means`` [F, N], ``counts`` [F] examples.

    ``jaccard`` is that of the top ``share`` of neurons. Empty folds are left out.
    """
    kept = counts > 0
    means, counts = means[kept], counts[kept]
    by_size = []
    for size in range(1, len(counts) // 2 + 1):
        sides = [_sides(means, counts, size, turn) for turn in range(min(ROTATIONS, len(counts)))]
        by_size.append(
            Stability(
                float(np.mean([n for _, _, n in sides])),
                float(np.mean([spearman(a, b) for a, b, _ in sides])),
                float(np.mean([_jaccard(a, b, share) for a, b, _ in sides])),
            )
        )
    return tuple(by_size)


def _sides(
    means: NDArray[np.float64], counts: NDArray[np.int64], size: int, turn: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Weighted means of two disjoint groups of folds, and the mean number of examples of the two."""
    order = np.roll(np.arange(len(counts)), -turn)
    groups = order[:size], order[size : 2 * size]
    sides = [np.average(means[group], axis=0, weights=counts[group]) for group in groups]
    return sides[0], sides[1], float(counts[np.concatenate(groups)].sum() / 2)


def _jaccard(a: NDArray[np.float64], b: NDArray[np.float64], share: float) -> float:
    count = max(1, round(share * len(a)))
    tops = [np.argsort(-values, kind="stable")[:count] for values in (a, b)]
    return overlap(tops[0], tops[1], len(a)).jaccard


@dataclass(frozen=True)
class StabilityLine:
    """One comparison of the sets with those made otherwise, over queries of all domains (``domain`` empty) or of one.

    Args:
        compared: in words. queries: how many were compared, those whose sets are both empty left out.
        mean, low, high: mean and quartiles of the queries' Jaccard; NaN where there is no query.
    """

    compared: str
    domain: str
    queries: int
    mean: float
    low: float
    high: float
