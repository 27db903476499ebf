"""Curves: the score along the path, the score over neurons removed, the score over λ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.counting import counted
from app.figures.base import BAND, NEGATIVE, NEUTRAL, POSITIVE, Figure, layout, level_lines


@dataclass(frozen=True)
class Point:
    """One place of a curve: ``x``, the set's value, and the controls (None where they were not measured)."""

    x: float
    target: float | None
    random: tuple[float, ...]
    bottom: float | None = None
    complement: float | None = None


def path(values: Sequence[float], unit: str, caption: str) -> Figure:
    """F along the path from baseline (0) to input (1)."""
    steps = len(values) - 1
    x = [k / steps for k in range(steps + 1)]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": list(values),
        "line": {"color": POSITIVE},
        "marker": {"size": 4},
        "hovertemplate": "α = %{x:.2f}: %{y:.4g}<extra></extra>",
    }
    plot = {"data": [line], "layout": layout("path position α (0 baseline, 1 input)", f"target ({unit})", height=260)}
    columns = ("α", f"F ({unit})")
    return Figure("path", "The target along the path", caption, plot, columns, tuple(zip(x, values, strict=True)))


def removal(points: Sequence[Point], intact: float, unit: str, caption: str) -> Figure:
    """Target over the number of neurons switched off, with the random band, bottom and complement."""
    plot = {
        "data": _band(points)
        + _lines(points, {"bottom": "same number from the bottom", "complement": "everything else off"}),
        "layout": layout(
            "neurons switched off (log scale)",
            f"target ({unit})",
            height=380,
            showlegend=True,
            xaxis={"type": "log", "dtick": 1},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            **level_lines({"intact": intact}),
        ),
    }
    return Figure(
        "removal", "Target by number of neurons switched off", caption, plot, _columns("neurons", unit), _table(points)
    )


def dose(measured: Sequence[Point], intact: float, unit: str, caption: str) -> Figure:
    """Target over the factor λ on the chosen neurons, with matched random sets. λ = 1 is the intact model, whatever is
    scaled, and is drawn also where it was not measured."""
    points = _with_intact(measured, intact)
    plot = {
        "data": _band(points) + _lines(points, {}),
        "layout": layout(
            "factor λ on the chosen neurons (1 = intact)",
            f"target ({unit})",
            height=320,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            **level_lines({"intact": intact}),
        ),
    }
    return Figure(
        "dose",
        "Target by factor λ on the chosen neurons",
        caption,
        plot,
        _columns("λ", unit)[:6],
        tuple(row[:6] for row in _table(points)),
    )


def _with_intact(points: Sequence[Point], intact: float) -> list[Point]:
    """The points with the one at λ = 1, in order."""
    if not points or any(point.x == 1 for point in points):
        return list(points)
    return sorted([*points, Point(1.0, intact, (intact,) * len(points[0].random))], key=lambda point: point.x)


def beside(point: Point, intact: float, unit: str, caption: str) -> Figure:
    """The one size that was measured: the chosen neurons beside their controls, a mark each."""
    places = (
        ("chosen neurons", (point.target,), POSITIVE, "circle"),
        (f"{counted(len(point.random), 'random set')}, matched per layer", point.random, NEUTRAL, "diamond-open"),
        ("same number from the bottom", (point.bottom,), NEGATIVE, "square"),
        ("everything else off", (point.complement,), NEGATIVE, "diamond"),
    )
    shown = [(name, [v for v in values if v is not None], *look) for name, values, *look in places]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": values,
            "y": [name] * len(values),
            "marker": {"color": colour, "symbol": symbol, "size": 10},
            "hovertemplate": "%{y}: %{x:.4g}<extra></extra>",
        }
        for name, values, colour, symbol in shown
        if values
    ]
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": intact, "x1": intact}
    note = {"x": intact, "yref": "paper", "y": 1, "yanchor": "bottom", "text": "intact", "showarrow": False}
    plot = {
        "data": data,
        "layout": layout(
            f"target ({unit})",
            "",
            height=260,
            yaxis={"type": "category", "autorange": "reversed"},
            shapes=[{**line, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}],
            annotations=[note],
        ),
    }
    rows = (("intact", intact), *((name, value) for name, values, *_ in shown for value in values))
    title = f"Target with {counted(round(point.x), 'neuron')} switched off, beside the controls"
    return Figure("beside", title, caption, plot, ("set", f"target ({unit})"), rows)


