"""What is compared, and the figures of a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from app.analysis import agreement
from app.analysis.agreement import Overlap
from app.domain.neuron_sets import Members
from app.domain.runs import Run
from app.domain.scores import NeuronScores
from app.domain.set_rules import NeuronSet
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.figures import sets as figures
from app.figures.base import Figure

EXTREME = 200


@dataclass(frozen=True)
class Side:
    """One of the things compared: a run's ranking, or a set."""

    key: str
    name: str
    run: Run | None
    saved: NeuronSet | None

    @property
    def weights(self) -> str:
        """Hash of the weights that its neurons belong to."""
        return self.run.spec.weights_hash if self.run else self.saved.weights_hash if self.saved else ""


def members_of(side: Side, scores: Mapping[str, NeuronScores], space: NeuronSpace, share: float) -> Members:
    """Flat indices of a set, or of the top of a ranking."""
    if side.saved is not None:
        return np.asarray(sorted(space.flat(NeuronIndex.parse(text)) for text in side.saved.members), dtype=np.int64)
    return scores[side.key].order()[: max(1, round(share * len(space)))]


def by_depth(sides: Sequence[Side], scores: Mapping[str, NeuronScores], share: float) -> Figure:
    """Members of every side by relative depth, for models whose neurons have no common numbers."""
    lines: dict[str, list[float]] = {}
    for side in sides:
        if side.saved is not None:
            layers = [index.layer for index in side.saved.indices]
            deepest = max(layers)
        else:
            space = scores[side.key].space
            layers = [space.index(int(flat)).layer for flat in members_of(side, scores, space, share)]
            deepest = max(site.layer for site in space.sites)
        depth = np.asarray(layers) / max(deepest, 1)
        lines[side.key] = (np.histogram(depth, bins=np.linspace(0, 1, 7))[0] / len(layers)).tolist()
    names = ", ".join(f"{side.key}: {side.name}" for side in sides)
    return figures.depths(lines, f"{names} · a set's deepest layer counts as 1")


def figures_of(
    sides: Sequence[Side],
    scores: Mapping[str, NeuronScores],
    space: NeuronSpace,
    overlaps: Mapping[tuple[str, str], Overlap],
    share: float,
) -> dict[str, Figure]:
    """The overlaps, and, of two rankings and more, how they agree by size, by layer and neuron by neuron."""
    caption = f"{', '.join(side.key for side in sides)} · {len(space):,} neurons"
    drawn = {"matrix": _matrix(sides, overlaps, f"{caption} · top {100 * share:g} %")}
    if len({side.weights for side in sides}) > 1 and len(sides) > 2:
        drawn["along"] = _along(sides, overlaps, f"{caption} · top {100 * share:g} %")
    ranked = list(scores)
    return drawn | (_of_rankings(ranked, scores, space, caption) if len(ranked) > 1 else {})


def _of_rankings(
    ranked: Sequence[str], scores: Mapping[str, NeuronScores], space: NeuronSpace, caption: str
) -> dict[str, Figure]:
    """Agreement of every two rankings by size; of the first two by layer and neuron by neuron."""
    orders = {key: scores[key].order() for key in ranked}
    pairs = combinations(ranked, 2)
    curves = {f"{first} and {second}": agreement.by_depth(orders[first], orders[second]) for first, second in pairs}
    first, second = (scores[key].of("all") for key in ranked[:2])
    rows = [
        (_label(site), agreement.spearman(first[where], second[where]), _same(first[where], second[where]))
        for site, where in space.slices()
    ]
    extreme = np.argsort(-np.maximum(_places(first), _places(second)), kind="stable")[:EXTREME].astype(np.int64)
    two = f"{ranked[0]} and {ranked[1]} · {len(space):,} neurons"
    ids = [str(space.index(int(flat))) for flat in extreme]
    return {
        "depth": figures.depth(curves, caption),
        "by_layer": figures.by_layer(rows, two),
        "scatter": figures.scatter(first, second, ids, extreme, (ranked[0], ranked[1]), two),
    }


def _label(site: Site) -> str:
    return f"L{site.layer}" if site.kind is SiteKind.MID else str(site)


def _same(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float((np.sign(first) == np.sign(second)).mean())


def _places(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude in units of the largest."""
    return np.asarray(np.abs(values) / (np.abs(values).max() or 1.0))


def _matrix(sides: Sequence[Side], overlaps: Mapping[tuple[str, str], Overlap], caption: str) -> Figure:
    values = np.eye(len(sides))
    texts = [["" for _ in sides] for _ in sides]
    places = {side.key: at for at, side in enumerate(sides)}
    for (first, second), overlap in overlaps.items():
        for i, j in ((places[first], places[second]), (places[second], places[first])):
            values[i, j] = overlap.jaccard
            texts[i][j] = f"{overlap.jaccard:.2f} ({overlap.shared}; {overlap.expected:.1f} by chance)"
    keys = [side.key for side in sides]
    return figures.matrix(keys, keys, values, texts, ("Overlap of every two", "Jaccard", caption))


def _along(sides: Sequence[Side], overlaps: Mapping[tuple[str, str], Overlap], caption: str) -> Figure:
    """Overlap of each checkpoint's set with the one before it and with the last one (``nig.md`` section 18-9)."""
    keys = [side.key for side in sides]
    last = len(keys) - 1
    lines = {
        "with the last": [overlaps[key, keys[-1]] if at < last else None for at, key in enumerate(keys)],
        "with the one before": [overlaps[keys[at - 1], key] if at else None for at, key in enumerate(keys)],
    }
    return figures.along(keys, lines, caption)
