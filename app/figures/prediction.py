"""Figures of predictions: accuracy of each way, by domain."""

from collections.abc import Sequence

from app.figures.base import NEGATIVE, NEUTRAL, POSITIVE, Figure, layout

Point = tuple[float, float, float]
"""Accuracy with the ends of its interval."""
LOOKS = (
    (NEUTRAL, "square"),
    (POSITIVE, "circle"),
    (POSITIVE, "diamond"),
    (NEGATIVE, "circle-open"),
    (NEGATIVE, "diamond-open"),
)


def accuracy(
    ways: Sequence[str], domains: Sequence[tuple[str, Sequence[Point]]], chance: float, caption: str
) -> Figure:
    """Points with intervals: share of new queries that each way answers right, overall and by domain.

    Args:
        ways: names of the ways, at most five.
        domains: name (overall first) and one point a way. chance: 1 / options. caption: run and n.
    """
    names = [name for name, _ in domains]
    traces = []
    for at, (way, (colour, symbol)) in enumerate(zip(ways, LOOKS, strict=False)):
        points = [row[at] for _, row in domains]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": way,
                "orientation": "h",
                "offsetgroup": way,
                "x": [point[0] for point in points],
                "y": names,
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [point[2] - point[0] for point in points],
                    "arrayminus": [point[0] - point[1] for point in points],
                    "thickness": 1,
                    "width": 2,
                },
                "marker": {"color": colour, "symbol": symbol, "size": 8},
                "hovertemplate": "%{y}: %{x:.0%}<extra>" + way + "</extra>",
            }
        )
    line = {"type": "line", "x0": chance, "x1": chance, "yref": "paper", "y0": 0, "y1": 1}
    note = {"x": chance, "yref": "paper", "y": 0, "yanchor": "top", "yshift": -18, "text": "chance", "showarrow": False}
    plot = {
        "data": traces,
        "layout": layout(
            "new queries answered right",
            "",
            height=170 + 80 * len(names),
            showlegend=True,
            scattermode="group",
            xaxis={"tickformat": ".0%", "range": [-0.02, 1.02]},
            yaxis={"type": "category", "automargin": True, "autorange": "reversed"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            shapes=[{**line, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}],
            annotations=[note],
        ),
    }
    rows = tuple((name, way, *row[at]) for name, row in domains for at, way in enumerate(ways))
    return Figure("accuracy", "Who answers right", caption, plot, ("domain", "way", "accuracy", "low", "high"), rows)
