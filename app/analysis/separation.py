"""How far a number tells relevant passages from others: means of both, their difference, and the AUROC.

Axes: n values, Q queries, R redraws. Intervals are 95 % and redraw whole queries, whose passages go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
REDRAWS = 1000


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Separation:
    """One number of passages, in its own unit. ``counts`` and the means are those of the relevant ones, then of the
    others; ``auroc`` is the probability that a relevant one has the larger number, ties counted half."""

    counts: tuple[int, int]
    relevant: Estimate
    others: Estimate
    difference: Estimate
    auroc: Estimate


def separation(values: Floats, relevant: NDArray[np.bool_], queries: Sequence[str], seed: int = 0) -> Separation | None:
    """Of [n] values; None where a class is empty.

    Args:
        values: a number of each passage. relevant: [n] its class. queries: [n] whose passage it is.
    """
    if relevant.all() or not relevant.any():
        return None
    names, of = np.unique(np.asarray(queries), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=REDRAWS)
    weights = np.concatenate([np.ones((1, len(names))), drawn])[:, of].astype(np.float64)  # [1 + R, n]
    positive, negative = weights * relevant, weights * ~relevant
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (positive @ values / positive.sum(1), negative @ values / negative.sum(1))
        areas = _areas(values, positive, negative)
    counts = (int(relevant.sum()), int((~relevant).sum()))
    return Separation(counts, *(_estimate(one) for one in (*means, means[0] - means[1], areas)))


def _areas(values: Floats, positive: Floats, negative: Floats) -> Floats:
    """[R] weighted AUROC of every redraw; NaN where one lacks a class."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    up = np.add.reduceat(positive[:, order], starts, axis=1)
    down = np.add.reduceat(negative[:, order], starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    return np.asarray((up * below).sum(1) / (up.sum(1) * down.sum(1)), dtype=np.float64)


def _estimate(redraws: Floats) -> Estimate:
    """The first is the value itself, the others are redraws; those that lack a class are left out."""
    known = redraws[1:][np.isfinite(redraws[1:])]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Estimate(float(redraws[0]), float(low), float(high))
