"""What is drawn is what was given; sizes are bounded; signs are also marks."""

import re
from pathlib import Path

import numpy as np
import plotly
import pytest

from app.domain.scores import concentration
from app.domain.sites import Site, SiteKind
from app.figures import curves, layers, studies
from app.figures.base import MARKS, NEGATIVE, POSITIVE, Figure, limit


def test_profile_keeps_signs_apart_by_colour_and_hatch() -> None:
    rows = [{"layer": n, "kind": "mid", "positive": 1.0 + n, "negative": -2.0, "width": 8} for n in range(3)]
    figure = layers.profile(rows, "logit", "", several=False)
    up, down = figure.plot["data"]
    assert up["y"] == [1.0, 2.0, 3.0] and down["y"] == [-2.0] * 3
    assert (up["marker"]["color"], down["marker"]["color"]) == (POSITIVE, NEGATIVE)
    assert up["marker"]["pattern"]["shape"] != down["marker"]["pattern"]["shape"]
    assert [row[1:3] for row in figure.rows] == [(1.0, -2.0), (2.0, -2.0), (3.0, -2.0)]


def test_distribution_is_the_empirical_one() -> None:
    values = np.random.default_rng(1).normal(size=5000)
    figure = layers.distribution(values, "logit", "")
    assert max(len(line["x"]) for line in figure.plot["data"]) <= 400
    signs = {"positive": values[values > 0], "negative": -values[values < 0]}
    assert {row[0] for row in figure.rows} == set(signs)
    for sign, x, share, count, held in figure.rows[::37]:
        magnitude = signs[sign]
        assert share == pytest.approx(np.mean(magnitude <= x), abs=1e-12)
        assert count == (magnitude >= x).sum()
        assert held == pytest.approx(magnitude[magnitude >= x].sum() / magnitude.sum())
    assert [row[3] for row in figure.rows[-3:]] == [3, 2, 1]
    assert figure.plot["data"][0]["customdata"][0][2] == 5000


def test_the_spread_tells_the_share_of_the_headline() -> None:
    """Where the top 1 % of all neurons begin, the line holds what the sentence of the page calls the share of the
    attribution; found by slow twins of both."""
    values = np.random.default_rng(2).normal(size=1700) ** 3
    line = layers.distribution(values, "logit", "").plot["data"][0]
    by_count = {count: held for count, held, _ in line["customdata"]}
    top = sorted(values, reverse=True)[:17]
    assert by_count[17] == pytest.approx(sum(top) / sum(value for value in values if value > 0))
    assert by_count[17] == pytest.approx(concentration(values))
    few = layers.distribution(np.array([1.0] + [-1.0] * 999), "logit", "").plot["data"][0]
    assert few["customdata"] == [(1, 1.0, 1000)], "fewer positive scores than one per cent"


def said_in(figure: Figure) -> list[str]:
    return [note["text"] for note in figure.plot["layout"].get("annotations", ())]


def test_a_chart_of_nothing_but_zeros_says_so() -> None:
    none = np.zeros(4)
    rows = [{"layer": 0, "kind": "mid", "positive": 0.0, "negative": 0.0, "width": 4}]
    blank = layers.distribution(none, "logit", "run 1")
    assert [line["x"] for line in blank.plot["data"]] == [[], []] and "4 neurons at 0 are not shown" in blank.caption
    for figure in (blank, layers.profile(rows, "logit", "", several=False)):
        assert said_in(figure) == ["Every score is 0."]
    assert said_in(layers.layer_units(none, Site(0, SiteKind.MID), "logit", "")) == ["Every score of this layer is 0."]
    changes = studies.changes([("a", 0.0), ("b", 0.0)], "nDCG@10", "run 1")
    assert said_in(changes) == ["No query changes its nDCG@10."] and "2 of 2 queries unchanged" in changes.caption
    some = studies.changes([("a", 0.0), ("b", -0.5)], "nDCG@10", "run 1")
    assert said_in(some) == [] and "1 of 2 queries unchanged" in some.caption


def test_units_of_a_layer_keep_their_numbers() -> None:
    values = np.array([0.5, -2.0, 1.0])
    bars = layers.layer_units(values, Site(2, SiteKind.MID), "logit", "").plot["data"][0]
    assert bars["x"] == [0, 1, 2] and bars["y"] == values.tolist()
    assert bars["marker"]["color"] == [POSITIVE, NEGATIVE, POSITIVE]
    found = layers.layer_units(values, Site(2, SiteKind.MID), "logit", "", 1)
    assert [(note["x"], note["y"], note["text"]) for note in found.plot["layout"]["annotations"]] == [
        (1, -2.0, "unit 1")
    ]
    wide = layers.layer_units(np.arange(30_000.0), Site(0, SiteKind.MID), "logit", "")
    assert len(wide.plot["data"][0]["x"]) <= MARKS and wide.plot["data"][0]["y"][-1] == 29_999.0
    hidden = layers.layer_units(np.arange(30_000.0), Site(0, SiteKind.HEAD), "logit", "", 1)
    assert 1 in hidden.plot["data"][0]["x"] and hidden.columns[0] == "head" and hidden.title == "Heads of layer 0"


