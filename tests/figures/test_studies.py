"""Figures of studies, sets and comparisons: what is drawn is what the table says, and sizes are bounded."""

import json

import numpy as np
import pytest

from app.analysis.agreement import by_depth
from app.figures import ends, sets, studies
from app.figures.base import MARKS, Figure, PlotlyJSONEncoder
from app.figures.curves import patched

LINES = [
    studies.Line("mine", ((10, 0.5), (100, 0.3)), (), "target"),
    studies.Line("random, matched to mine", ((10, 0.6), (100, 0.55)), ((10, 0.55, 0.65), (100, 0.5, 0.6)), "random"),
    studies.Line("weight norm", ((10, 0.6), (100, 0.58)), (), "control"),
]


def marks(figure: Figure) -> int:
    total = 0
    for trace in figure.plot["data"]:
        total += sum(len(row) for row in trace["z"]) if "z" in trace else len(trace.get("x", ()))
    return total


def test_a_curve_has_every_point_in_its_table() -> None:
    figure = studies.curve(LINES, {"intact": 0.7, "random": 0.4}, "nDCG@10", "n = 3")
    everything = figure.plot["views"]["all controls"]["data"]
    named = {t["name"]: dict(zip(t["x"], t["y"], strict=True)) for t in everything if "name" in t}
    for name, x, y, *_ in figure.rows:
        if x != "":
            assert named[name][x] == y
    assert ("random, matched to mine", 10, 0.6, 0.55, 0.65) in figure.rows
    assert ("intact", "", 0.7, "", "") in figure.rows
    assert figure.plot["layout"]["xaxis"]["type"] == "log"
    assert figure.plot["layout"]["xaxis"]["tickvals"] == [10, 100], "ticks stand where something was measured"
    tested = [trace.get("name") for trace in figure.plot["data"]]
    assert "weight norm" not in tested and {"mine", "random, matched to mine"} <= set(tested), "controls on demand"
    notes = {note["text"].rpartition("</span> ")[2]: note for note in figure.plot["layout"]["annotations"]}
    assert set(notes) == {"intact", "random", "mine", "matched random sets: mean and<br>range"}
    assert (notes["mine"]["x"], notes["mine"]["y"]) == (2.0, pytest.approx(0.3)), "named where its line ends"
    assert not figure.plot["layout"]["showlegend"]


def test_without_controls_there_is_one_way_to_look() -> None:
    assert "views" not in studies.curve(LINES[:2], {}, "AP", "").plot


def test_names_at_the_ends_do_not_cover_each_other() -> None:
    lines = [
        ends.End(100, y, f"set {at} with a name that takes two lines", "#000000") for at, y in enumerate([0.5] * 6)
    ]
    entries = ends.ends(lines, 0.0, 1.0, 400, log=True)
    places = sorted(note["y"] for note in entries["annotations"])
    assert min(np.diff(places)) >= 2 * ends.HEIGHT / 400 - 0.01 and 0 <= places[0] < 0.5 < places[-1] <= 1
    alone = ends.ends([ends.End(5, 0.7, "one", "#000000")], 0.0, 1.0, 400, log=False)["annotations"]
    assert (alone[0]["x"], alone[0]["y"]) == (5, 0.7)


def test_ticks_leave_room_for_each_other() -> None:
    kept = ends.ticks([1, 2, 3, 4, 1000, 1001], log=True)
    assert kept["tickvals"][0] == 1 and 1000 in kept["tickvals"] and 1001 not in kept["tickvals"]
    assert kept["ticktext"][-1] == "1,000" and ends.ticks([0.0, 0.5, 1.0], log=False)["tickvals"] == [0.0, 0.5, 1.0]


def test_one_size_is_drawn_by_set_and_not_as_a_curve() -> None:
    lines = [
        studies.Line("mine", ((92, 0.5),)),
        studies.Line("random, matched to mine", ((92, 0.6),), ((92, 0.55, 0.7),), "random"),
        studies.Line("weight norm", ((92, 0.58),), (), "control"),
    ]
    figure = studies.curve(lines, {"intact": 0.7}, "nDCG@10", "n = 3")
    mine, random, other = figure.plot["data"]
    assert {trace["mode"] for trace in figure.plot["data"]} == {"markers"}
    assert (mine["y"], random["y"], other["y"]) == (["mine"], ["mine"], ["weight norm"])
    reach = random["error_x"]
    assert (reach["array"], reach["arrayminus"]) == ([pytest.approx(0.1)], [pytest.approx(0.05)])
    assert [note["text"] for note in figure.plot["layout"]["annotations"]] == ["intact"]
    assert figure.rows[1] == ("random, matched to mine", 92, 0.6, 0.55, 0.7), "the table stays"


