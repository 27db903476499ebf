"""Clusters, common neurons, query-relevant sets (``qrnca.md`` sections 5, 6, 8, 9, 11) by hand and by a slow twin."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analysis.clusters import Cluster, Pool, Strongest, change_ratio, cluster_of, knowledge_neurons, relevant
from app.domain.errors import BadInput


def prompt(scores: dict[int, float]) -> Strongest:
    return Strongest(np.array(list(scores), dtype=np.int64), np.array(list(scores.values()), dtype=float))


def cluster(*neurons: int) -> Cluster:
    """A cluster whose members have scores 1, 2, 3, ... by index."""
    at = np.array(sorted(neurons), dtype=np.int64)
    return Cluster(at, np.arange(1.0, len(at) + 1), np.ones(len(at), np.int64))


def test_a_cluster_by_hand() -> None:
    first, second = prompt({1: 1.0, 2: 0.3, 3: 0.1}), prompt({1: 0.15, 2: 2.0, 4: 0.5})
    found = cluster_of([first, second])
    assert found.neurons.tolist() == [1, 2, 4] and found.prompts.tolist() == [1, 2, 1]
    np.testing.assert_allclose(found.scores, [1.0, 2.3, 0.5])
    pooled = cluster_of([first, second], how="pooled")
    assert pooled.neurons.tolist() == [1, 2, 4]
    np.testing.assert_allclose(pooled.scores, [1.15, 2.3, 0.5])
    assert cluster_of([first, second], share=0.6, how="pooled").neurons.tolist() == [2]


def test_what_is_not_above_zero_or_finite_adds_nothing() -> None:
    assert len(cluster_of([prompt({1: -1.0, 2: 0.0}), prompt({})])) == 0
    assert len(cluster_of([prompt({1: float("nan")}), prompt({2: float("inf")})])) == 0
    assert cluster_of([prompt({1: -1.0}), prompt({7: 0.5})]).neurons.tolist() == [7]


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_small_pools_are_refused(size: int) -> None:
    with pytest.raises(BadInput, match="at least 4 queries"):
        Pool((cluster(1),) * size)


def test_discount_and_common_by_hand() -> None:
    """|C| = 4: frequency 3 gives 0, frequency 4 less; common above 0.3 * 4 = 1.2 clusters. Strict."""
    pool = Pool((cluster(1, 2, 3), cluster(1, 2), cluster(1, 2), cluster(1)))
    np.testing.assert_allclose(pool.discount(np.array([1, 2, 3, 9])), np.log([4 / 5, 4 / 4, 4 / 2, 4 / 1]))
    assert pool.common == {1, 2}
    assert Pool(pool.clusters, most=0.75).common == {1}
    assert Pool(pool.clusters, most=1.0).common == frozenset()


def test_the_first_are_taken_before_common_ones_go() -> None:
    """Cluster 0 holds 10..15; 12 and 13 are in 4 of 10 clusters, which is above 0.3 * 10."""
    clusters = (cluster(*range(10, 16)), *[cluster(12, 13)] * 3, *[cluster(90 + n) for n in range(6)])
    pool = Pool(clusters)
    assert pool.common == {12, 13}
    na = np.arange(1, 7) / 21
    ranked = dict(zip(range(10, 16), na * np.log(10 / (np.array([1, 1, 4, 4, 1, 1]) + 1)), strict=True))
    order = sorted(ranked, key=lambda n: -ranked[n])
    assert order == [15, 14, 11, 13, 12, 10]
    found = relevant(pool, 0, 4)
    assert found.neurons.tolist() == [15, 14, 11] and found.dropped == (13,)
    np.testing.assert_allclose(found.discounted, [ranked[n] for n in (15, 14, 11)])
    np.testing.assert_allclose(found.scores, [6 / 21, 5 / 21, 2 / 21])
    assert relevant(pool, 0, 4, refill=True).neurons.tolist() == [15, 14, 11, 10]
    assert relevant(pool, 0, 4, common=True).neurons.tolist() == [15, 14, 11, 13]
    assert relevant(pool, 0, 4, discount=False).neurons.tolist() == [15, 14]


def test_a_neuron_of_all_clusters_is_never_relevant() -> None:
    pool = Pool(tuple(cluster(1, 10 + n) for n in range(6)), most=1.0)
    assert all(1 not in relevant(pool, query).neurons for query in range(6))
    assert pool.warnings()[0].startswith("The pool has 6 queries")


def slowly(scores: list[list[dict[int, float]]], t: float, u: float, v: int, query: int) -> list[int]:
    """The set as the specification spells it, with dictionaries and loops."""
    clusters = []
    for prompts in scores:
        summed: dict[int, float] = {}
        for one in prompts:
            largest = max(one.values(), default=0.0)
            for neuron, score in one.items():
                if largest > 0 and score > t * largest:
                    summed[neuron] = summed.get(neuron, 0.0) + score
        clusters.append(summed)
    number = {n: sum(n in c for c in clusters) for c in clusters for n in c}
    own = clusters[query]
    naica = {n: s * math.log(len(clusters) / (number[n] + 1)) for n, s in own.items()}
    first = [n for n in sorted(own, key=lambda n: (-naica[n], n)) if naica[n] > 0][:v]
    return [n for n in first if not number[n] > u * len(clusters)]


POOLS = st.lists(
    st.lists(st.dictionaries(st.integers(0, 12), st.integers(-3, 40), max_size=8), min_size=1, max_size=3),
    min_size=4,
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(POOLS, st.sampled_from([0.1, 0.2, 0.5]), st.sampled_from([0.2, 0.3, 0.8]), st.integers(1, 6))
def test_equals_the_loops(scores: list[list[dict[int, int]]], t: float, u: float, v: int) -> None:
    """And J9: no common neuron, at most v, within the cluster."""
    pool = Pool(tuple(cluster_of([prompt(one) for one in prompts], t) for prompts in scores), u)
    for query in range(len(scores)):
        found = relevant(pool, query, v)
        wanted = slowly([[{n: float(s) for n, s in one.items()} for one in q] for q in scores], t, u, v, query)
        naica = dict(zip(found.neurons.tolist(), found.discounted, strict=True))
        assert set(naica) == set(wanted) or _tied(pool, query, v)
        assert not pool.common & set(naica) and len(naica) <= v
        assert set(naica) <= set(pool.clusters[query].neurons.tolist())


def _tied(pool: Pool, query: int, v: int) -> bool:
    """Whether the v-th and the next score are equal, so that either may be in."""
    all_of_it = relevant(pool, query, 10**6, common=True).discounted
    return len(all_of_it) > v and np.isclose(all_of_it[v - 1], all_of_it[v], rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(POOLS, st.floats(0.01, 100))
def test_no_factor_and_no_doubling_changes_what_it_should_not(scores, factor: float) -> None:
    """J8: a positive factor of a query's scores changes no set. J10: each query twice leaves the common ones."""
    clusters = [cluster_of([prompt(one) for one in prompts]) for prompts in scores]
    pool = Pool(tuple(clusters))
    scaled = Pool(tuple(Cluster(c.neurons, c.scores * factor, c.prompts) for c in clusters))
    for query in range(len(clusters)):
        ours, theirs = relevant(pool, query, 10**6), relevant(scaled, query, 10**6)
        assert set(ours.neurons.tolist()) == set(theirs.neurons.tolist())
        np.testing.assert_allclose(np.sort(ours.discounted), np.sort(theirs.discounted), rtol=1e-9)
    assert Pool(tuple(clusters * 2)).common == pool.common


