"""Which option is right, read off the activity of some neurons (``qrnca.md`` sections 10 and 18).

Axes: R rows (a question with one of its options as proposed answer), P prompts, M neurons, O options of a question.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STRENGTH = 1.0
"""Of the data against the penalty in a logistic fit (C)."""


@dataclass(frozen=True)
class Scale:
    """How values become distances from their mean in standard deviations.

    Args:
        mean, spread: [M] of each neuron over the rows that were seen.
    """

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: Floats) -> "Scale":
        """The scale of [R, M] values; population standard deviation."""
        return cls(values.mean(0), values.std(0))

    def __call__(self, values: Floats) -> Floats:
        """[..., M] values on this scale; a neuron that never moved is 0."""
        moved = self.spread > 0
        return np.where(moved, (values - self.mean) / np.where(moved, self.spread, 1.0), 0.0)


@dataclass(frozen=True)
class Logistic:
    """A logistic regression: [M] weights and the intercept."""

    weights: Floats
    bias: float

    def score(self, values: Floats) -> Floats:
        """[...] log-odds of [..., M] values."""
        return np.asarray(values @ self.weights + self.bias)


def logistic(values: Floats, right: Flags, strength: float = STRENGTH) -> Logistic:
    """The fit that minimises ``|w|² / 2 + strength * (sum of log losses)``; the intercept is not penalised.

    Args:
        values: [R, M]. right: [R] True for rows of the class that is told.
        strength: of the data against the penalty.
    """
    signs = np.where(right, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        weights, bias = point[:-1], point[-1]
        margins = signs * (values @ weights + bias)
        slopes = -strength * signs * expit(-margins)
        losses = np.logaddexp(0.0, -margins)
        gradient = np.append(weights + values.T @ slopes, slopes.sum())
        return float(weights @ weights / 2 + strength * losses.sum()), gradient

    start = np.zeros(values.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-8})
    return Logistic(found.x[:-1], float(found.x[-1]))


@dataclass(frozen=True)
class Predictor:
    """What some neurons tell of proposed answers, as seen on other questions.

    Args:
        options: scale over the rows that were seen. prompts: the same at the prompts' last tokens.
        weights: [M] of each neuron, their sum is 1.
        probe: fitted to the same rows.
    """

    options: Scale
    prompts: Scale
    weights: Floats
    probe: Logistic

    @classmethod
    def fit(cls, rows: Floats, right: Flags, prompts: Floats, weights: Floats) -> "Predictor":
        """From [R, M] activity at proposed answers, which of them are right, [P, M] at prompts, and [M] weights."""
        scale = Scale.of(rows)
        return cls(scale, Scale.of(prompts), weights / weights.sum(), logistic(scale(rows), right))

    def weighted(self, rows: Floats) -> Floats:
        """[O] weighted sums of z-scored activity [O, M]."""
        return np.asarray(self.options(rows) @ self.weights)

    def probed(self, rows: Floats) -> Floats:
        """[O] log-odds of being right."""
        return self.probe.score(self.options(rows))

    def signal(self, prompt: Floats) -> float:
        """Weighted sum of z-scored activity [M] at a prompt's last token."""
        return float(self.prompts(prompt) @ self.weights)


def credit(scores: Floats, right: int) -> float:
    """1 where the right option has the largest of [O] scores, 1 / k where k share it, else 0."""
    best = scores >= scores.max()
    return float(best[right] / best.sum())


def auroc(scores: Floats, positive: Flags) -> float:
    """Probability that a positive one has the larger of [P] scores, ties half; NaN where all are of one class."""
    ones = int(positive.sum())
    others = len(positive) - ones
    if not ones or not others:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * others))


def auroc_interval(
    scores: Floats, positive: Flags, groups: NDArray[np.int64], draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC over resampled groups (all rows of a query go together).

    Args:
        scores, positive: [P]. groups: [P] number of each row's query, counted from 0 without gaps.
        draws, seed: of the resampling; resamples of one class alone tell nothing and are left out.
    """
    members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        rows = np.concatenate([members[at] for at in rng.integers(0, len(members), len(members))])
        drawn.append(auroc(scores[rows], positive[rows]))
    known = np.asarray(drawn)[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
