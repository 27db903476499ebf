"""Neuron ids, spaces, rules and random sets on hand-written vectors (nig.md sections 9 and 11)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.neuron_sets import Selection, complement, random_global, random_matched, select
from app.domain.scores import NeuronScores, RunningScores, concentration
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind

SPACE = NeuronSpace((Site(0, SiteKind.MID), Site(1, SiteKind.MID)), (4, 6))


def scores(values: list[float]) -> NeuronScores:
    mean = np.asarray([values, values[::-1]], dtype=np.float64)
    return NeuronScores(SPACE, ("all", "query"), mean, np.zeros(10), np.zeros(10), 1)


VALUES = scores([0.5, -3.0, 2.0, 0.0, 2.0, -1.0, 0.1, 9.0, -0.2, 0.0])


def test_index_text_round_trip() -> None:
    for flat in range(10):
        index = SPACE.index(flat)
        assert SPACE.flat(NeuronIndex.parse(str(index))) == flat
    assert str(SPACE.index(4)) == "L1.mid.0"


@pytest.mark.parametrize(
    "text", ["L1.mid", "1.mid.3", "L1.nope.3", "L-1.mid.3", "L0.mid.4", "L7.mid.0", "", "L0.mid.x"]
)
def test_bad_ids_are_refused_with_the_next_step(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        SPACE.flat(NeuronIndex.parse(text))
    assert caught.value.field == "neurons" and caught.value.remedy


def test_rules_on_a_hand_written_vector() -> None:
    assert select(Selection(count=3), VALUES).tolist() == [7, 2, 4], "ties go to the lower index"
    assert select(Selection(rank="bottom", count=2), VALUES).tolist() == [1, 5]
    assert select(Selection(rank="abs", count=2), VALUES).tolist() == [7, 1]
    assert select(Selection(rank="small", count=2), VALUES).tolist() == [3, 9]
    assert select(Selection(count=1, layers=(0,)), VALUES).tolist() == [2]
    assert select(Selection(count=1, part="query"), VALUES).tolist() == [2]
    assert select(Selection(fraction=0.2), VALUES).tolist() == [7, 2]
    picked = Selection(rank="hand", neurons=("L0.mid.0", "L1.mid.3", "L0.mid.0"))
    assert select(picked, VALUES).tolist() == [7, 0], "in rank order, each once"


def test_a_rule_that_takes_nothing_is_refused() -> None:
    with pytest.raises(BadInput):
        select(Selection(rank="hand"), VALUES)
    with pytest.raises(BadInput):
        select(Selection(layers=(9,)), VALUES)
    with pytest.raises(BadInput):
        select(Selection(part="passage"), VALUES)


@given(st.sets(st.integers(0, 9), min_size=1), st.integers(0, 1000))
def test_random_sets_match_per_layer_without_replacement(members: set[int], seed: int) -> None:
    chosen = np.asarray(sorted(members), dtype=np.int64)
    drawn = random_matched(chosen, SPACE, seed)
    assert len(set(drawn.tolist())) == len(chosen)
    sizes = {site: len(units) for site, units in SPACE.split(chosen).items()}
    assert {site: len(units) for site, units in SPACE.split(drawn).items()} == sizes
    assert random_matched(chosen, SPACE, seed).tolist() == drawn.tolist()
    everything = sorted([*complement(chosen, SPACE).tolist(), *chosen.tolist()])
    assert everything == list(range(10))


def test_random_global_draws_each_once() -> None:
    assert sorted(random_global(10, SPACE, 3).tolist()) == list(range(10))


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 1000))
def test_folding_halves_equals_the_plain_mean(first: int, second: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    data = {
        site: draw.normal(size=(first + second, 2, width))
        for site, width in zip(SPACE.sites, SPACE.widths, strict=True)
    }
    parts = ("all", "query")
    half = [
        RunningScores.of(parts, {s: v[part] for s, v in data.items()}) for part in (slice(first), slice(first, None))
    ]
    found = half[0].add(half[1]).scores(SPACE)
    flat = np.concatenate([data[site] for site in SPACE.sites], axis=2)
    np.testing.assert_allclose(found.mean, flat.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.se, flat[:, 0].std(axis=0, ddof=1) / np.sqrt(first + second), atol=1e-7)
    np.testing.assert_allclose(found.positive, (flat[:, 0] > 0).mean(axis=0))
    assert found.n == first + second


def test_concentration_is_the_share_of_positive_mass() -> None:
    assert concentration([6.0, 3.0, 1.0, -50.0], 0.25) == pytest.approx(0.6)
    assert concentration([-1.0, 0.0]) == 0.0