def test_strongest_of_a_whole_space() -> None:
    found = Strongest.of(np.array([0.1, 3.0, -2.0, 1.0]), 2)
    assert found.neurons.tolist() == [1, 3] and found.scores.tolist() == [3.0, 1.0]


def test_knowledge_neurons_pass_in_most_prompts() -> None:
    prompts = [prompt({1: 1.0, 2: 0.9, 3: 0.5}), prompt({1: 1.0, 2: 0.1, 3: 0.9}), prompt({1: 0.1, 4: 2.0})]
    assert knowledge_neurons(prompts, 5).tolist() == [1, 3]
    assert knowledge_neurons(prompts, 1).tolist() == [1]


def test_the_ratio_by_hand() -> None:
    found = change_ratio(np.array([-0.8, -0.6]), np.array([-0.1, 0.05]))
    assert found.related == pytest.approx(-0.7) and found.unrelated == pytest.approx(-0.025)
    assert found.ratio == pytest.approx(28.0) and found.mean_ratio == pytest.approx(0.7 / 0.075)
    assert not found.unstable and found.low == pytest.approx(8.0)
    assert found.high == pytest.approx(28.0)
    tiny = change_ratio(np.array([0.5, 0.4]), np.array([0.001, -0.001]))
    assert tiny.unstable and math.isinf(tiny.ratio)
