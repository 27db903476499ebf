"""Both ends of a ranking, against a slow twin."""

import numpy as np
import pytest

from app.analysis.ends import IN_ALL, PER_SIGN, ends, per_sign
from app.domain.sites import Site, SiteKind

SITE = Site(3, SiteKind.MID)


def slow(values: list[float], count: int) -> list[tuple[int, int]]:
    """Unit and rank of what is kept, one comparison after the other."""
    top = sorted((unit for unit, value in enumerate(values) if value > 0), key=lambda unit: (-values[unit], unit))
    bottom = sorted((unit for unit, value in enumerate(values) if value < 0), key=lambda unit: (values[unit], unit))
    return [(unit, rank) for side in (top, bottom) for rank, unit in enumerate(side[:count], start=1)]


@pytest.mark.parametrize("count", [1, 3, 24, 50, 400])
@pytest.mark.parametrize("kind", ["spread", "tied", "positive", "negative", "zero"])
def test_ends_are_those_of_the_slow_twin(kind: str, count: int) -> None:
    draw = np.random.default_rng(4)
    spread = draw.standard_t(2, 300).astype(np.float32)
    values = {
        "spread": spread,
        "tied": draw.choice(np.float32([-2, -1, -0.0, 0, 0, 1, 2]), 300),
        "positive": np.abs(spread),
        "negative": -np.abs(spread),
        "zero": np.zeros(300, dtype=np.float32),
    }[kind]
    errors = np.abs(draw.normal(size=300))
    found = ends(SITE, values, count, errors)
    assert list(zip(found.units.tolist(), found.ranks.tolist(), strict=True)) == slow(values.tolist(), count)
    np.testing.assert_array_equal(found.scores, values[found.units])
    np.testing.assert_array_equal(found.se, errors[found.units])
    assert found.positive == pytest.approx(sum(float(v) for v in values if v > 0))
    assert found.negative == pytest.approx(sum(float(v) for v in values if v < 0))
    assert (found.site, found.width) == (SITE, 300)


def test_known_sums_are_taken_and_no_error_is_made_up() -> None:
    found = ends(SITE, np.float32([1, -1]), 5, sums=(7.0, -8.0))
    assert (found.positive, found.negative, found.se) == (7.0, -8.0, None)


def test_many_sites_keep_fewer_units_each() -> None:
    assert (per_sign(6), per_sign(0)) == (PER_SIGN, PER_SIGN)
    assert all(per_sign(sites) >= 1 and 2 * sites * per_sign(sites) <= IN_ALL for sites in (80, 480, 1500))
