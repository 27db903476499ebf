"""Metrics, tests and overlaps against slow twins and other libraries."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from app.analysis.agreement import agreement, by_depth, combinations, intersection_chance, matrix, overlap, spearman
from app.analysis.fusion import fused
from app.analysis.ranking import MEASURES, anchors, classes, order, per_query, unjudged
from app.analysis.stability import stability
from app.analysis.uncertainty import bootstrap, effects, holm, sign_flip

GRADES = {"q1": {"a": 2, "b": 0, "c": 1, "z": 3}, "q2": {"a": 1}}
SCORES = {"q1": {"a": 0.5, "b": 0.9, "c": 0.5, "d": 0.1}, "q2": {"b": 0.2, "a": 0.2}}


def slow(grades: dict[str, int], scores: dict[str, float], tau: int) -> dict[str, float]:
    ranked = sorted(scores, key=lambda p: (-scores[p], p))
    gains = [grades.get(p, 0) for p in ranked]
    ideal = sorted(grades.values(), reverse=True)

    def dcg(row: list[int]) -> float:
        return sum(g / math.log2(r + 1) for r, g in enumerate(row[:10], start=1) if g > 0)

    hits = [g >= tau for g in gains]
    relevant = sum(g >= tau for g in grades.values())
    first = next((r for r, hit in enumerate(hits[:10], start=1) if hit), None)
    precisions = [sum(hits[:r]) / r for r, hit in enumerate(hits, start=1) if hit]
    return {
        "nDCG@10": dcg(gains) / dcg(ideal) if dcg(ideal) else 0.0,
        "RR@10": 1 / first if first else 0.0,
        "AP": sum(precisions) / relevant if relevant else 0.0,
        "P@10": sum(hits[:10]) / 10,
        "R@10": sum(hits[:10]) / relevant if relevant else 0.0,
    }


@pytest.mark.parametrize("tau", [1, 2])
def test_metrics_are_those_of_the_formulas(tau: int) -> None:
    found = per_query(GRADES, SCORES, tau)
    for query, row in SCORES.items():
        for name, value in slow(GRADES[query], row, tau).items():
            assert found[name][query] == pytest.approx(value, abs=1e-9), (name, query)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_metrics_on_any_list_with_ties(data: st.DataObject) -> None:
    passages = [f"p{n:02}" for n in range(data.draw(st.integers(1, 14)))]
    scores = {p: data.draw(st.sampled_from([0.0, 0.5, 1.0])) for p in passages}
    grades = {p: data.draw(st.integers(0, 3)) for p in [*passages, "outside"] if data.draw(st.booleans())}
    found = per_query({"q": grades}, {"q": scores}, 1)
    for name, value in slow(grades, scores, 1).items():
        assert found[name]["q"] == pytest.approx(value, abs=1e-9), name


def test_order_and_unjudged() -> None:
    assert order(SCORES["q1"]) == ["b", "a", "c", "d"]
    assert unjudged(GRADES["q1"], SCORES["q1"]) == 1 and unjudged(GRADES["q1"], SCORES["q1"], 2) == 0


def test_classes_look_at_judged_candidates_only() -> None:
    found = classes({"a": 2, "b": 0, "c": 1, "z": 3}, {"a": 0.9, "b": 0.6, "c": 0.2, "d": 0.99})
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["p_relevant"] == pytest.approx(0.55) and found["p_other"] == pytest.approx(0.6)
    assert math.isnan(classes({"a": 1}, {"a": 0.7})["p_other"])


def test_anchors_bracket_the_first_stage() -> None:
    found = anchors(GRADES, SCORES, draws=400)
    for name in MEASURES:
        assert found["worst"][name] <= found["random"][name] + 1e-9 <= found["best"][name] + 2e-9
        assert found["worst"][name] <= found["first stage"][name] <= found["best"][name]
    rows = [{"q2": dict(zip(order_, (2.0, 1.0), strict=True))} for order_ in itertools.permutations("ab")]
    exact = np.mean([per_query({"q2": GRADES["q2"]}, row)["RR@10"]["q2"] for row in rows])
    assert anchors({"q2": GRADES["q2"]}, {"q2": SCORES["q2"]}, draws=600)["random"]["RR@10"] == pytest.approx(
        exact, abs=0.05
    )


def test_bootstrap_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, size=(60, 2))
    low, high = bootstrap(values, draws=20_000)
    for at in range(2):
        found = stats.bootstrap((values[:, at],), np.mean, n_resamples=20_000, method="percentile", rng=2)
        assert low[at] == pytest.approx(found.confidence_interval.low, abs=0.02)
        assert high[at] == pytest.approx(found.confidence_interval.high, abs=0.02)


def test_sign_flip_is_that_of_scipy() -> None:
    values = np.random.default_rng(3).normal(0.25, 1, size=(40, 1))
    found = stats.permutation_test((values[:, 0],), np.mean, permutation_type="samples", n_resamples=20_000, rng=4)
    assert sign_flip(values, draws=20_000)[0] == pytest.approx(found.pvalue, abs=0.01)


def test_sign_flip_of_few_queries_is_exact() -> None:
    values = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    assert sign_flip(values).tolist() == [2 / 8, 1.0]


def test_a_true_null_is_rejected_as_often_as_it_should() -> None:
    draw = np.random.default_rng(5)
    p = sign_flip(draw.normal(size=(30, 400)), draws=2000)
    assert 0.02 < (p < 0.05).mean() < 0.09


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_effects_count_wins_ties_losses() -> None:
    (found,) = effects(np.array([[0.5], [0.0], [-0.1], [0.2]]))
    assert (found.wins, found.ties, found.losses, found.n) == (2, 1, 1, 4)
    assert found.mean == pytest.approx(0.15) and found.low <= found.mean <= found.high and found.holm == found.p


def test_overlap_and_chance() -> None:
    found = overlap(np.array([1, 2, 3]), np.array([2, 3, 4, 5]), 20)
    assert found.shared == 2 and found.expected == pytest.approx(0.6) and found.jaccard == pytest.approx(2 / 5)
    smaller = min(found.size_a, found.size_b)
    assert found.coefficient == pytest.approx(2 / smaller) and found.chance_coefficient == pytest.approx(0.6 / smaller)
    ways = math.comb
    slow_p = sum(ways(3, k) * ways(17, 4 - k) for k in (2, 3)) / ways(20, 4)
    assert found.p == pytest.approx(slow_p)
    assert overlap(np.array([], dtype=np.int64), np.array([1]), 5).p == 1.0
    assert intersection_chance([10, 20, 5], 100) == pytest.approx(0.1)


def test_overlap_by_depth_of_equal_rankings_is_whole() -> None:
    ranking = np.random.default_rng(0).permutation(1000)
    assert all(found.jaccard == 1.0 and found.shared == size for size, found in by_depth(ranking, ranking))
    drawn = by_depth(ranking, np.random.default_rng(1).permutation(1000))[-1][1]
    assert abs(drawn.shared - drawn.expected) < 12


def test_rank_correlation_is_that_of_scipy() -> None:
    draw = np.random.default_rng(7)
    a, b = draw.integers(0, 5, 50).astype(float), draw.integers(0, 5, 50).astype(float)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert math.isnan(spearman(a, np.zeros(50)))


def test_many_sets() -> None:
    sets = {"x": np.array([1, 2, 3]), "y": np.array([2, 3]), "z": np.array([3, 9])}
    assert matrix(sets, 10)[("x", "y")].shared == 2 and len(matrix(sets, 10)) == 3
    assert combinations(sets) == ((("x",), 1), (("x", "y"), 1), (("x", "y", "z"), 1), (("z",), 1))


def test_fusion_by_hand() -> None:
    scores = np.array([[3.0, 1.0, 0.0], [0.0, 10.0, -10.0]])
    np.testing.assert_allclose(fused(scores), [1.5, 5.5, -5.0])
    np.testing.assert_allclose(fused(scores, "l1"), [0.375, 0.375, -0.25])
    np.testing.assert_allclose(fused(scores, "rrf"), [1 / 61 + 1 / 62, 1 / 62 + 1 / 61, 2 / 63])
    np.testing.assert_allclose(fused(scores, "z"), stats.zscore(scores, axis=1).mean(0))
    np.testing.assert_allclose(fused(np.zeros((2, 3)), "z"), 0)


def test_stability_grows_with_the_sample() -> None:
    draw = np.random.default_rng(0)
    true = draw.normal(size=2000)
    counts = np.full(8, 10)
    means = true + draw.normal(scale=2.0, size=(8, 2000))
    found = stability(means, counts)
    assert [round(one.n) for one in found] == [10, 20, 30, 40]
    assert found[0].spearman < found[-1].spearman and found[0].jaccard < found[-1].jaccard
    same = stability(np.tile(true, (4, 1)), np.array([5, 5, 0, 5]))
    assert len(same) == 1 and same[0].spearman == pytest.approx(1) and same[0].jaccard == 1.0


def test_agreement_of_groups_by_hand() -> None:
    sets = {name: np.array(units) for name, units in {"a": [1, 2], "b": [2, 3], "c": [2, 3], "d": [9]}.items()}
    found = agreement(sets, {"a": "x", "b": "x", "c": "y", "d": "y"}, 100)
    assert found.of == {"x": pytest.approx(1 / 3), "y": 0.0}
    assert found.within == pytest.approx((1 / 3 + 0) / 2)
    assert found.beyond == pytest.approx((1 / 3 + 0 + 1 + 0) / 4)
    shared = {2: 0.04, 1: 0.02}
    chance = [shared[2] / (4 - shared[2])] * 3 + [shared[1] / (3 - shared[1])] * 3
    assert found.chance == pytest.approx(np.mean(chance))
    alone = agreement({"a": np.array([1])}, {"a": "x"}, 100)
    assert math.isnan(alone.within) and math.isnan(alone.beyond) and alone.of == {}
