"""Heat maps of blocks by units (``qrnca.md`` section 10): neighbouring units share a cell, which holds their sum.

Axes: n neurons with a value, L blocks, B cells of neighbouring units.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.sites import NeuronSpace
from app.figures.base import MARKS, SINGLE, Figure, layout

CELLS = 96
"""Cells of a block at most."""
TICKS = {"nticks": 4, "tickangle": 0}
Values = Mapping[int, float]
"""Flat index of a neuron to its value; neurons that are left out have none."""


@dataclass(frozen=True)
class About:
    """What a map shows: its short name, its title, what a value is, and run and thresholds in one line."""

    name: str
    title: str
    unit: str
    caption: str


def unit_maps(maps: Mapping[str, Values], space: NeuronSpace, about: About) -> Figure:
    """A map of every entry, two beside each other with one scale of colours; a lone one takes the whole width.

    The table holds every neuron by itself, the largest value of each map first.

    Args:
        maps: name to values. space: the neurons. about: what the values are.
    """
    each = _each(max(space.widths, default=1), len(space.layers), len(maps))
    cells = [_cells(values, space, each) for values in maps.values()]
    top = max((value for grid in cells for row in grid.sums for value in row), default=0.0)
    data = [_heat(grid, about, at, top or 1.0) for at, grid in enumerate(cells)]
    rows = tuple(row for name, values in maps.items() for row in _rows(name, values, space))
    joined = "1 unit a cell" if each == 1 else f"a cell is the sum of {each} neighbouring units"
    plot = {"data": data, "layout": _layout(tuple(maps), len(space.layers))}
    return Figure(
        about.name, about.title, f"{about.caption} · {joined}", plot, ("map", "neuron", "block", about.unit), rows
    )


def _each(width: int, layers: int, maps: int) -> int:
    """Units of a cell, so that all maps together stay within what a page draws."""
    cells = min(CELLS, max(1, MARKS // max(1, layers * maps)))
    return math.ceil(width / cells)


@dataclass(frozen=True)
class _Grid:
    """[L, B] sums, and what a hover says of each cell."""

    layers: tuple[int, ...]
    firsts: tuple[int, ...]
    sums: list[list[float]]
    told: list[list[str]]


def _cells(values: Values, space: NeuronSpace, each: int) -> _Grid:
    layers, width = space.layers, max(space.widths, default=1)
    firsts = tuple(range(0, width, each))
    held: dict[tuple[int, int], list[tuple[float, str]]] = {}
    for flat, value in values.items():
        index = space.index(flat)
        held.setdefault((index.layer, index.unit // each), []).append((value, str(index)))
    sums = [
        [math.fsum(value for value, _ in held.get((layer, at), ())) for at in range(len(firsts))] for layer in layers
    ]
    told = [[_told(held.get((layer, at), [])) for at in range(len(firsts))] for layer in layers]
    return _Grid(layers, firsts, sums, told)


def _told(held: list[tuple[float, str]]) -> str:
    """The strongest units of a cell, by name."""
    strongest = sorted(held, key=lambda pair: -pair[0])[:3]
    return "<br>".join(f"{name}: {value:.3g}" for value, name in strongest) or "none"


def _heat(grid: _Grid, about: About, at: int, top: float) -> dict[str, Any]:
    axis = "" if at == 0 else str(at + 1)
    return {
        "type": "heatmap",
        "x": list(grid.firsts),
        "y": list(grid.layers),
        "z": grid.sums,
        "customdata": grid.told,
        "zmin": 0,
        "zmax": top,
        "colorscale": SINGLE,
        "showscale": at == 0,
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "hovertemplate": "block %{y}, units from %{x}: %{z:.3g}<br>%{customdata}<extra></extra>",
        "colorbar": {"title": {"text": about.unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
    }


def _layout(names: tuple[str, ...], layers: int) -> dict[str, Any]:
    """One wide map, or two a row, each below its name."""
    if len(names) <= 1:
        return layout("unit", "block", height=min(620, 140 + 10 * layers))
    rows = math.ceil(len(names) / 2)
    tall, gap = min(220, 70 + 4 * layers), 62
    inner = rows * tall + (rows - 1) * gap
    axes = layout("", "", height=inner + 90, margin={"l": 52, "r": 24, "t": 34, "b": 56}, annotations=[])
    for at, name in enumerate(names):
        axis, left, top = "" if at == 0 else str(at + 1), 0.53 * (at % 2), 1 - (at // 2) * (tall + gap) / inner
        axes[f"xaxis{axis}"] = {**TICKS, "domain": [left, left + 0.47], "anchor": f"y{axis}"}
        axes[f"yaxis{axis}"] = {"domain": [max(0.0, top - tall / inner), top], "anchor": f"x{axis}", "nticks": 5}
        if at // 2 == rows - 1:
            axes[f"xaxis{axis}"]["title"] = {"text": "unit"}
        if at % 2 == 0:
            axes[f"yaxis{axis}"]["title"] = {"text": "block"}
        place = {"xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left", "yanchor": "bottom"}
        axes["annotations"].append({**place, "text": name, "x": left, "y": top})
    return axes


def _rows(name: str, values: Values, space: NeuronSpace) -> Iterator[tuple[Any, ...]]:
    for flat, value in sorted(values.items(), key=lambda pair: (-pair[1], pair[0])):
        index = space.index(flat)
        yield (name, str(index), index.layer, float(value))
