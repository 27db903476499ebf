"""Maps of blocks by units, against sums by hand."""

import numpy as np

from app.domain.sites import NeuronSpace, Site, SiteKind
from app.figures.base import MARKS
from app.figures.unit_maps import About, unit_maps

ABOUT = About("units", "Units", "naica", "run 1")


def space(layers: int, width: int) -> NeuronSpace:
    return NeuronSpace(tuple(Site(layer, SiteKind.MID) for layer in range(layers)), (width,) * layers)


def test_a_cell_is_the_sum_of_its_units_and_the_table_has_each() -> None:
    whole = space(2, 1536)
    figure = unit_maps({"one": {0: 1.0, 15: 0.5, 16: 2.0, 1536 + 1535: 4.0}}, whole, ABOUT)
    sums = np.array(figure.plot["data"][0]["z"])
    assert sums.shape == (2, 96) and sums.sum() == 7.5
    assert sums[0, 0] == 1.5 and sums[0, 1] == 2 and sums[1, 95] == 4
    assert "sum of 16 neighbouring units" in figure.caption
    assert figure.rows[0] == ("one", "L1.mid.1535", 1, 4.0) and len(figure.rows) == 4
    assert figure.plot["data"][0]["customdata"][0][0].startswith("L0.mid.0: 1<br>L0.mid.15")


def test_many_maps_share_a_scale_and_stay_small() -> None:
    whole = space(32, 11008)
    maps = {f"domain {number}": {number: float(number + 1)} for number in range(12)}
    figure = unit_maps(maps, whole, ABOUT)
    traces = figure.plot["data"]
    assert len(traces) == 12 and {trace["zmax"] for trace in traces} == {12.0}
    assert sum(np.array(trace["z"]).size for trace in traces) <= MARKS
    assert [np.array(trace["z"]).sum() for trace in traces] == [float(n + 1) for n in range(12)]
    for at, trace in enumerate(traces):
        assert figure.plot["layout"][trace["xaxis"].replace("x", "xaxis")]["anchor"] == trace["yaxis"], at


def test_a_small_block_has_a_cell_a_unit() -> None:
    figure = unit_maps({"one": {3: 1.0}}, space(1, 8), ABOUT)
    assert np.array(figure.plot["data"][0]["z"]).shape == (1, 8) and "1 unit a cell" in figure.caption
