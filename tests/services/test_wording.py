"""Sentences from numbers."""

from app.figures.curves import Point
from app.services.ablation_view import _leaves
from app.services.words import signed

BAND = (-0.1, 0.0, 0.1)


def point(x: float, target: float) -> Point:
    return Point(x, target, BAND, None, None)


def test_a_difference_has_a_minus_not_a_hyphen() -> None:
    assert signed(-0.25) == "−0.25" and signed(2.0) == "+2" and signed(None) == "–"


def test_where_a_curve_leaves_the_band_for_good() -> None:
    assert _leaves([]) == ""
    assert "stays inside" in _leaves([point(1, 0.0), point(2, 0.05)])
    assert _leaves([point(1, 0.0), point(2, -1.0), point(3, -2.0)]).startswith("From 2 neurons on")
    assert "below" in _leaves([point(1, 0.0), point(2, -1.0)])
    assert "above" in _leaves([point(1, 0.0), point(2, 1.0)])


def test_a_curve_that_comes_back_says_so() -> None:
    back = _leaves([point(1, -1.0), point(2, 0.0), point(3, -2.0)])
    assert back.startswith("From 3 neurons on") and "also outside at 1" in back
    assert "at 1 neurons only" in _leaves([point(1, -1.0), point(2, 0.0)])
