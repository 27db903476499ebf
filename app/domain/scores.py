"""Per-neuron scores, and sums of them that merge.

Axes: P parts of the input (``all`` first, then the segments), U units of a site.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.domain.sites import NeuronSpace, Site

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NeuronScores:
    """Scores over one neuron space.

    Args:
        space: the neurons, in flat order.
        parts: names of the parts, ``all`` first.
        mean: [P, N] mean score over examples, in the target's unit.
        se: [N] standard error of the mean over examples (0 for one example), part ``all``.
        positive: [N] share of examples with a score above 0, part ``all``.
        n: number of examples.
    """

    space: NeuronSpace
    parts: tuple[str, ...]
    mean: Floats
    se: Floats
    positive: Floats
    n: int

    def of(self, part: str) -> Floats:
        """[N] mean scores of one part."""
        return np.asarray(self.mean[self.parts.index(part)])

    def order(self, part: str = "all", by: str = "signed") -> NDArray[np.int64]:
        """Flat indices from first to last rank; ties go to the lower (layer, index).

        ``by``: ``signed`` (largest first, the default of ``nig.md`` section 5), ``bottom`` (most negative first),
        ``abs`` (largest magnitude first), ``small`` (smallest magnitude first).
        """
        values = self.of(part)
        keys = {"signed": -values, "bottom": values, "abs": -np.abs(values), "small": np.abs(values)}
        return np.argsort(keys[by], kind="stable").astype(np.int64)


@dataclass
class RunningScores:
    """Sums over examples, in float64, that fold in order (``nig.md`` section 12, I10).

    Arrays per site: ``total`` [P, U], ``square`` [U], ``above`` [U] (part ``all`` for the last two), and, where folds
    were asked for, ``fold`` [F, U]: the sum of part ``all`` over the examples of each fold, ``fold_n`` of them.
    """

    parts: tuple[str, ...]
    n: int = 0
    total: dict[Site, Floats] = field(default_factory=dict)
    square: dict[Site, Floats] = field(default_factory=dict)
    above: dict[Site, Floats] = field(default_factory=dict)
    fold: dict[Site, Floats] = field(default_factory=dict)
    fold_n: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        parts: tuple[str, ...],
        scores: Mapping[Site, NDArray[np.floating]],
        folds: NDArray[np.int64] | None = None,
        count_folds: int = 0,
    ) -> "RunningScores":
        """Sums of a batch: ``scores`` maps a site to [B, P, U]; ``folds`` [B] names the fold of each example."""
        wide = {site: np.asarray(values, dtype=np.float64) for site, values in scores.items()}
        count = len(next(iter(wide.values()))) if wide else 0
        return cls(
            parts,
            count,
            {s: v.sum(axis=0) for s, v in wide.items()},
            {s: (v[:, 0] ** 2).sum(axis=0) for s, v in wide.items()},
            {s: (v[:, 0] > 0).sum(axis=0).astype(np.float64) for s, v in wide.items()},
            {} if folds is None else {s: _by_fold(v[:, 0], folds, count_folds) for s, v in wide.items()},
            () if folds is None else tuple(np.bincount(folds, minlength=count_folds).tolist()),
        )

    def add(self, other: "RunningScores") -> "RunningScores":
        """The sums of both; ``self`` comes first, so folding in shard order is deterministic."""
        if self.n == 0:
            return other
        return RunningScores(
            self.parts,
            self.n + other.n,
            _joined(self.total, other.total),
            _joined(self.square, other.square),
            _joined(self.above, other.above),
            _joined(self.fold, other.fold),
            tuple(a + b for a, b in zip(self.fold_n, other.fold_n, strict=True)),
        )

    def scores(self, space: NeuronSpace) -> NeuronScores:
        """Mean, standard error (sample variance, n - 1) and positive share over the space's flat axis."""
        n = max(self.n, 1)
        mean = np.concatenate([self.total[s] for s in space.sites], axis=1) / n
        square = np.concatenate([self.square[s] for s in space.sites])
        above = np.concatenate([self.above[s] for s in space.sites])
        spread = np.maximum(square - n * mean[0] ** 2, 0.0)
        se = np.sqrt(spread / (n - 1) / n) if n > 1 else np.zeros_like(square)
        return NeuronScores(space, self.parts, mean, se, above / n, self.n)


def _by_fold(values: Floats, folds: NDArray[np.int64], count: int) -> Floats:
    """[F, U] sums of [B, U] by fold."""
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, folds, values)
    return out


def _joined(first: Mapping[Site, Floats], second: Mapping[Site, Floats]) -> dict[Site, Floats]:
    return {site: first[site] + second[site] for site in first}


ATTRIBUTION = "positive attribution"
"""What a share of the attribution is a share of, on every page: the sum of all positive scores."""


def concentration(values: Iterable[float], share: float = 0.01) -> float:
    """Share of the :data:`ATTRIBUTION` held by the top ``share`` of units (0 when nothing is positive)."""
    ordered = np.sort(np.asarray(list(values), dtype=np.float64))[::-1]
    positive = ordered[ordered > 0].sum()
    top = ordered[: max(1, round(share * len(ordered)))]
    return float(np.maximum(top, 0).sum() / positive) if positive > 0 else 0.0
