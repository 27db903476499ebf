"""The strongest scores of one prompt, of either sign, as searches keep them; and what these neurons write."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import Strongest
from app.domain.sites import NeuronSpace
from app.methods.base import Attribution
from app.models.host import ModelHost

KEPT = 2000
FLOOR = 0.02
"""Scores below this share of a prompt's largest are not stored: no threshold goes lower."""
READ, WORDS = 60, 6
"""How many neurons of a prompt, of either sign, are read as tokens, and how many tokens at either end."""


def strongest_of(attribution: Attribution, space: NeuronSpace) -> Strongest:
    """The strongest scores of a prompt, down to a share of its largest, in float32 as they are stored."""
    scores = _stored(attribution, space)
    found = Strongest.of(scores, KEPT)
    kept = found.scores > _floor(scores)
    return Strongest(found.neurons[kept], found.scores[kept])


def most_negative_of(attribution: Attribution, space: NeuronSpace) -> Strongest:
    """The scores furthest below zero, down to the same share of the largest score above zero (``qrnca.md`` section 18,
    5): signed, the lowest first."""
    scores = _stored(attribution, space)
    found = Strongest.of(-scores, KEPT)
    kept = found.scores > _floor(scores)
    return Strongest(found.neurons[kept], -found.scores[kept])


def read_neurons(host: ModelHost, attributions: Sequence[Attribution], space: NeuronSpace) -> dict[str, Any]:
    """What the strongest neurons of a query write: flat index to the tokens that they raise and lower most."""
    ends = [of(attribution, space) for attribution in attributions for of in (strongest_of, most_negative_of)]
    strongest = [found.neurons[:READ].tolist() for found in ends]
    flat = sorted({number for numbers in strongest for number in numbers})
    reading: dict[str, Any] = {}
    for site, units in space.split(np.asarray(flat, dtype=np.int64)).items():
        logits = host.weights.vocabulary(site.layer, units.tolist())
        for unit, row in zip(units.tolist(), logits, strict=True):
            tokens = (row.topk(WORDS).indices.tolist(), row.topk(WORDS, largest=False).indices.tolist())
            words = [[host.tokenizer.decode([token]) for token in one] for one in tokens]
            reading[str(space.offsets[site] + unit)] = words
    return reading


def _stored(attribution: Attribution, space: NeuronSpace) -> NDArray[np.float64]:
    """[N] scores of a prompt, rounded to float32 as they are stored."""
    scores: NDArray[np.float64] = np.concatenate([attribution.neurons[site][0] for site in space.sites])
    return scores.astype(np.float32).astype(np.float64)


def _floor(scores: NDArray[np.float64]) -> float:
    return FLOOR * max(0.0, float(scores.max(initial=0.0)))
