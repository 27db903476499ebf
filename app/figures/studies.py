"""Figures of studies: a measure over neurons removed, changes by query, stability, overlap, cross tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.counting import counted
from app.figures.base import BAND, NEGATIVE, NEUTRAL, POSITIVE, Figure, layout, level_lines, nothing_to_see
from app.figures.ends import End, ends, ticks

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
PLOT = 440
"""Pixels of the height of a curve."""
COLOURS = (POSITIVE, NEGATIVE, "#3d7f5d", "#8a5aa8", "#a8843a", "#4a4f55")


MATCHED = "random, matched to "
"""What the name of a line of matched random sets begins with, before that of their set."""


@dataclass(frozen=True)
class Line:
    """A measure over sizes: ``points`` are (neurons, value); ``band`` (neurons, lowest, highest), if any."""

    name: str
    points: tuple[tuple[int, float], ...]
    band: tuple[tuple[int, float, float], ...] = ()
    style: str = "target"


def curve(lines: Sequence[Line], levels: Mapping[str, float], measure: str, caption: str) -> Figure:
    """A measure over the number of neurons switched off, on a log axis, with reference levels; where one size was
    measured, every set on a line of its own instead."""
    drawn = _over(lines, levels, measure, caption)
    sizes = {x for line in lines for x, _ in line.points}
    return replace(drawn, plot=_one_size(lines, levels, measure)) if len(sizes) == 1 else drawn


def _one_size(lines: Sequence[Line], levels: Mapping[str, float], measure: str) -> dict[str, Any]:
    """Tested sets and controls by name, matched random sets (mean, range) in the row of their set."""
    rows = list(dict.fromkeys(_row(line) for line in lines))
    data = []
    for line in lines:
        (_, value), main = line.points[0], line.style == "target"
        colour, size, symbol = (POSITIVE, 10, "circle") if main else (NEUTRAL, 7, _symbol(line.style))
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "x": [value],
            "y": [_row(line)],
            "marker": {"color": colour, "size": size, "symbol": symbol},
            "hovertemplate": "%{x:.4f}<extra>" + line.name + "</extra>",
        }
        for _, low, high in line.band:
            reach = {"array": [high - value], "arrayminus": [value - low]}
            trace["error_x"] = {**reach, "symmetric": False, "color": NEUTRAL, "width": 6}
        data.append(trace)
    line_of = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": NEUTRAL, "width": 1, "dash": "dot"}}
    note = {"yref": "paper", "y": 1, "yanchor": "bottom", "textangle": -60, "xanchor": "left", "showarrow": False}
    axes = layout(
        measure,
        "",
        height=150 + 38 * len(rows),
        yaxis={"type": "category", "categoryorder": "array", "categoryarray": rows[::-1]},
        shapes=[{**line_of, "x0": value, "x1": value} for value in levels.values()],
        annotations=[{**note, "x": value, "text": name} for name, value in levels.items()],
    )
    axes["margin"] = {**axes["margin"], "t": 64}
    return {"data": data, "layout": axes}


def _row(line: Line) -> str:
    """The name of the row that a line's set stands in, broken where it may be."""
    return line.name.removeprefix(MATCHED).replace(": ", ":<br>").replace(", ", ",<br>")


def _over(
    lines: Sequence[Line], levels: Mapping[str, float], measure: str, caption: str, *, log: bool = True
) -> Figure:
    """The lines over sizes: tested sets and their random sets, named at their ends; the view ``controls`` has all."""
    beside = [line for line in lines if line.style in ("target", "random")]
    shown = {"data": _traces(beside), "layout": _named(beside, levels, measure, log=log)}
    axes = {"showlegend": True, **level_lines(levels)}
    everything = {"data": _traces(lines), "layout": _axes(lines, measure, log=log, **axes)}
    views = {"first": "tested", "views": {"all controls": everything}} if len(beside) < len(lines) else {}
    rows = tuple((line.name, x, y, *(_ends(line, x))) for line in lines for x, y in line.points) + tuple(
        (name, "", value, "", "") for name, value in levels.items()
    )
    columns = ("set", "neurons", measure, "lowest seed", "highest seed")
    return Figure("curve", f"{measure} when neurons go", caption, {**shown, **views}, columns, rows)


