"""Figures of query-relevant neurons: where they lie, and how many queries neurons show up for."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.analysis.stability import StabilityLine
from app.figures.base import NEUTRAL, POSITIVE, SINGLE, Figure, layout
from app.figures.studies import COLOURS


def by_layer(domains: Mapping[str, Mapping[int, int]], common: Mapping[int, int], caption: str) -> Figure:
    """Heat map of how many query-relevant neurons of each domain lie in each block; the common ones are the last row.

    Args:
        domains: domain to block to a count. common: block to a count of common neurons. caption: run and thresholds.
    """
    names = [*domains, "common"]
    layers = sorted(common)
    lines = [*domains.values(), common]
    plot = {
        "data": [
            {
                "type": "heatmap",
                "x": [f"L{layer}" for layer in layers],
                "y": names,
                "z": [[line.get(layer, 0) for layer in layers] for line in lines],
                "colorscale": SINGLE,
                "zmin": 0,
                "xgap": 1,
                "ygap": 2,
                "hovertemplate": "%{y}, %{x}: %{z} neurons<extra></extra>",
                "colorbar": {"title": {"text": "neurons", "side": "right"}, "thickness": 12, "outlinewidth": 0},
            }
        ],
        "layout": layout(
            "block, input at the left",
            "",
            height=110 + 28 * len(names),
            xaxis={"type": "category"},
            yaxis={"type": "category", "automargin": True, "autorange": "reversed"},
        ),
    }
    rows = tuple((name, layer, line.get(layer, 0)) for name, line in zip(names, lines, strict=True) for layer in layers)
    return Figure("layers", "Where they lie", caption, plot, ("domain", "layer", "neurons"), rows)


def frequency(counts: Sequence[int], queries: int, most: float, caption: str) -> Figure:
    """How many neurons are in exactly so many clusters, with the share above which they are common.

    Args:
        counts: of each neuron, the number of clusters that it is in.
        queries: clusters of the pool. most: the share above which a neuron is common. caption: run and thresholds.
    """
    by_count = dict.fromkeys(range(1, max(counts, default=1) + 1), 0)
    for count in counts:
        by_count[count] += 1
    edge = most * queries
    data: dict[str, Any] = {
        "type": "bar",
        "x": list(by_count),
        "y": list(by_count.values()),
        "marker": {"color": [NEUTRAL if number > edge else POSITIVE for number in by_count]},
        "hovertemplate": "in %{x} clusters: %{y} neurons<extra></extra>",
    }
    line = {
        "type": "line",
        "x0": edge,
        "x1": edge,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": NEUTRAL, "width": 1, "dash": "dot"},
    }
    note = {"x": edge, "yref": "paper", "y": 1, "yanchor": "bottom", "text": "common beyond", "showarrow": False}
    plot = {
        "data": [data],
        "layout": layout(
            f"clusters that hold a neuron, of {queries}",
            "neurons (log scale)",
            height=300,
            yaxis={"type": "log", "dtick": 1},
            shapes=[line],
            annotations=[note],
        ),
    }
    return Figure(
        "frequency",
        "How many queries neurons show up for",
        caption,
        plot,
        ("clusters that hold one", "neurons"),
        tuple(by_count.items()),
    )


def stability(lines: Sequence[StabilityLine], caption: str) -> Figure:
    """Mean Jaccard of every query's set with the one made otherwise, by domain, with quartiles over queries."""
    names = list(dict.fromkeys(line.compared for line in lines))
    data = [
        _steady([line for line in lines if line.compared == name and line.queries], name, at)
        for at, name in enumerate(names)
    ]
    domains = len({line.domain for line in lines})
    plot = {
        "data": data,
        "layout": layout(
            "",
            "Jaccard with the set itself",
            height=360,
            showlegend=True,
            xaxis={"type": "category", "automargin": True},
            yaxis={"range": [0, 1.05]},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            scattermode="group",
            scattergap=0.5 if domains > 4 else 0.7,
        ),
    }
    columns = ("compared", "domain", "queries", "mean Jaccard", "lower quartile", "upper quartile")
    rows = tuple((o.compared, o.domain or "all", o.queries, o.mean, o.low, o.high) for o in lines)
    told = f"{caption} · mean over queries; lines are quartiles"
    return Figure("stability", "How steady the sets are", told, plot, columns, rows)


def _steady(lines: Sequence[StabilityLine], name: str, at: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [line.domain or "all" for line in lines],
        "y": [line.mean for line in lines],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, line.high - line.mean) for line in lines],
            "arrayminus": [max(0.0, line.mean - line.low) for line in lines],
            "thickness": 1,
            "width": 3,
        },
        "marker": {"color": COLOURS[at % 6], "symbol": ("circle", "square", "diamond", "cross")[at % 4], "size": 8},
        "hovertemplate": "%{x}: %{y:.3f}<extra>" + name + "</extra>",
    }
