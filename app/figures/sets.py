"""Figures of neuron sets and of how they agree."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.agreement import Overlap
from app.figures.base import DIVERGING, NEGATIVE, NEUTRAL, POSITIVE, SINGLE, Figure, layout
from app.figures.studies import COLOURS, DASHES


def histogram(rows: Sequence[tuple[int, int, int]], caption: str) -> Figure:
    """Members by layer; rows are (layer, members, neurons of the layer)."""
    plot = {
        "data": [
            {
                "type": "bar",
                "x": [f"L{layer}" for layer, _, _ in rows],
                "y": [count for _, count, _ in rows],
                "marker": {"color": POSITIVE},
                "hovertemplate": "%{x}: %{y} neurons<extra></extra>",
            }
        ],
        "layout": layout("layer", "neurons of the set", xaxis={"type": "category"}, height=260),
    }
    table = tuple((f"L{layer}", count, each) for layer, count, each in rows)
    return Figure("layers", "Members by layer", caption, plot, ("layer", "members", "neurons in it"), table)


def depth(curves: Mapping[str, Sequence[tuple[int, Overlap]]], caption: str) -> Figure:
    """Jaccard of the tops of two rankings over how many are taken, with the chance line."""
    data: list[dict[str, Any]] = []
    rows: list[tuple[Any, ...]] = []
    for at, (name, points) in enumerate(curves.items()):
        jaccards = [(size, overlap.jaccard) for size, overlap in points]
        data.append(_line(name, jaccards, COLOURS[at % 6], DASHES[(at + at // 6) % 6], 2.5))
        rows += [
            (name, size, overlap.shared, overlap.expected, overlap.jaccard, overlap.chance_jaccard, overlap.p)
            for size, overlap in points
        ]
    first = next(iter(curves.values()), ())
    chance = [(size, overlap.chance_jaccard) for size, overlap in first]
    data.append(_line("by chance", chance, NEUTRAL, "dot", 1.5))
    plot = {
        "data": data,
        "layout": layout(
            "neurons taken from the top of each",
            "Jaccard: shared over united",
            height=380 + 14 * max(0, len(curves) - 4),
            showlegend=True,
            xaxis={"type": "log", "dtick": 1},
            yaxis={"range": [0, 1.02]},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("pair", "neurons", "shared", "by chance", "Jaccard", "Jaccard by chance", "p of at least as many")
    return Figure("depth", "Overlap by depth", caption, plot, columns, tuple(rows))


def _line(
    name: str,
    points: Sequence[tuple[int | str, float]],
    colour: str,
    dash: str,
    width: float,
    x: str = "%{x:,} neurons",
) -> dict[str, Any]:
    """A line with marks; ``x`` is what a hover says of the place."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": x + ": %{y:.3f}<extra>" + name + "</extra>",
    }


