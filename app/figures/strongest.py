"""Where the strong units are: a row for each site, the input at the bottom, and the sums of its scores at the margin.

Neurons are dots at their scores: how strong and of which sign is a place on a scale, which reads at any number of
layers. Attention heads, which are few and have a number each, are a grid. Axes: K kept units, H heads of a site.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.ends import Ends
from app.domain.counting import counted
from app.domain.sites import Site, SiteKind, noun_of
from app.figures.base import DIVERGING, NEGATIVE, POSITIVE, Figure, layout, limit, nothing_to_see

NAMED, WORTH_A_NAME = 16, 0.05
"""Most dots with their number beside them, and the smallest score of one, as a share of the scale's width."""

CHARACTER, BESIDE = 0.014, 0.02
"""Room for a character of such a number, as a share of the scale's width: of one picture, and of several in a row."""

TOLD_CELLS, TOLD_HEADS = 400, 16
"""Largest grid, in cells and in heads of a layer, whose cells tell their score."""

SIGNS = (("positive", 1, POSITIVE, "circle"), ("negative", -1, NEGATIVE, "diamond"))
"""Name, sign, colour, mark of a dot; the side of 0 tells the sign, too."""

Plot = dict[str, Any]


@dataclass(frozen=True)
class Reach:
    """Ends of the scales, in the unit of the scores: of single scores, of the sums of a site, and of the colours."""

    low: float
    high: float
    least: float
    most: float
    colour: float


def reach(several: Sequence[Sequence[Ends]]) -> Reach:
    """The scales that hold every site of several pictures, so that these can stand side by side."""
    sites = list(chain.from_iterable(several))
    scores = [float(score) for one in sites for score in one.scores]
    outer = [float(end) for one in sites for end in _outer(one)]
    return Reach(
        low=min([0.0, *outer]),
        high=max([0.0, *outer]),
        least=min([0.0, *(one.negative for one in sites)]),
        most=max([0.0, *(one.positive for one in sites)]),
        colour=limit(scores, 0.995 if len(scores) > TOLD_CELLS else 1.0),
    )


def overview(sites: Sequence[Ends], unit: str, caption: str, scales: Reach | None = None) -> Figure:
    """The strongest units of every site, or all of its heads.

    ``unit`` of the scores. ``scales``: those of pictures that stand beside this one; its own where left out.
    """
    noun = noun_of(one.site.kind for one in sites)
    drawn_to = scales or reach((sites,))
    told = f"{caption} · {_told(sites, noun, drawn_to, unit)}" + (" · one scale for every part" if scales else "")
    room = BESIDE if scales else CHARACTER
    plot = _grid(sites, unit, drawn_to) if noun == "head" else _strip(sites, unit, drawn_to, room)
    columns, rows = _table(sites, noun, unit)
    return Figure("overview", f"Where the strongest {noun}s are", told, plot, columns, rows)


def _told(sites: Sequence[Ends], noun: str, scales: Reach, unit: str) -> str:
    """How to read the picture, and what it leaves out."""
    bars = "bars: sums over all of a layer"
    if noun == "head":
        beyond = sum(int((np.abs(one.scores) > scales.colour).sum()) for one in sites)
        marked = f"; ▲ and ▼ mark {counted(beyond, 'head')} beyond it" if beyond else ""
        return f"every head · colour ends at ±{scales.colour:.3g} {unit}{marked} · {bars}"
    kept = max((int(one.ranks.max(initial=0)) for one in sites), default=0)
    errors = " · lines: one standard error" if any(one.se is not None for one in sites) else ""
    return f"the {kept} strongest of each sign in every row; numbers name the strongest of all{errors} · {bars}"


def _strip(sites: Sequence[Ends], unit: str, scales: Reach, room: float) -> Plot:
    """Dots at their scores. ``room`` of a character, as a share of the scale's width."""
    span = (scales.high - scales.low) or 1.0
    axes = _layout(sites, unit, scales)
    ends = [scales.low - (0.12 if scales.low else 0.03) * span, scales.high + (0.12 if scales.high else 0.03) * span]
    axes["xaxis"] |= {"title": {"text": f"score ({unit})"}, "range": ends, "zeroline": True, "zerolinewidth": 2}
    dots = [_dots(sites, unit, *sign) for sign in SIGNS]
    return {"data": [*dots, _names(sites, span, room * span), *_sums(sites, unit)], "layout": axes}


