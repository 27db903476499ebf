"""Curves: the score along the path, the score over neurons removed, the score over λ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def dose(points: Sequence[Point], intact: float, unit: str, caption: str) -> Figure:
    """Target over the factor λ on the chosen neurons, with matched random sets."""
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
        "name": f"{len(measured[0].random) if measured else 0} random sets, matched per layer (mean, range)",
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
