"""Sums over layers and shares of attribution, as shown on the run page."""

from dataclasses import dataclass

import numpy as np

from app.domain.scores import NeuronScores, concentration


@dataclass(frozen=True)
class Summary:
    """Numbers of the result sentence.

    ``top_share``: share of the positive attribution held by the top 1 % of neurons; ``strongest_layer``: block with
    the largest sum of magnitudes; ``positive``, ``negative``: sums over all neurons.
    """

    top_share: float
    strongest_layer: int
    positive: float
    negative: float


def summarise(scores: NeuronScores, part: str = "all") -> Summary:
    """Summary of one part of the input."""
    values = scores.of(part)
    magnitude: dict[int, float] = {}
    for site, where in scores.space.slices():
        magnitude[site.layer] = magnitude.get(site.layer, 0.0) + float(np.abs(values[where]).sum())
    strongest = max(magnitude, key=lambda layer: (magnitude[layer], -layer)) if magnitude else 0
    return Summary(
        concentration(values),
        strongest,
        float(values[values > 0].sum()),
        float(values[values < 0].sum()),
    )