def _dots(sites: Sequence[Ends], unit: str, name: str, sign: int, colour: str, symbol: str) -> Plot:
    """The kept units of one sign, each with its name, rank and standard error."""
    found = [(row, one, at) for row, one in enumerate(sites) for at in np.flatnonzero(one.scores * sign > 0)]
    with_error = any(one.se is not None for one in sites)
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [_short(one.scores[at]) for _, one, at in found],
        "y": [row for row, _, _ in found],
        "customdata": [_about(one, int(at)) for _, one, at in found],
        "marker": {"color": colour, "symbol": symbol, "size": 8 if len(sites) < 13 else 6, "opacity": 0.8},
        "hovertemplate": _hover("x", unit, with_error),
    }
    if with_error:
        errors = [_short(one.se[at]) if one.se is not None else 0.0 for _, one, at in found]
        dots["error_x"] = {"type": "data", "array": errors, "thickness": 1, "width": 0}
    return dots


def _names(sites: Sequence[Ends], span: float, character: float) -> Plot:
    """Numbers beside the strongest dots, outwards, where they cover no other dot and no other number."""
    sizes = ((abs(float(score)), row, at) for row, one in enumerate(sites) for at, score in enumerate(one.scores))
    order = sorted((dot for dot in sizes if dot[0] >= WORTH_A_NAME * span), key=lambda dot: (-dot[0], dot[1:]))
    clear = ((row, at) for _, row, at in order if _is_clear(sites[row], at, character))
    named = [(row, sites[row], at) for row, at in islice(clear, NAMED)]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [_short(_outer(one)[at]) for _, one, at in named],
        "y": [row for row, _, _ in named],
        "text": [str(one.units[at]) for _, one, at in named],
        "textposition": ["middle right" if one.scores[at] > 0 else "middle left" for _, one, at in named],
        "textfont": {"size": 11 if len(sites) < 41 else 10},
        "marker": {"size": 8, "opacity": 0},
        "hoverinfo": "skip",
    }


def _is_clear(one: Ends, at: int, character: float) -> bool:
    """Whether no stronger dot of its sign lies where the number of a unit would stand."""
    stronger = (one.ranks < one.ranks[at]) & (one.scores * one.scores[at] > 0)
    room = character * (len(str(one.units[at])) + 2)
    return not (np.abs(_outer(one, -1)[stronger]) < abs(_outer(one)[at]) + room).any()


def _outer(one: Ends, way: int = 1) -> NDArray[np.float64]:
    """[K] ends of the dots and their errors away from 0, or the inner ones where ``way`` is -1."""
    errors = 0.0 if one.se is None else one.se
    return np.asarray(one.scores + way * np.sign(one.scores) * errors)


def _grid(sites: Sequence[Ends], unit: str, scales: Reach) -> Plot:
    """Heads by their numbers; a mark where a score is beyond the colour's ends."""
    width = max(one.width for one in sites)
    told = len(sites) * width <= TOLD_CELLS and width <= TOLD_HEADS
    cells = [_cells(one, width) for one in sites]
    heat = {
        "type": "heatmap",
        "x": list(range(width)),
        "y": list(range(len(sites))),
        "z": [[score for score, _ in row] for row in cells],
        "text": [[_written(score, scales.colour, told) for score, _ in row] for row in cells],
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "customdata": [[about for _, about in row] for row in cells],
        "zmin": -scales.colour,
        "zmax": scales.colour,
        "colorscale": DIVERGING,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": _hover("z", unit, any(one.se is not None for one in sites)),
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
    }
    axes = _layout(sites, unit, scales)
    axes["xaxis"] |= {"title": {"text": "head"}, "range": [-0.5, width - 0.5], "showgrid": False, "zeroline": False}
    axes["xaxis"] |= {"tickvals": list(range(0, width, ceil(width / 32)))}
    axes["yaxis"] |= {"showgrid": False}
    return {"data": [heat, *_sums(sites, unit)], "layout": axes}


def _cells(one: Ends, width: int) -> list[tuple[float | None, list[Any]]]:
    """[H] score of each head and what its hover tells; None beyond the heads of this layer."""
    row: list[tuple[float | None, list[Any]]] = [(None, ["", "", ""])] * width
    row[: one.width] = [(0.0, [_name(one.site, head), "no rank", 0]) for head in range(one.width)]
    for at, head in enumerate(one.units):
        row[head] = (_short(one.scores[at]), _about(one, at))
    return row


def _written(score: float | None, end: float, told: bool) -> str:
    """What a cell tells: its score where there is room, and a mark beyond the colour's ends."""
    if score is None:
        return ""
    mark = "" if abs(score) <= end else "▲" if score > 0 else "▼"
    number = f"{score:.{max(0, 2 - floor(log10(end)))}f}"
    return f"{mark} {number if float(number) else 0}".strip().replace("-", "−") if told else mark


