"""The cross test's figure: what is significant is marked, a hover tells how sure it is, a click leads to the curve."""

import pytest

from app.analysis.uncertainty import Effect
from app.kinds.answers import Comparison
from app.services import cross_view


def effect(mean: float, holm: float) -> Effect:
    return Effect(mean, mean - 0.1, mean + 0.1, holm / 2, holm, 1, 2, 3, 6)


def comparison(mean: float, holm: float, *, inside: bool = False) -> Comparison:
    return Comparison(7, "a", 92, 0.01, 0.5, effect(mean, holm), effect(mean, holm), -0.1, 0.1, None, inside)


CELLS = (
    ("a", "one", comparison(-0.3, 0.01), 14),
    ("a", "two", comparison(-0.2, 0.2), 15),
    ("b", "one", comparison(-0.01, 1.0, inside=True), 14),
)


def test_cells_tell_what_is_sure_and_lead_to_the_curve() -> None:
    figure = cross_view._figure(CELLS, "nDCG@10", 0.01)
    (cells,) = figure.plot["data"]
    assert cells["text"] == [["−0.3 ★", "−0.2"], ["−0.01 (inside)", ""]]
    assert "★ corrected p below 0.05" in figure.caption
    told = cells["hovertext"][0][0]
    for part in ("92 neurons found on a", "removed on one, n = 6 queries", "−0.4 to −0.2", "corrected p = 0.01"):
        assert part in told
    assert cells["customdata"] == [
        ["14?set=7&measure=nDCG%4010#curve", "15?set=7&measure=nDCG%4010#curve"],
        ["14?set=7&measure=nDCG%4010#curve", None],
    ]


def test_the_table_has_what_was_measured_also_where_the_cell_is_neutral() -> None:
    figure = cross_view._figure(CELLS, "nDCG@10", 0.01)
    assert figure.plot["data"][0]["z"] == [[-0.3, -0.2], [0.0, None]]
    last = dict(zip(figure.columns, figure.rows[-1], strict=True))
    assert last["change"] == -0.01 and last["random band"] == "inside" and last["queries"] == 6
    assert (last["low"], last["high"]) == (pytest.approx(-0.11), pytest.approx(0.09))


def test_without_random_sets_the_intact_model_stands_beside() -> None:
    bare = Comparison(3, "a", 5, 0.01, 0.5, effect(-0.2, 0.01), None, 0.0, 0.0, None, False)
    figure = cross_view._figure([("a", "one", bare, 1)], "AP", 0.01)
    assert (
        figure.plot["data"][0]["text"] == [["−0.2"]]
        and "against the intact model" in figure.plot["data"][0]["hovertext"][0][0]
    )