def test_doses_are_on_a_plain_axis() -> None:
    figure = studies.doses(LINES, 0.7, "AP", "n = 3")
    assert figure.plot["layout"]["xaxis"]["type"] == "linear" and figure.columns[1] == "λ"


def test_changes_are_sorted_and_bounded() -> None:
    values = [(f"q{n}", float(np.sin(n))) for n in range(5000)]
    figure = studies.changes(values, "AP", "")
    drawn = figure.plot["data"][0]["y"]
    assert drawn == sorted(drawn) and len(drawn) == 600 and len(figure.rows) == 5000
    assert drawn[0] == min(v for _, v in values) and drawn[-1] == max(v for _, v in values)
    shapes = figure.plot["data"][0]["marker"]["pattern"]["shape"]
    assert all((shape == "/") == (value <= 0) for shape, value in zip(shapes, drawn, strict=True))


def test_depth_has_the_chance_line() -> None:
    draw = np.random.default_rng(0)
    curve = by_depth(draw.permutation(5000), draw.permutation(5000))
    figure = sets.depth({"a and b": curve}, "")
    assert figure.plot["data"][-1]["name"] == "by chance"
    assert figure.plot["data"][-1]["y"] == [one.chance_jaccard for _, one in curve]
    assert [row[2] for row in figure.rows] == [one.shared for _, one in curve]


def test_a_scatter_of_millions_is_small() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_t(3, 2_000_000), draw.standard_t(3, 2_000_000)
    extreme = np.argsort(-np.abs(a))[:200].astype(np.int64)
    figure = sets.scatter(a, b, [str(n) for n in extreme], extreme, ("A", "B"), "")
    assert marks(figure) < MARKS and len(json.dumps(figure.plot)) < 200_000
    assert figure.rows[0] == (str(extreme[0]), float(a[extreme[0]]), float(b[extreme[0]]))


def test_a_matrix_leaves_the_unknown_empty() -> None:
    values = np.array([[0.5, np.nan], [-1.0, 0.0]])
    figure = sets.matrix(["a", "b"], ["x", "y"], values, [["", ""], ["", ""]], ("t", "u", "c"), signed=True)
    cells = figure.plot["data"][0]
    assert cells["z"] == [[0.5, None], [-1.0, 0.0]] and cells["zmin"] == -1.0 and cells["zmax"] == 1.0
    assert json.loads(json.dumps(figure.plot, cls=PlotlyJSONEncoder))


@pytest.mark.parametrize("count", [1, 40])
def test_members_by_layer(count: int) -> None:
    rows = [(layer, layer % 3, 100) for layer in range(count)]
    assert [row[1] for row in sets.histogram(rows, "").rows] == [layer % 3 for layer in range(count)]


def test_patched_neurons_keep_their_ids() -> None:
    points = [("target", "L0.mid.1", 0.5, 0.4), ("bottom", "L1.mid.2", -0.5, -0.2), ("random", "L2.mid.3", 0.0, 0.1)]
    figure = patched(points, False, "logit", "")
    assert "loses" in str(figure.plot["layout"]["yaxis"]) and "gains" in str(
        patched(points, True, "logit", "").plot["layout"]["yaxis"]
    )
    texts = {trace["name"]: trace.get("text") for trace in figure.plot["data"]}
    assert texts["top"] == ["L0.mid.1"] and texts["random"] == ["L2.mid.3"] and len(figure.rows) == 3


def test_stability_has_both_lines() -> None:
    figure = studies.stability([(5.0, 0.4, 0.2), (10.0, 0.6, 0.3)], "")
    assert [trace["y"] for trace in figure.plot["data"]] == [[0.4, 0.6], [0.2, 0.3]]
