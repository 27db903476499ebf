"""The small picture of the strongest units: every dot lies where its score says."""

import numpy as np
import pytest

from app.analysis.ends import ends
from app.domain.sites import Site, SiteKind
from app.figures.small import EACH, MARGIN, small


def picture(seed: int, layers: int = 4, width: int = 60):
    values = np.random.default_rng(seed).normal(size=(layers, width)) ** 3
    return values, small([ends(Site(layer, SiteKind.MID), values[layer], 24) for layer in range(layers)])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_places_are_scores_on_one_scale(seed: int) -> None:
    values, drawn = picture(seed)
    low, high = min(values.min(), 0), max(values.max(), 0)
    assert [row.label for row in drawn.rows] == ["L3", "L2", "L1", "L0"]
    for row in drawn.rows:
        scores = values[int(row.label[1:])]
        up, down = np.sort(scores[scores > 0])[::-1][:EACH], np.sort(scores[scores < 0])[:EACH]
        assert sorted(dot.score for dot in row.dots) == pytest.approx(sorted([*up, *down]))
        for dot in row.dots:
            assert dot.score == pytest.approx(scores[dot.number]) and dot.name.endswith(f".mid.{dot.number}")
            share = MARGIN + (1 - 2 * MARGIN) * (dot.score - low) / (high - low)
            assert dot.place == pytest.approx(100 * share, abs=0.01)
            assert (dot.place > drawn.zero) == (dot.score > 0)


def test_sums_have_a_scale_of_their_own() -> None:
    values, drawn = picture(3)
    sums = np.array([[row[row < 0].sum(), row[row > 0].sum()] for row in values])[::-1]
    low, high = sums.min(), sums.max()
    places = 100 * (MARGIN + (1 - 2 * MARGIN) * (sums - low) / (high - low))
    assert np.allclose([[row.negative, row.positive] for row in drawn.rows], places, atol=0.01)


def test_the_strongest_of_all_is_named_and_a_number_covers_no_dot() -> None:
    values, drawn = picture(4)
    best = np.unravel_index(np.abs(values).argmax(), values.shape)
    assert drawn.strongest[0].name == f"L{best[0]}.mid.{best[1]}" and 1 <= len(drawn.strongest) <= 5
    for row in drawn.rows:
        for dot in row.dots:
            outer = [other for other in row.dots if other.score * dot.score > 0 and abs(other.score) > abs(dot.score)]
            assert not (dot.named and outer)


def test_nothing_but_zeros_is_drawn_empty() -> None:
    drawn = small([ends(Site(0, SiteKind.MID), np.zeros(5), 24)])
    assert drawn.rows[0].dots == () and drawn.strongest == ()
