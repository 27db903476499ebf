"""What is measured of an answer before and after its neurons are scaled (``qrnca.md`` section 8).

Axes: an answer is [4] shares: of the right token, mean and largest of the wrong ones, of all options together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIGHT, RIGHT_AMONG = "right", "among"


@dataclass(frozen=True)
class Measure:
    """One way to tell two answers apart.

    Args:
        title: of its switch. unit: of the axis. relative: a share of what was there before, else a difference of
            probabilities. choices: told only where an answer is chosen from several options.
        of: [n, 4] shares before and after to [n] numbers.
    """

    title: str
    unit: str
    relative: bool
    choices: bool
    of: Callable[[Floats, Floats], Floats]


MEASURES: Mapping[str, Measure] = {
    RIGHT: Measure(
        "Right token",
        "relative change of the right token's probability",
        True,
        False,
        lambda before, after: (after[:, 0] - before[:, 0]) / before[:, 0],
    ),
    "margin": Measure(
        "Margin",
        "change of P(right) − P(likeliest wrong)",
        False,
        False,
        lambda before, after: (after[:, 0] - after[:, 2]) - (before[:, 0] - before[:, 2]),
    ),
    "wrong": Measure(
        "Wrong options",
        "change of the wrong options' mean probability",
        False,
        True,
        lambda before, after: after[:, 1] - before[:, 1],
    ),
    "mass": Measure(
        "All options",
        "change of the probability of all options together",
        False,
        True,
        lambda before, after: after[:, 3] - before[:, 3],
    ),
    RIGHT_AMONG: Measure(
        "Among the options",
        "relative change of the right token's share among the options",
        True,
        True,
        lambda before, after: (after[:, 0] / after[:, 3]) / (before[:, 0] / before[:, 3]) - 1,
    ),
}


def measured(measure: str, pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Mean of a measure over (before, after); NaN without any, and where it is not told of a lone answer."""
    if not pairs:
        return float("nan")
    before, after = (np.asarray([pair[at] for pair in pairs], dtype=np.float64) for at in (0, 1))
    if measure == RIGHT_AMONG and np.isnan(before[:, 1]).any():
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(MEASURES[measure].of(before, after)))


def accuracy(shares: Sequence[float]) -> bool:
    """Whether the right token beats the largest of the others."""
    return shares[0] >= shares[2]
