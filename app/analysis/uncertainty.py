"""How sure a mean over queries is: bootstrap intervals, sign-flip tests, Holm's correction.

Axes: Q queries, K comparisons. All draws are seeded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 10_000
TIE = 1e-9


@dataclass(frozen=True)
class Effect:
    """A paired difference over queries.

    Args:
        mean, low, high: mean and its 95 % bootstrap interval over queries.
        p: two-sided sign-flip p; ``holm``: corrected over the comparisons made together.
        wins, ties, losses: queries above, at, and below zero.
        n: queries.
    """

    mean: float
    low: float
    high: float
    p: float
    holm: float
    wins: int
    ties: int
    losses: int
    n: int


def bootstrap(values: Floats, draws: int = DRAWS, seed: int = 0) -> tuple[Floats, Floats]:
    """([K], [K]) 2.5 % and 97.5 % quantiles of the mean of [Q, K] over resampled queries (percentile method)."""
    count = len(values)
    counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    means = counts @ values / count
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return np.asarray(low), np.asarray(high)


def sign_flip(values: Floats, draws: int = DRAWS, seed: int = 0) -> Floats:
    """[K] two-sided p of the mean of [Q, K] being zero, signs of queries flipped at random together.

    The observed signs count as one of the draws, so p is never below 1 / (draws + 1). Up to 12 queries all flips are
    taken instead, and p is exact.
    """
    count = len(values)
    if count <= 12:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        signs, observed = 1.0 - 2.0 * bits, 0
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, count))
        observed = 1
    sums = np.abs(signs @ values)
    reached = (sums >= np.abs(values.sum(axis=0)) - TIE).sum(axis=0)
    return np.asarray((reached + observed) / (len(signs) + observed), dtype=np.float64)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: each p times the number of those not yet rejected, never falling."""
    order = sorted(range(len(p)), key=lambda at: p[at])
    corrected, running = [0.0] * len(p), 0.0
    for rank, at in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[at]))
        corrected[at] = running
    return corrected


def effects(values: Floats, seed: int = 0) -> tuple[Effect, ...]:
    """One effect per column of [Q, K]; Holm over the K columns."""
    if values.size == 0:
        return ()
    low, high = bootstrap(values, seed=seed)
    raw = sign_flip(values, seed=seed)
    corrected = holm(raw.tolist())
    return tuple(
        Effect(
            float(column.mean()),
            float(low[at]),
            float(high[at]),
            float(raw[at]),
            corrected[at],
            int((column > TIE).sum()),
            int((np.abs(column) <= TIE).sum()),
            int((column < -TIE).sum()),
            len(column),
        )
        for at, column in enumerate(values.T)
    )
