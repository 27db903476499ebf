"""Figures of locators: how far their orders agree, and the scores of each neuron by two of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.figures.base import DIVERGING, NEGATIVE, NEUTRAL, POSITIVE, Figure, layout

COLOURS = ((POSITIVE, "circle"), (NEUTRAL, "square-open"), (NEGATIVE, "diamond-open"))


def correlations(names: Sequence[str], values: Mapping[tuple[str, str], float | None], caption: str) -> Figure:
    """Heat map of mean rank correlations between locators.

    Args:
        names: of the locators. values: pair to a correlation; None where there is none. caption: run and n.
    """

    def at(row: str, column: str) -> float | None:
        return 1.0 if row == column else values.get((row, column), values.get((column, row)))

    grid = [[at(row, column) for column in names] for row in names]
    cells: dict[str, Any] = {
        "type": "heatmap",
        "x": list(names),
        "y": list(names),
        "z": grid,
        "zmin": -1,
        "zmax": 1,
        "colorscale": DIVERGING,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "%{y} and %{x}: %{z:.2f}<extra></extra>",
        "colorbar": {"title": {"text": "Spearman", "side": "right"}, "thickness": 12, "outlinewidth": 0},
    }
    notes = [
        {"x": column, "y": row, "text": f"{value:.2f}", "showarrow": False, "font": {"size": 12}}
        for row, line in zip(names, grid, strict=True)
        for column, value in zip(names, line, strict=True)
        if value is not None
    ]
    axis = {"type": "category", "automargin": True}
    plot = {
        "data": [cells],
        "layout": layout(
            "",
            "",
            height=200 + 44 * len(names),
            xaxis={**axis, "tickangle": -35},
            yaxis={**axis, "autorange": "reversed"},
            annotations=notes,
        ),
    }
    rows = tuple((a, b, value) for (a, b), value in values.items())
    return Figure("correlations", "How far locators agree", caption, plot, ("locator", "other", "spearman"), rows)


def scatter(
    name: str, first: str, second: str, points: Sequence[tuple[str, str, str, float, float]], caption: str
) -> Figure:
    """One point a tested neuron of a query: its score by two locators, by group.

    Args:
        name: of the figure. first, second: what the axes tell.
        points: query, group, neuron, score by the first, by the second. caption: run and n.
    """
    groups = list(dict.fromkeys(point[1] for point in points))
    traces = []
    for group, (colour, symbol) in zip(groups, COLOURS, strict=False):
        own = [point for point in points if point[1] == group]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group,
                "x": [point[3] for point in own],
                "y": [point[4] for point in own],
                "text": [f"{neuron}, {query}" for query, _, neuron, _, _ in own],
                "marker": {"color": colour, "symbol": symbol, "size": 7, "opacity": 0.75},
                "hovertemplate": "%{text}: %{x:.3g}, %{y:.3g}<extra>" + group + "</extra>",
            }
        )
    plot = {
        "data": traces,
        "layout": layout(
            first,
            second,
            height=380,
            showlegend=True,
            xaxis={"zeroline": True},
            yaxis={"zeroline": True, "automargin": True},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("query", "group", "neuron", first, second)
    return Figure(name, f"{first} and {second}", caption, plot, columns, tuple(points))


def tracing(points: Sequence[tuple[int, float, float, float]], caption: str) -> Figure:
    """What each block's feed-forward values recover of the answer, put back under noise.

    Args:
        points: block, mean over queries, ends of its interval. caption: run and n.
    """
    bars = {
        "type": "bar",
        "x": [f"L{layer}" for layer, _, _, _ in points],
        "y": [mean for _, mean, _, _ in points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - mean for _, mean, _, high in points],
            "arrayminus": [mean - low for _, mean, low, _ in points],
            "thickness": 1,
            "width": 2,
        },
        "marker": {"color": POSITIVE},
        "hovertemplate": "%{x}: %{y:+.3g}<extra></extra>",
    }
    axes = layout("block, input at the left", "probability recovered", xaxis={"type": "category"})
    plot = {"data": [bars], "layout": axes}
    columns = ("block", "recovered", "low", "high")
    return Figure("tracing", "Which block brings the answer back", caption, plot, columns, tuple(points))
