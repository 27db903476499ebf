"""Where the strong units are: what is drawn is what was given, named, signed, and leads somewhere."""

import json
import re
from typing import Any

import numpy as np
import pytest

from app.analysis.ends import Ends, ends, per_sign
from app.domain.sites import Site, SiteKind
from app.figures import strongest
from app.figures.base import DIVERGING, MARKS, NEGATIVE, POSITIVE, Figure
from app.figures.paper import drawn


def scores(count: int, width: int, seed: int = 0) -> list[Any]:
    """``count`` sites of ``width`` heavy-tailed scores."""
    draw = np.random.default_rng(seed)
    return [draw.standard_t(2, width).astype(np.float32) for _ in range(count)]


def kept(values: list[Any], kind: SiteKind = SiteKind.MID, count: int = 5, error: bool = False) -> list[Ends]:
    return [ends(Site(layer, kind), row, count, np.abs(row) / 8 if error else None) for layer, row in enumerate(values)]


def dots(figure: Figure) -> dict[str, tuple[float, float]]:
    """Name of a dot to its place."""
    return {
        told[0]: (x, y)
        for trace in figure.plot["data"][:2]
        for told, x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True)
    }


def hover(trace: dict[str, Any], at: int) -> str:
    """What is told of a dot, as the page fills its template in."""
    told = trace["customdata"][at]
    text = re.sub(r"%\{customdata\[(\d)\]\}", lambda found: str(told[int(found[1])]), trace["hovertemplate"])
    return re.sub(r"%\{[xz]:\.3g\}", f"{trace['x'][at]:.3g}", text).replace("<extra></extra>", "")


def test_dots_stand_at_the_scores_of_both_ends() -> None:
    values = scores(3, 40)
    figure = strongest.overview(kept(values), "logit", "run 1")
    wanted = {}
    for layer, row in enumerate(values):
        order = np.argsort(-row)
        wanted |= {f"L{layer}.mid.{unit}": (row[unit], layer) for unit in (*order[:5], *order[-5:])}
    assert dots(figure) == {name: (pytest.approx(float(x), rel=1e-6), y) for name, (x, y) in wanted.items()}
    up, down = figure.plot["data"][:2]
    assert min(up["x"]) > 0 > max(down["x"])
    assert (up["marker"]["color"], down["marker"]["color"]) == (POSITIVE, NEGATIVE)
    assert up["marker"]["symbol"] != down["marker"]["symbol"], "signs are told apart without colour"
    low, high = figure.plot["layout"]["xaxis"]["range"]
    assert low < min(row.min() for row in values) and high > max(row.max() for row in values)
    assert figure.plot["layout"]["xaxis"]["title"]["text"] == "score (logit)"
    assert "the 5 strongest of each sign" in figure.caption and figure.caption.startswith("run 1 ·")


def test_sums_at_the_margin_are_those_of_all_units() -> None:
    values = scores(4, 500)
    figure = strongest.overview(kept(values), "logit", "")
    up, down = figure.plot["data"][-2:]
    assert up["xaxis"] == down["xaxis"] == "x2" and up["y"] == [0, 1, 2, 3]
    for layer, row in enumerate(values):
        assert up["x"][layer] == pytest.approx(sum(float(v) for v in row if v > 0))
        assert down["x"][layer] == pytest.approx(sum(float(v) for v in row if v < 0))
    assert up["customdata"][2] == ["L2"], "a click goes to the layer"


def test_a_hover_names_unit_score_error_and_rank() -> None:
    row = np.float32([0.1, -3, 2, 0.5, -0.25])
    figure = strongest.overview(kept([row], error=True), "logit", "")
    up, down = figure.plot["data"][:2]
    assert hover(up, 0) == "L0.mid.2<br>score 2 logit<br>standard error 0.25 logit<br>rank 1 from the top in its row"
    assert hover(down, 1).endswith("rank 2 from the bottom in its row") and hover(down, 1).startswith("L0.mid.4<br>")
    assert up["error_x"]["array"] == [0.25, 0.0625, 0.0125] and "one standard error" in figure.caption
    bare = strongest.overview(kept([row]), "logit", "")
    assert "error" not in hover(bare.plot["data"][0], 0) and "error_x" not in bare.plot["data"][0]
    assert "error" not in bare.caption and len(bare.columns) == 3