def _sums(sites: Sequence[Ends], unit: str) -> list[Plot]:
    """Bars at the margin: sums of positive and of negative scores over all units of a site."""
    labels = _labels(sites)
    return [
        {
            "type": "bar",
            "orientation": "h",
            "xaxis": "x2",
            "name": f"sum of {name} scores",
            "y": list(range(len(sites))),
            "x": [one.positive if sign > 0 else one.negative for one in sites],
            "customdata": [[label] for label in labels],
            "marker": {"color": colour},
            "hovertemplate": "%{customdata[0]}<br>sum of " + name + " scores %{x:.3g} " + unit + "<extra></extra>",
        }
        for name, sign, colour, _ in SIGNS
    ]


def _layout(sites: Sequence[Ends], unit: str, scales: Reach) -> Plot:
    """Rows, and the two scales beside each other; fewer labels where rows are low."""
    count = max(1, len(sites))
    row = max(3.0, min(30 if count < 13 else 20 if count < 41 else 12, 1600 / count))
    labels, step = _labels(sites), ceil(11 / row)
    span = (scales.most - scales.least) or 1.0
    shown = range(0, len(labels), step)
    rows = {"tickvals": list(shown), "ticktext": [labels[at] for at in shown], "range": [-0.7, count - 0.3]}
    return layout(
        "",
        "layer, input at the bottom",
        height=max(240, round(110 + row * count)),
        xaxis={"domain": [0, 0.76]},
        xaxis2={
            "domain": [0.8, 1],
            "anchor": "y",
            "title": {"text": f"sums<br>({unit})"},
            "range": [scales.least - 0.04 * span, scales.most + 0.04 * span],
            "nticks": 4,
            "tickangle": 0,
        },
        yaxis={**rows, "tickfont": {"size": 12 if row > 12 else 9}, "automargin": True, "zeroline": False},
        barmode="relative",
        bargap=0.25,
        hovermode="closest",
        **nothing_to_see(chain.from_iterable(one.scores for one in sites), "Every score is 0."),
    )


def _table(sites: Sequence[Ends], noun: str, unit: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """What is drawn as rows: single units, the strongest first, then the sums."""
    with_error = any(one.se is not None for one in sites)
    rest = (None,) if with_error else ()

    def rows() -> Iterator[tuple[Any, ...]]:
        for one in sites:
            for at, score in enumerate(one.scores):
                error = (None if one.se is None else _short(one.se[at]),) if with_error else ()
                yield _name(one.site, one.units[at]), int(one.ranks[at]), _short(score), *error
            for head in np.setdiff1d(np.arange(one.width if noun == "head" else 0), one.units):
                yield _name(one.site, head), None, 0.0, *rest

    single = sorted(rows(), key=lambda row: -abs(row[2]))
    sums = [
        (f"{label}, sum of {name}", None, value, *rest)
        for label, one in zip(_labels(sites), sites, strict=True)
        for name, value in (("positive", one.positive), ("negative", one.negative))
    ]
    error = (f"standard error ({unit})",) if with_error else ()
    return (noun, "rank (of its sign)", f"score ({unit})", *error), (*single, *sums)


def _about(one: Ends, at: int) -> list[Any]:
    """Name, rank and standard error of a kept unit, as a hover tells them."""
    told: list[Any] = [
        _name(one.site, one.units[at]),
        f"rank {one.ranks[at]} from the {'top' if one.scores[at] > 0 else 'bottom'}",
    ]
    return told if one.se is None else [*told, float(f"{one.se[at]:.3g}")]


def _hover(axis: str, unit: str, with_error: bool) -> str:
    error = "<br>standard error %{customdata[2]} " + unit if with_error else ""
    score = "%{" + axis + ":.3g} " + unit
    return "%{customdata[0]}<br>score " + score + error + "<br>%{customdata[1]} in its row<extra></extra>"


def _short(value: float) -> float:
    """A score with seven digits: those that it has, since it is stored as a float32."""
    return float(f"{value:.7g}")


def _name(site: Site, unit: int) -> str:
    return f"L{site.layer}.{site.kind.value}.{unit}"


def _labels(sites: Sequence[Ends]) -> list[str]:
    """Layers, and places where there are several."""
    kinds: set[SiteKind] = {one.site.kind for one in sites}
    return [f"L{one.site.layer}" + (f" {one.site.kind.value}" if len(kinds) > 1 else "") for one in sites]
