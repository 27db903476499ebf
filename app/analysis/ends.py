"""The strongest units of a site, from both ends of its ranking.

Axes: U units of a site, K of them kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.sites import Site

PER_SIGN, IN_ALL = 24, 3000
"""Units kept of each sign and site, and of all sites together, where that is fewer."""


@dataclass(frozen=True)
class Ends:
    """Both ends of one site's ranking.

    Args:
        site: where the units are.
        width: U, how many units it has.
        units: [K] numbers of the kept units: positive scores, largest first, then negative ones, lowest first.
        scores: [K] their scores, in the target's unit; never 0.
        ranks: [K] from 1, within the site and from the end that the sign names.
        se: [K] standard error of each score, in its unit; None where there is none.
        positive, negative: sums over all U units.
    """

    site: Site
    width: int
    units: NDArray[np.int64]
    scores: NDArray[np.float64]
    ranks: NDArray[np.int64]
    se: NDArray[np.float64] | None
    positive: float
    negative: float


def ends(
    site: Site,
    values: NDArray[np.floating],
    count: int,
    se: NDArray[np.floating] | None = None,
    sums: tuple[float, float] | None = None,
) -> Ends:
    """At most ``count`` units of each sign of [U] scores; ties go to the lower unit.

    ``se``: [U] standard errors. ``sums``: of positive and of negative scores, where they are known.
    """
    low, high = _thresholds(values, count)
    top, bottom = np.flatnonzero((values >= high) & (values > 0)), np.flatnonzero((values <= low) & (values < 0))
    top = top[np.argsort(-values[top], kind="stable")][:count]
    bottom = bottom[np.argsort(values[bottom], kind="stable")][:count]
    units = np.concatenate([top, bottom])
    if sums is None:
        sums = float(values[values > 0].sum(dtype=np.float64)), float(values[values < 0].sum(dtype=np.float64))
    return Ends(
        site=site,
        width=len(values),
        units=units,
        scores=values[units].astype(np.float64),
        ranks=np.concatenate([np.arange(1, len(top) + 1), np.arange(1, len(bottom) + 1)]),
        se=None if se is None else se[units].astype(np.float64),
        positive=sums[0],
        negative=sums[1],
    )


def per_sign(sites: int) -> int:
    """How many units of each sign are kept where there are this many sites."""
    return max(1, min(PER_SIGN, IN_ALL // (2 * max(1, sites))))


def _thresholds(values: NDArray[np.floating], count: int) -> tuple[float, float]:
    """The score of rank ``count`` from the bottom and from the top of [U] values; all pass where there are fewer."""
    if not 0 < count <= len(values):
        return np.inf, -np.inf
    parted = np.partition(values, (count - 1, len(values) - count))
    return float(parted[count - 1]), float(parted[len(values) - count])
