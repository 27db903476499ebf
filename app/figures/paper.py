"""A figure as a Plotly object in the light theme, for notebooks and scripts."""

from typing import TYPE_CHECKING, Any

from app.figures.base import DIVERGING, SINGLE, Figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as Drawn

COLOURS = {"paper": "#ffffff", "ink": "#1b2126", "line": "#dddcd6", "zero": "#f3f2ef"}
COLOURS |= {"pos": "#c4620f", "neg": "#22619c", "one": "#0f5f66"}
"""The page's light theme; ``frontend/static/plots.js`` holds the same."""

HEAD = 84
"""Pixels for title and caption; a legend stands below them, in the figure's own margin."""

SCALES = {
    DIVERGING: [[0, COLOURS["neg"]], [0.5, COLOURS["zero"]], [1, COLOURS["pos"]]],
    SINGLE: [[0, COLOURS["zero"]], [1, COLOURS["one"]]],
}


def drawn(figure: Figure) -> "Drawn":
    """What the page shows, with title and caption."""
    from plotly.graph_objects import Figure as Plot

    return Plot(**sheet(figure))


def sheet(figure: Figure) -> dict[str, Any]:
    """Plotly ``data`` and ``layout`` of what the page shows, with title and caption."""
    axis = {"gridcolor": COLOURS["line"], "zerolinecolor": COLOURS["line"], "linecolor": COLOURS["line"]}
    layout = dict(figure.plot["layout"])
    layout |= {
        name: {**axis, "automargin": True, **layout.get(name, {})}
        for name in {"xaxis", "yaxis", *(key for key in layout if key[1:5] == "axis")}
    }
    layout |= {"paper_bgcolor": COLOURS["paper"], "plot_bgcolor": COLOURS["paper"], "font": {"color": COLOURS["ink"]}}
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 16}}
    layout["title"] = {**place, "text": figure.title, "subtitle": {"text": figure.caption}}
    margin = layout.get("margin", {})
    layout |= {"margin": {**margin, "t": margin.get("t", 12) + HEAD}, "height": layout.get("height", 320) + HEAD}
    layout["template"] = "none"
    return {"data": [_coloured(trace) for trace in figure.plot["data"]], "layout": layout}


def _coloured(trace: dict[str, Any]) -> dict[str, Any]:
    """The trace with colours in place of the names of scales."""
    coloured = dict(trace)
    if coloured.get("colorscale") in SCALES:
        coloured["colorscale"] = SCALES[coloured["colorscale"]]
    return coloured