def test_the_table_holds_what_is_drawn_the_strongest_first() -> None:
    values = scores(3, 40)
    figure = strongest.overview(kept(values, error=True), "logit", "")
    assert figure.columns == ("neuron", "rank (of its sign)", "score (logit)", "standard error (logit)")
    single, sums = figure.rows[:-6], figure.rows[-6:]
    assert {row[0]: row[2] for row in single} == {name: x for name, (x, _) in dots(figure).items()}
    sizes = [abs(row[2]) for row in single]
    assert sizes == sorted(sizes, reverse=True)
    assert [row[0] for row in sums[:2]] == ["L0, sum of positive", "L0, sum of negative"]
    bars = figure.plot["data"][-2:]
    assert [row[2] for row in sums] == [bar["x"][layer] for layer in range(3) for bar in bars]


def test_the_strongest_are_named_and_names_cover_no_dot() -> None:
    row = np.float32([10, 9.99, 4, -6, 1, 0.5])
    figure = strongest.overview(kept([row, row / 100]), "logit", "")
    names = figure.plot["data"][2]
    told = list(zip(names["text"], names["x"], names["y"], names["textposition"], strict=True))
    assert told[:2] == [("0", 10.0, 0, "middle right"), ("3", -6.0, 0, "middle left")]
    assert ("2", 4.0, 0, "middle right") in told and "1" not in [text for text, _, at, _ in told if at == 0]
    assert not [text for text, _, at, _ in told if at == 1], "what is next to nothing has no name"
    spread = [np.float32([0.2, -0.2]) * (1 + layer) for layer in range(30)]
    assert len(strongest.overview(kept(spread), "logit", "").plot["data"][2]["text"]) == strongest.NAMED
    with_error = strongest.overview(kept([row], error=True), "logit", "").plot["data"][2]
    assert with_error["x"][0] == 11.25, "a number stands beyond the line of its error"


def test_a_large_model_stays_small_and_its_labels_apart() -> None:
    values = scores(80, 2000)
    figure = strongest.overview(kept(values, count=per_sign(80), error=True), "logit", "")
    assert sum(len(trace["x"]) for trace in figure.plot["data"]) <= MARKS / 5
    assert len(json.dumps(figure.plot)) < 400_000
    assert figure.plot["layout"]["height"] < 1200
    places = strongest.overview(kept(scores(480, 20), count=per_sign(480)), "logit", "").plot["layout"]
    ticks = places["yaxis"]["tickvals"]
    assert places["height"] <= 1720 and (places["height"] - 110) / 480 * (ticks[1] - ticks[0]) >= 11


def test_several_places_have_rows_of_their_own() -> None:
    row = np.float32([1, -1])
    sites = [ends(Site(0, kind), row, 3) for kind in (SiteKind.Q, SiteKind.UP)]
    figure = strongest.overview(sites, "logit", "")
    assert figure.plot["layout"]["yaxis"]["ticktext"] == ["L0 q", "L0 up"]
    assert set(dots(figure)) == {"L0.q.0", "L0.q.1", "L0.up.0", "L0.up.1"}


