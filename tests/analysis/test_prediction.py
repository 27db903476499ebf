"""Probes and signals against Newton's method, scipy's rank test and sums by hand."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from app.analysis.prediction import Predictor, Scale, auroc, auroc_interval, credit, logistic


def newton(values, right, strength: float) -> np.ndarray:
    """[M + 1] the same fit by Newton's steps, weights and intercept."""
    wide = np.column_stack([values, np.ones(len(values))])
    penalty = np.diag([*np.ones(values.shape[1]), 0.0])
    point = np.zeros(wide.shape[1])
    for _ in range(100):
        share = 1 / (1 + np.exp(-wide @ point))
        slope = penalty @ point + strength * wide.T @ (share - right)
        bend = penalty + strength * (wide.T * (share * (1 - share))) @ wide
        point = point - np.linalg.solve(bend, slope)
    return point


@pytest.mark.parametrize(("rows", "neurons", "strength"), [(40, 3, 1.0), (24, 60, 1.0), (30, 5, 20.0)])
def test_a_logistic_fit_is_newtons(rows: int, neurons: int, strength: float) -> None:
    rng = np.random.default_rng(1)
    values, right = rng.normal(size=(rows, neurons)), rng.random(rows) < 0.25
    fitted = logistic(values, right, strength)
    expected = newton(values, right.astype(float), strength)
    np.testing.assert_allclose([*fitted.weights, fitted.bias], expected, atol=1e-5)
    np.testing.assert_allclose(fitted.score(values), values @ expected[:-1] + expected[-1], atol=1e-4)


def test_large_values_do_not_overflow() -> None:
    fitted = logistic(np.array([[1e4], [-1e4], [2e4], [-2e4]]), np.array([True, False, True, False]))
    assert np.isfinite([*fitted.weights, fitted.bias]).all() and fitted.weights[0] > 0


def test_auroc_is_the_rank_test() -> None:
    rng = np.random.default_rng(2)
    scores, positive = rng.integers(0, 6, 50).astype(float), rng.random(50) < 0.4
    wanted = mannwhitneyu(scores[positive], scores[~positive]).statistic / (positive.sum() * (~positive).sum())
    assert auroc(scores, positive) == pytest.approx(wanted)
    assert np.isnan(auroc(scores, np.ones(50, dtype=bool)))
    low, high = auroc_interval(scores, positive, np.arange(50) // 2)
    assert low < wanted < high
    assert auroc_interval(scores, positive, np.arange(50) // 2) == (low, high)


def test_ties_share_the_credit() -> None:
    assert credit(np.array([1.0, 3.0, 2.0]), 1) == 1 and credit(np.array([1.0, 3.0, 2.0]), 0) == 0
    assert credit(np.array([2.0, 2.0, 2.0, 1.0]), 2) == pytest.approx(1 / 3)
    assert credit(np.zeros(4), 0) == 0.25


def test_a_predictor_by_hand() -> None:
    """Two neurons, z-scored over what was seen; one that never moved says nothing."""
    rows = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [2.0, 5.0]])
    prompts = np.array([[0.0, 1.0], [4.0, 3.0]])
    one = Predictor.fit(rows, np.array([False, True, False, False]), prompts, np.array([3.0, 1.0]))
    assert Scale.of(rows)(rows)[:, 0].std() == pytest.approx(1) and one.weights.tolist() == [0.75, 0.25]
    spread = rows[:, 0].std()
    np.testing.assert_allclose(one.weighted(np.array([[4.0, 9.0], [2.0, 0.0]])), [0.75 * 2 / spread, 0])
    assert one.signal(np.array([4.0, 1.0])) == pytest.approx(0.75 * 1 - 0.25 * 1)
    assert one.probed(rows)[1] == max(one.probed(rows))