def _traces(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Bands and lines; tested sets have colours and dashes of their own."""
    data: list[dict[str, Any]] = []
    tested = [line for line in lines if line.style == "target"]
    for line in lines:
        if line.band:
            data.append(_band(line))
        main = line.style == "target"
        at = tested.index(line) if main else 0
        look = {"color": _colour(at), "width": 3, "dash": DASHES[at % len(DASHES)]}
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": line.name,
                "showlegend": main or len(tested) < 3 or line.style != "random",
                "x": [x for x, _ in line.points],
                "y": [y for _, y in line.points],
                "line": look if main else {"color": NEUTRAL, "width": 1.2, "dash": _control(line.style)},
                "marker": {"size": 8 if main else 5, "symbol": "circle" if main else _symbol(line.style)},
                "hovertemplate": "%{x:,} neurons: %{y:.4f}<extra>" + line.name + "</extra>",
            }
        )
    return data


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _axes(lines: Sequence[Line], measure: str, *, log: bool, **more: Any) -> dict[str, Any]:
    """Axes with a tick at every measured size."""
    marks = ticks([x for line in lines for x, _ in line.points], log=log)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    axis = {"type": "log" if log else "linear", **marks}
    return layout("neurons switched off", measure, height=PLOT, xaxis=axis, legend=legend, **more)


def _named(lines: Sequence[Line], levels: Mapping[str, float], measure: str, *, log: bool) -> dict[str, Any]:
    """The layout in which every tested set is named at the end of its line, and random sets once."""
    tested = [line for line in lines if line.style == "target"]
    named = [End(*line.points[-1], line.name, _colour(at)) for at, line in enumerate(tested)]
    random = [line for line in lines if line.style == "random"]
    if random:
        told = "matched random sets: mean and range" + ("" if len(random) == 1 else " of each")
        named.append(End(*max((line.points[-1] for line in random), key=lambda point: point[1]), told, NEUTRAL))
    values = [y for line in lines for _, y in line.points] + list(levels.values())
    names = ends(named, min(values), max(values), PLOT - 76, log=log)
    marks = level_lines(levels)
    notes = [{**note, "x": 0.3 * note["x"], "xanchor": "left"} for note in marks["annotations"]]
    notes += names["annotations"]
    axes = _axes(lines, measure, log=log, shapes=marks["shapes"], annotations=notes)
    return {**axes, "margin": names["margin"]}


def _control(style: str) -> str:
    return {"random": "solid", "global": "dot", "bottom": "dash", "small": "dashdot"}.get(style, "longdash")


def _symbol(style: str) -> str:
    return {"random": "circle-open", "global": "diamond-open", "bottom": "triangle-down", "small": "x"}.get(
        style, "square"
    )


def _ends(line: Line, x: int) -> tuple[Any, Any]:
    return next(((low, high) for at, low, high in line.band if at == x), ("", ""))


def _band(line: Line) -> dict[str, Any]:
    lower, upper = [(x, a) for x, a, _ in line.band], [(x, b) for x, _, b in line.band]
    around = [*upper, *reversed(lower)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for x, _ in around],
        "y": [y for _, y in around],
        "fill": "toself",
        "fillcolor": BAND,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def changes(values: Sequence[tuple[str, float]], measure: str, caption: str) -> Figure:
    """Change of a measure by query, sorted; at most 600 bars. How many did not change is said, as they have no bar."""
    ordered = sorted(values, key=lambda pair: pair[1])
    shown = ordered if len(ordered) <= 600 else [ordered[round(at * (len(ordered) - 1) / 599)] for at in range(600)]
    plot = {
        "data": [
            {
                "type": "bar",
                "x": [query for query, _ in shown],
                "y": [value for _, value in shown],
                "marker": {
                    "color": [POSITIVE if value > 0 else NEGATIVE for _, value in shown],
                    "pattern": {"shape": ["" if value > 0 else "/" for _, value in shown]},
                },
                "hovertemplate": "query %{x}: %{y:+.3f}<extra></extra>",
            }
        ],
        "layout": layout(
            "queries, from largest fall to largest rise",
            f"change of {measure}",
            xaxis={"type": "category", "showticklabels": False},
            **nothing_to_see((value for _, value in ordered), f"No query changes its {measure}."),
        ),
    }
    same = sum(value == 0 for _, value in ordered)
    told = f"{caption} · {same} of {counted(len(ordered), 'query', 'queries')} unchanged"
    return Figure(
        "changes", f"Change of {measure} by query", told, plot, ("query", f"change of {measure}"), tuple(ordered)
    )


def doses(lines: Sequence[Line], base: float, measure: str, caption: str) -> Figure:
    """A measure over λ for each set and its random sets; λ = 1 is the intact model, also where it was not measured."""
    whole = [_with_intact(line, base) for line in lines]
    plain = _over(whole, {"intact": base}, measure, caption, log=False)
    plot = dict(plain.plot)
    for view in (plot, *plot.get("views", {}).values()):
        view["layout"]["xaxis"]["title"] = {"text": "λ (0 switches off, 1 leaves as it is)"}
    columns = ("set", "λ", measure, "lowest seed", "highest seed")
    return Figure("doses", f"{measure} over λ", caption, plot, columns, plain.rows)


def _with_intact(line: Line, base: float) -> Line:
    """The line with its point at λ = 1."""
    if any(x == 1 for x, _ in line.points):
        return line
    band = sorted([*line.band, (1, base, base)]) if line.band else ()
    return replace(line, points=tuple(sorted([*line.points, (1, base)])), band=tuple(band))


def stability(points: Sequence[tuple[float, float, float]], caption: str) -> Figure:
    """Agreement of two disjoint samples over their size: rank correlation and Jaccard of the top 1 %."""
    names = ("rank correlation of all neurons", "Jaccard of the top 1 %")
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [point[0] for point in points],
            "y": [point[at + 1] for point in points],
            "line": {"color": COLOURS[at], "dash": DASHES[at]},
            "hovertemplate": "%{x:.0f} examples a side: %{y:.3f}<extra>" + name + "</extra>",
        }
        for at, name in enumerate(names)
    ]
    plot = {
        "data": data,
        "layout": layout(
            "examples on each side",
            "agreement",
            showlegend=True,
            yaxis={"range": [min(0.0, *(min(p[1:]) for p in points)), 1.02]},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    return Figure(
        "stability",
        "Would other queries give the same neurons?",
        caption,
        plot,
        ("examples a side", *names),
        tuple(points),
    )