POINTS = [
    curves.Point(1, 4.0, (5.0, 4.8, 5.2), 5.1, 0.2),
    curves.Point(10, 1.0, (4.0, 3.0), 4.9, 0.1),
    curves.Point(100, -1.0, (), None, None),
]


def test_removal_draws_the_set_inside_its_controls() -> None:
    figure = curves.removal(POINTS, 5.0, "logit", "run 2")
    low, high, middle, *lines = figure.plot["data"]
    assert (low["y"], high["y"], middle["y"]) == ([4.8, 3.0], [5.2, 4.0], [pytest.approx(5.0), 3.5])
    assert high["fill"] == "tonexty" and figure.plot["layout"]["xaxis"]["type"] == "log"
    by_name = {line["name"]: line for line in lines}
    assert by_name["the chosen neurons"]["y"] == [4.0, 1.0, -1.0]
    dashes = [line["line"].get("dash") for line in lines]
    assert len(set(dashes)) == 3, "the lines differ without colour, too"
    assert figure.plot["layout"]["shapes"][0]["y0"] == 5.0
    assert figure.rows[0] == (1, 4.0, pytest.approx(5.0), 4.8, 5.2, 3, 5.1, 0.2)
    assert figure.rows[2][2:6] == (None, None, None, 0)
    assert all(len(row) == len(figure.columns) for row in figure.rows)


def test_dose_and_path() -> None:
    dose = curves.dose(POINTS, 5.0, "logit", "")
    assert all(len(row) == len(dose.columns) == 6 for row in dose.rows)
    assert [row[0] for row in dose.rows] == [1, 10, 100], "1 was measured"
    path = curves.path([0.0, 1.0, 3.0], "logit", "")
    assert path.plot["data"][0]["x"] == [0.0, 0.5, 1.0] and path.rows == ((0.0, 0.0), (0.5, 1.0), (1.0, 3.0))


def test_a_dose_curve_goes_through_the_intact_model() -> None:
    half, twice = curves.Point(0.5, 4.0, (4.9, 5.1)), curves.Point(2, 8.0, (4.5, 5.5))
    figure = curves.dose([half, twice], 5.0, "logit", "")
    assert figure.rows[1] == (1.0, 5.0, 5.0, 5.0, 5.0, 2) and [row[0] for row in figure.rows] == [0.5, 1.0, 2]
    chosen = next(line for line in figure.plot["data"] if line.get("name") == "the chosen neurons")
    assert (chosen["x"], chosen["y"]) == ([0.5, 1.0, 2], [4.0, 5.0, 8.0])
    assert curves.dose([], 5.0, "logit", "").rows == ()
    line = studies.Line("mine", ((0.0, 0.2), (2.0, 0.4)), ((0.0, 0.1, 0.3), (2.0, 0.3, 0.5)), "target")
    study = studies.doses([line], 0.7, "AP", "")
    assert study.rows[:3] == (("mine", 0.0, 0.2, 0.1, 0.3), ("mine", 1, 0.7, 0.7, 0.7), ("mine", 2.0, 0.4, 0.3, 0.5))


def test_one_size_is_drawn_beside_its_controls_and_not_as_a_curve() -> None:
    figure = curves.beside(curves.Point(1, 4.0, (5.0, 4.8), 5.1, None), 5.2, "logit", "run 2")
    assert {trace["mode"] for trace in figure.plot["data"]} == {"markers"}
    assert figure.rows == (
        ("intact", 5.2),
        ("chosen neurons", 4.0),
        ("2 random sets, matched per layer", 5.0),
        ("2 random sets, matched per layer", 4.8),
        ("same number from the bottom", 5.1),
    )
    drawn = {(name, x) for trace in figure.plot["data"] for name, x in zip(trace["y"], trace["x"], strict=True)}
    assert drawn == set(figure.rows[1:]) and len({trace["marker"]["symbol"] for trace in figure.plot["data"]}) == 3
    assert figure.title.startswith("Target with 1 neuron switched off")


def test_limit_is_a_percentile_of_magnitudes() -> None:
    values = list(range(-1000, 1000))
    assert limit(values) == pytest.approx(np.quantile(np.abs(values), 0.995), abs=1.0)
    assert limit([]) == 1.0 and limit([0.0, 0.0]) > 0


def test_the_script_is_of_the_packages_version_and_draws_every_kind_of_trace() -> None:
    root = Path(__file__).parents[2]
    script = (root / "frontend" / "static" / "plotly.min.js").read_text(encoding="utf-8")
    whole = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    version = re.compile(r"plotly\.js (?:\(.*\) )?v(\d+)\.")
    assert version.search(script)[1] == version.search(whole)[1]
    sources = "".join(path.read_text(encoding="utf-8") for path in (root / "app" / "figures").glob("*.py"))
    kinds = set(re.findall(r'"type": "(\w+)"', sources)) - {"linear", "log", "category", "line", "rect", "data"}
    assert kinds == {"scatter", "bar", "heatmap"}
    assert all(f'moduleType:"trace",name:"{kind}"' in script for kind in kinds)
