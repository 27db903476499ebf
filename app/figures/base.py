"""A figure and its table twin are one object: what is plotted is what is exported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plotly.utils import PlotlyJSONEncoder

DIVERGING = "diverging"
"""Name of the blue-white-orange scale; the page puts in the colours of its theme, 0 is always neutral."""

SINGLE = "single"
"""Name of the one-hue scale for magnitudes; the page puts in the colours of its theme, 0 is neutral."""

MARKS = 20_000
"""Largest number of cells, bars or points sent to a page for one figure."""

NEGATIVE, POSITIVE, NEUTRAL, BAND = "#2a6fb0", "#d9731a", "#808892", "rgba(128,136,146,0.25)"


@dataclass(frozen=True)
class Figure:
    """A Plotly figure with its table.

    Args:
        name: short name in addresses and file names.
        title: the finding's variable.
        caption: run, n, method and units in one line.
        plot: Plotly ``data`` and ``layout``.
        columns, rows: the same numbers as a table.
    """

    name: str
    title: str
    caption: str
    plot: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def layout(x: str, y: str, height: int = 320, **more: Any) -> dict[str, Any]:
    """Axes with titles and room for them; colours are the page's."""
    return {
        "height": height,
        "margin": {"l": 64, "r": 24, "t": 12, "b": 52},
        "xaxis": {"title": {"text": x}, **more.pop("xaxis", {})},
        "yaxis": {"title": {"text": y}, **more.pop("yaxis", {})},
        "showlegend": False,
        **more,
    }


def limit(values: Sequence[float], percentile: float = 0.995) -> float:
    """Symmetric colour limit: this share of magnitudes lies within it."""
    ordered = sorted(abs(value) for value in values)
    return max(ordered[min(len(ordered) - 1, int(percentile * len(ordered)))], 1e-12) if ordered else 1.0


__all__ = ["DIVERGING", "MARKS", "SINGLE", "Figure", "PlotlyJSONEncoder", "layout", "limit"]


def nothing_to_see(values: Iterable[float], told: str) -> dict[str, Any]:
    """A layout entry that says why a chart is blank: ``told``, where every value is 0. Empty otherwise."""
    if any(values):
        return {}
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    return {"annotations": [{**place, "text": told, "font": {"size": 15}}]}


def level_lines(levels: Mapping[str, float]) -> dict[str, Any]:
    """Layout entries of dotted horizontal lines, each named at one end."""
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}
    ends = ({"x": 1, "xanchor": "right"}, {"x": 0, "xanchor": "left"})
    ordered = sorted(levels.items(), key=lambda pair: pair[1])
    notes = [
        {**ends[at % 2], "xref": "paper", "yanchor": "bottom", "y": value, "text": name, "showarrow": False}
        for at, (name, value) in enumerate(ordered)
    ]
    return {"shapes": [{**shape, "y0": value, "y1": value} for value in levels.values()], "annotations": notes}