def test_heads_are_a_grid_by_number_and_are_called_heads() -> None:
    rows = [np.float32([0.5, -2, 0, 1]), np.float32([0.25, 0.1])]
    figure = strongest.overview(kept(rows, SiteKind.HEAD, 4, error=True), "logit", "run 1")
    heat = figure.plot["data"][0]
    assert heat["z"] == [[0.5, -2.0, 0.0, 1.0], [0.25, 0.1, None, None]]
    assert heat["colorscale"] == DIVERGING and heat["zmin"] == -heat["zmax"] == -2.0
    assert heat["text"][0] == ["0.50", "−2.00", "0", "1.00"] and heat["text"][1][2:] == ["", ""]
    assert heat["customdata"][0][1] == ["L0.head.1", "rank 1 from the bottom", 0.25]
    assert heat["customdata"][0][2][:2] == ["L0.head.2", "no rank"]
    assert heat["colorbar"]["title"]["text"] == "logit"
    assert (figure.columns[0], figure.title) == ("head", "Where the strongest heads are")
    assert figure.plot["layout"]["xaxis"]["title"]["text"] == "head"
    drawn_heads = [row for row in figure.rows if row[0].startswith("L") and "head" in row[0]]
    assert {row[0]: row[2] for row in drawn_heads}["L0.head.2"] == 0.0 and len(drawn_heads) == 6
    told = json.dumps([figure.plot, figure.title, figure.caption, figure.columns])
    assert "neuron" not in told and "unit" not in told
    up, down = figure.plot["data"][1:]
    assert (up["x"], down["x"]) == ([1.5, pytest.approx(0.35)], [-2.0, 0.0])


def test_many_heads_have_marks_beyond_the_colours_and_no_numbers() -> None:
    values = scores(40, 32)
    figure = strongest.overview(kept(values, SiteKind.HEAD, 32), "logit", "")
    heat, end = figure.plot["data"][0], figure.plot["data"][0]["zmax"]
    marks = {(y, x): text for y, row in enumerate(heat["text"]) for x, text in enumerate(row) if text}
    beyond = {(y, x): row[x] for y, row in enumerate(values) for x in range(32) if abs(row[x]) > end}
    assert beyond and marks == {place: "▲" if score > 0 else "▼" for place, score in beyond.items()}
    assert f"▲ and ▼ mark {len(beyond)} heads beyond it" in figure.caption


@pytest.mark.parametrize("kind", [SiteKind.MID, SiteKind.HEAD])
def test_pictures_side_by_side_have_one_scale(kind: SiteKind) -> None:
    pictures = [kept([np.float32([4, -1])], kind), kept([np.float32([0.5, -8])], kind)]
    scales = strongest.reach(pictures)
    first, second = (strongest.overview(sites, "logit", "", scales) for sites in pictures)
    for axis in ("xaxis", "xaxis2"):
        assert first.plot["layout"][axis]["range"] == second.plot["layout"][axis]["range"]
    low, high = first.plot["layout"]["xaxis2"]["range"]
    assert low < -8 and high > 4 and "one scale for every part" in first.caption
    if kind is SiteKind.HEAD:
        assert first.plot["data"][0]["zmax"] == second.plot["data"][0]["zmax"] == 8.0
    alone = strongest.overview(pictures[0], "logit", "")
    assert alone.plot["layout"]["xaxis2"]["range"][0] > -8 and "one scale" not in alone.caption


@pytest.mark.parametrize("kind", [SiteKind.MID, SiteKind.HEAD])
def test_nothing_but_zeros_says_so(kind: SiteKind) -> None:
    figure = strongest.overview(kept([np.zeros(4, dtype=np.float32)], kind), "logit", "")
    assert [note["text"] for note in figure.plot["layout"]["annotations"]] == ["Every score is 0."]
    assert [row[2] for row in figure.rows] == [0.0] * (6 if kind is SiteKind.HEAD else 2)


@pytest.mark.parametrize("kind", [SiteKind.MID, SiteKind.HEAD])
def test_a_notebook_draws_both_scales_in_the_light_theme(kind: SiteKind) -> None:
    figure = drawn(strongest.overview(kept(scores(3, 12), kind, 12, error=True), "logit", "run 1"))
    assert figure.layout.xaxis2.gridcolor == figure.layout.xaxis.gridcolor == "#dddcd6"
    assert figure.layout.title.text.startswith("Where the strongest")
