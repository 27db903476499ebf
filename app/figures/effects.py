"""Figures of scaled neurons: how far each set moves answers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.figures.base import BAND, DIVERGING, NEGATIVE, NEUTRAL, POSITIVE, Figure, layout, limit

Points = Sequence[tuple[float, float, float, float, int]]
"""Factor, mean, ends of its 95 % interval, queries."""
LOOKS = ((POSITIVE, "solid", 3), (NEGATIVE, "dash", 2), (NEGATIVE, "dot", 2), (NEUTRAL, "solid", 1.5))
BANDS = ("rgba(217,115,26,0.22)", "rgba(42,111,176,0.10)", "rgba(42,111,176,0.10)", BAND)


def changes(
    rows: Sequence[tuple[str, float, float, float, float | None, float | None]], what: str, caption: str
) -> Figure:
    """Points with intervals: what each set does to its own query's answer, to the domain's, and to other domains'.

    Args:
        rows: set, mean relative change of the own answer with its interval, of the same domain, of other domains.
        what: what was done, in words. caption: run and n.
    """
    names = [row[0] for row in rows]
    own = {
        "type": "scatter",
        "mode": "markers",
        "name": "own answer",
        "x": [row[1] for row in rows],
        "y": names,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row[3] - row[1] for row in rows],
            "arrayminus": [row[1] - row[2] for row in rows],
        },
        "marker": {"color": POSITIVE, "size": 10},
        "hovertemplate": "%{y}: %{x:+.1%}<extra>own answer</extra>",
    }
    others = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row[at] for row in rows],
            "y": names,
            "marker": {"color": colour, "size": 9, "symbol": symbol},
            "hovertemplate": "%{y}: %{x:+.1%}<extra>" + name + "</extra>",
        }
        for name, at, colour, symbol in (
            ("same domain", 4, NEGATIVE, "diamond-open"),
            ("other domain", 5, NEUTRAL, "circle-open"),
        )
        if any(row[at] is not None for row in rows)
    ]
    plot = {
        "data": [own, *others],
        "layout": layout(
            f"relative change of the right token's probability, {what}",
            "",
            height=140 + 40 * len(rows),
            showlegend=True,
            xaxis={"tickformat": "+.0%", "zeroline": True},
            yaxis={"type": "category", "automargin": True, "autorange": "reversed"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("set", "own", "low", "high", "same domain", "other domain")
    return Figure("changes", "What each set moves", caption, plot, columns, tuple(rows))


def dose(lines: Mapping[str, Points], unit: str, share: bool, many: str, caption: str, log: bool = False) -> Figure:
    """A measure over factors: lines with bands of 95 % over queries; a factor of 1 is the intact model.

    Args:
        lines: name to points by ascending factor. unit: of the measure, in words. share: shown in percent.
        many: how many neurons, in words. caption: run and n. log: of a ratio.
    """
    style = "+.1%" if share else ".3g"
    data: list[dict[str, Any]] = []
    for (name, points), (colour, dash, width), band in zip(lines.items(), LOOKS, BANDS, strict=False):
        x = [point[0] for point in points]
        edge: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
        edge |= {"showlegend": False, "legendgroup": name}
        data.append({**edge, "y": [point[2] for point in points]})
        data.append({**edge, "y": [point[3] for point in points], "fill": "tonexty", "fillcolor": band})
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "legendgroup": name,
                "x": x,
                "y": [point[1] for point in points],
                "line": {"color": colour, "dash": dash, "width": width},
                "marker": {"size": 6},
                "hovertemplate": f"× %{{x:g}}: %{{y:{style}}}<extra>{name}</extra>",
            }
        )
    plain = {"zeroline": True, "automargin": True}
    one = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}
    note = {"x": 1, "yref": "paper", "y": 1, "yanchor": "top", "xanchor": "left", "text": " intact", "showarrow": False}
    plot = {
        "data": data,
        "layout": layout(
            f"factor on {many}",
            unit,
            height=400,
            showlegend=True,
            yaxis={"type": "log", "automargin": True} if log else {**plain, "tickformat": style if share else ""},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            shapes=[{**one, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}],
            annotations=[note],
        ),
    }
    rows = tuple((name, *point) for name, points in lines.items() for point in points)
    title = f"{unit[:1].upper()}{unit[1:]} by factor"
    return Figure("dose", title, caption, plot, ("line", "factor", "mean", "low", "high", "queries"), rows)


def doses(
    values: Sequence[Sequence[float | None]],
    sizes: Sequence[str],
    factors: Sequence[float],
    unit: str,
    share: bool,
    caption: str,
    log: bool = False,
) -> Figure:
    """Heat map of what the query's own answer does under every factor and number of neurons.

    Args:
        values: [numbers][factors] mean over queries; None where it is not told.
        sizes: numbers of neurons, in words. factors: ascending.
        unit: of the measure, in words. share: shown in percent. caption: run and n.
        log: of a ratio; colours go by its logarithm, 1 is neutral.
    """
    cells = [[value if value is None or not log else math.log10(max(value, 1e-9)) for value in row] for row in values]
    known = [value for row in cells for value in row if value is not None]
    most = limit(known)
    style = "{:+.0%}" if share else "{:.3g}"
    names = [f"× {factor:g}" for factor in factors]
    bar = {"thickness": 12, "outlinewidth": 0, "tickformat": "+.0%" if share else ""}
    plot = {
        "data": [
            {
                "type": "heatmap",
                "x": names,
                "y": list(sizes),
                "z": cells,
                "text": [["" if value is None else style.format(value) for value in row] for row in values],
                "texttemplate": "%{text}",
                "colorscale": DIVERGING,
                "zmin": -most,
                "zmax": most,
                "xgap": 2,
                "ygap": 2,
                "hovertemplate": "%{y} neurons, %{x}: %{text}<extra></extra>",
                "colorbar": bar | ({"title": {"text": "log10", "side": "right"}} if log else {}),
            }
        ],
        "layout": layout(
            "factor",
            "strongest neurons",
            height=130 + 36 * len(sizes),
            xaxis={"type": "category"},
            yaxis={"type": "category", "automargin": True},
        ),
    }
    rows = tuple(
        (size, factor, value)
        for size, row in zip(sizes, values, strict=True)
        for factor, value in zip(factors, row, strict=True)
    )
    title = "The same by factor and number of neurons, own answer"
    return Figure("doses", title, caption, plot, ("neurons", "factor", unit), rows)