def patched(points: Sequence[tuple[str, str, float, float]], back: bool, unit: str, caption: str) -> Figure:
    """Score against measured effect of single neurons; points are (family, id, score, effect).

    ``back``: the real value was put into the baseline input, not the other way round.
    """
    name = "patching_back" if back else "patching"
    title = "Scores and what the real value does in the baseline input" if back else "Scores and what patching does"
    looks = {"target": ("top", POSITIVE, "circle"), "bottom": ("bottom", NEGATIVE, "square")}
    looks["random"] = ("random", NEUTRAL, "diamond-open")
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": title,
            "x": [x for family, _, x, _ in points if family == key],
            "y": [y for family, _, _, y in points if family == key],
            "text": [name for family, name, _, _ in points if family == key],
            "marker": {"color": colour, "symbol": symbol, "size": 7},
            "hovertemplate": "%{text}: score %{x:.3g}, effect %{y:.3g}<extra></extra>",
        }
        for key, (title, colour, symbol) in looks.items()
    ]
    ends = [min(x for _, _, x, _ in points), max(x for _, _, x, _ in points)]
    same = {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "name": "equal", "hoverinfo": "skip"}
    data.append({**same, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}})
    plot = {
        "data": data,
        "layout": layout(
            f"score ({unit})",
            f"what the target {'gains' if back else 'loses'} ({unit})",
            height=380,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("group", "neuron", f"score ({unit})", f"effect ({unit})")
    return Figure(name, title, caption, plot, columns, tuple(points))


def _band(points: Sequence[Point]) -> list[dict[str, Any]]:
    measured = [p for p in points if p.random]
    places = [p.x for p in measured]
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": places,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    means = [sum(p.random) / len(p.random) for p in measured]
    middle = {
        "type": "scatter",
        "mode": "lines",
        "x": places,
        "y": means,
        "name": f"{counted(len(measured[0].random) if measured else 0, 'random set')}, matched per layer (mean, range)",
        "line": {"color": NEUTRAL, "width": 1.5},
        "hovertemplate": "%{x:.4g}: random mean %{y:.4g}<extra></extra>",
    }
    low = {**edge, "y": [min(p.random) for p in measured]}
    high = {**edge, "y": [max(p.random) for p in measured], "fill": "tonexty", "fillcolor": BAND}
    return [low, high, middle]


def _lines(points: Sequence[Point], dashed: Mapping[str, str]) -> list[dict[str, Any]]:
    base = {"type": "scatter", "mode": "lines+markers", "x": [p.x for p in points]}
    lines = [
        {
            **base,
            "y": [getattr(p, name) for p in points],
            "name": title,
            "line": {"color": NEGATIVE, "dash": "dash" if name == "bottom" else "dot", "width": 1.5},
            "marker": {"size": 5, "symbol": "square" if name == "bottom" else "diamond"},
            "hovertemplate": "%{x:.4g}: " + name + " %{y:.4g}<extra></extra>",
        }
        for name, title in dashed.items()
    ]
    target = {
        **base,
        "y": [p.target for p in points],
        "name": "the chosen neurons",
        "line": {"color": POSITIVE, "width": 3},
        "marker": {"size": 7},
        "hovertemplate": "%{x:.4g}: chosen %{y:.4g}<extra></extra>",
    }
    return [*lines, target]


def _columns(x: str, unit: str) -> tuple[str, ...]:
    more = ("random mean", "random lowest", "random highest", "random sets", "bottom", "complement")
    return (x, f"chosen ({unit})", *more)


def _table(points: Sequence[Point]) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        (
            p.x,
            p.target,
            sum(p.random) / len(p.random) if p.random else None,
            min(p.random, default=None),
            max(p.random, default=None),
            len(p.random),
            p.bottom,
            p.complement,
        )
        for p in points
    )
