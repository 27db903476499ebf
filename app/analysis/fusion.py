"""Several datasets' scores as one (``nig.md`` section 9, rule 6). Axes: D datasets, N neurons."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Fusion = Literal["mean", "l1", "z", "rrf"]
TITLES: dict[Fusion, str] = {
    "mean": "mean of the scores",
    "l1": "mean of the scores, each dataset's divided by the sum of its magnitudes",
    "z": "mean of the scores, each dataset's standardised",
    "rrf": "sum of 1 / (60 + rank)",
}


def fused(scores: NDArray[np.float64], how: Fusion = "mean") -> NDArray[np.float64]:
    """[N] one score per neuron of [D, N]; ranks count from 1, ties by index."""
    if how == "mean":
        return np.asarray(scores.mean(axis=0))
    if how == "l1":
        size = np.abs(scores).sum(axis=1, keepdims=True)
        return np.asarray((scores / np.where(size > 0, size, 1)).mean(axis=0))
    if how == "z":
        spread = scores.std(axis=1, keepdims=True)
        centred = scores - scores.mean(axis=1, keepdims=True)
        return np.asarray((centred / np.where(spread > 0, spread, 1)).mean(axis=0))
    places = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray((1.0 / (61.0 + places)).sum(axis=0))