def along(keys: Sequence[str], lines: Mapping[str, Sequence[Overlap | None]], caption: str) -> Figure:
    """Jaccard of sets along training checkpoints, in the order given; ``None`` where a line has no point."""
    data, rows = [], []
    for at, (name, overlaps) in enumerate(lines.items()):
        points = [(key, overlap) for key, overlap in zip(keys, overlaps, strict=True) if overlap is not None]
        jaccards = [(key, overlap.jaccard) for key, overlap in points]
        data.append(_line(name, jaccards, COLOURS[at % 6], DASHES[at % 6], 2.5, "%{x}"))
        rows += [
            (key, name, overlap.shared, overlap.expected, overlap.jaccard, overlap.chance_jaccard, overlap.p)
            for key, overlap in points
        ]
    chance = [(row[0], row[5]) for row in rows if row[1] == next(iter(lines))]
    data.append(_line("by chance", chance, NEUTRAL, "dot", 1.5, "%{x}"))
    axes = layout(
        "checkpoint, in the order chosen",
        "Jaccard: shared over united",
        height=340,
        showlegend=True,
        xaxis={"type": "category", "categoryorder": "array", "categoryarray": list(keys)},
        yaxis={"range": [0, 1.02]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    columns = ("checkpoint", "compared", "shared", "by chance", "Jaccard", "Jaccard by chance", "p of at least as many")
    return Figure("along", "Overlap along training", caption, {"data": data, "layout": axes}, columns, tuple(rows))


def depths(lines: Mapping[str, Sequence[float]], caption: str) -> Figure:
    """Share of each set's members by relative depth, in equal bins from the first layer (0) to the deepest (1)."""
    bins = len(next(iter(lines.values())))
    names = [f"{at / bins:.2f} to {(at + 1) / bins:.2f}" for at in range(bins)]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": names,
            "y": list(values),
            "marker": {"color": COLOURS[at % 6], "pattern": {"shape": ("", "/", "x", "-", "+", ".")[at % 6]}},
            "hovertemplate": "%{x}: %{y:.1%}<extra>" + name + "</extra>",
        }
        for at, (name, values) in enumerate(lines.items())
    ]
    plot = {
        "data": data,
        "layout": layout(
            "relative depth",
            "share of the set",
            barmode="group",
            showlegend=True,
            yaxis={"tickformat": ".0%"},
            xaxis={"type": "category"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    rows = tuple((name, *(lines[key][at] for key in lines)) for at, name in enumerate(names))
    return Figure("depths", "Where in depth they lie", caption, plot, ("relative depth", *lines), rows)


def by_layer(rows: Sequence[tuple[str, float, float]], caption: str) -> Figure:
    """Rank correlation and same-sign share of two rankings within each layer."""
    marks = (("rank correlation", POSITIVE, "circle"), ("share with the same sign", NEGATIVE, "square-open"))
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row[0] for row in rows],
            "y": [row[at + 1] for row in rows],
            "marker": {"color": colour, "symbol": symbol, "size": 10},
            "hovertemplate": "%{x}: %{y:.3f}<extra>" + name + "</extra>",
        }
        for at, (name, colour, symbol) in enumerate(marks)
    ]
    plot = {
        "data": data,
        "layout": layout(
            "layer",
            "agreement",
            showlegend=True,
            xaxis={"type": "category"},
            yaxis={"range": [-1.05, 1.05]},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("layer", *(name for name, _, _ in marks))
    return Figure("by_layer", "Agreement by layer", caption, plot, columns, tuple(rows))


def scatter(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    ids: Sequence[str],
    extreme: NDArray[np.int64],
    names: tuple[str, str],
    caption: str,
) -> Figure:
    """Scores on one axis each: a density of all neurons, and the most extreme ones as points with their ids."""
    edges = [np.linspace(float(v.min()), float(v.max()) or 1.0, 61) for v in (a, b)]
    counts, x, y = np.histogram2d(a, b, bins=edges)
    data = [
        {
            "type": "heatmap",
            "x": ((x[:-1] + x[1:]) / 2).tolist(),
            "y": ((y[:-1] + y[1:]) / 2).tolist(),
            "z": np.log10(1 + counts.T).tolist(),
            "zmin": 0,
            "colorscale": SINGLE,
            "showscale": False,
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": a[extreme].tolist(),
            "y": b[extreme].tolist(),
            "text": list(ids),
            "marker": {"color": POSITIVE, "size": 6, "line": {"width": 1, "color": NEUTRAL}},
            "hovertemplate": "%{text}: %{x:.3g}, %{y:.3g}<extra></extra>",
        },
    ]
    plot = {"data": data, "layout": layout(f"score on {names[0]}", f"score on {names[1]}", height=440)}
    rows = tuple((name, float(a[at]), float(b[at])) for name, at in zip(ids, extreme, strict=True))
    return Figure("scatter", "Scores side by side", caption, plot, ("neuron", names[0], names[1]), rows)


def matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    values: NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    about: tuple[str, str, str],
    signed: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Figure:
    """A table of numbers as cells with their texts; NaN is left empty. ``about``: title, unit, caption; ``more``: other
    entries of the cells, as what a hover says."""
    title, unit, caption = about
    top = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    cells = {
        "type": "heatmap",
        "x": list(columns),
        "y": [name.replace(": ", ":<br>").replace(", ", ",<br>") for name in rows],
        "z": [[None if np.isnan(v) else float(v) for v in row] for row in values],
        "zmin": -top if signed else 0,
        "zmax": top or 1.0,
        "colorscale": DIVERGING if signed else SINGLE,
        "text": [list(row) for row in texts],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y} and %{x}: %{z:.3f}<extra></extra>",
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
        **(more or {}),
    }
    axes = layout("", "", height=180 + 52 * len(rows), yaxis={"autorange": "reversed"}, xaxis={"type": "category"})
    plot = {"data": [cells], "layout": axes}
    table = tuple((name, *map(float, row)) for name, row in zip(rows, values, strict=True))
    return Figure("matrix", title, caption, plot, ("", *columns), table)
