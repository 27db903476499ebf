"""Sentences from numbers."""

from app.analysis.uncertainty import Effect
from app.figures.curves import Point
from app.kinds.ablate.curve import leaves
from app.kinds.answers import Comparison
from app.kinds.study.comparisons import picked
from app.kinds.words import signed

BAND = (-0.1, 0.0, 0.1)


def point(x: float, target: float) -> Point:
    return Point(x, target, BAND, None, None)


def test_a_difference_has_a_minus_not_a_hyphen() -> None:
    assert signed(-0.25) == "−0.25" and signed(2.0) == "+2" and signed(None) == "–"


def test_where_a_curve_leaves_the_band_for_good() -> None:
    assert leaves([]) == ""
    assert "stays inside" in leaves([point(1, 0.0), point(2, 0.05)])
    assert leaves([point(1, 0.0), point(2, -1.0), point(3, -2.0)]).startswith("From 2 neurons on")
    assert leaves([point(1, -1.0), point(2, -1.0)]).startswith("From 1 neuron on")
    assert "below" in leaves([point(1, 0.0), point(2, -1.0)])
    assert "above" in leaves([point(1, 0.0), point(2, 1.0)])


def test_a_curve_that_comes_back_says_so() -> None:
    back = leaves([point(1, -1.0), point(2, 0.0), point(3, -2.0)])
    assert back.startswith("From 3 neurons on") and "also outside at 1" in back
    assert "at 1 neuron only" in leaves([point(1, -1.0), point(2, 0.0)])


def test_the_size_is_the_smallest_that_differs_else_the_furthest() -> None:
    def row(name: str, count: int, z: float | None, holm: float, inside: bool = False) -> Comparison:
        effect = Effect(-0.1, -0.2, 0.0, 0.01, holm, 1, 0, 3, 4)
        return Comparison(count, name, count, count / 1000, 0.5, effect, effect, 0.6, 0.7, z, inside)

    sure = [row("a", 50, -9.0, 0.01), row("a", 10, -4.0, 0.04), row("a", 5, -2.0, 0.3), row("a", 1, 0.1, 0.9, True)]
    unsure = [row("b", 5, 0.5, 0.9), row("b", 50, -3.0, 0.2), row("b", 10, 3.0, 0.2), row("b", 90, None, 0.001)]
    assert [(one.name, one.count) for one in picked([*sure, *unsure])] == [("a", 10), ("b", 10)]
