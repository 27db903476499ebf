"""Layers: overview heat-map, profile, score distribution.

Axes: L sites (input at the bottom), B buckets of units sorted within the site by score.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.counting import counted
from app.domain.sites import Site, SiteKind
from app.figures.base import (
    DIVERGING,
    MARKS,
    NEGATIVE,
    PAPER,
    POSITIVE,
    SINGLE,
    Figure,
    layout,
    limit,
    nothing_to_see,
)


def overview(
    sites: Sequence[tuple[Site, NDArray[np.float32], NDArray[np.int64]]],
    unit: str,
    caption: str,
    several: bool,
    *,
    shared_scale: bool = False,
) -> Figure:
    """Heat-map: one row per site, each cell the strongest unit of its bucket.

    With ``shared_scale`` it stands beside others whose colours mean the same: nothing is marked at the ends of its own
    scale, and there is no other view.

    ``sites``: site, [B] scores sorted from the largest down, [B] unit of each. Neighbouring buckets are joined where
    both views would hold more than :data:`MARKS` cells. The view ``magnitude`` holds the same cells by magnitude.
    """
    most_cells = max(1, MARKS // max(1, 2 * len(sites)))
    cells_by_site = [(site, *_joined(values, units, most_cells)) for site, values, units in sites]
    colour_end = limit([float(v) for _, values, _ in cells_by_site for v in values])
    beyond = sum(int((np.abs(values) > colour_end).sum()) for _, values, _ in cells_by_site)
    magnitudes_by_site = [(site, *_by_magnitude(values, units)) for site, values, units in cells_by_site]
    rows = tuple(
        (_neuron(site, name), bucket, float(value))
        for site, values, units in cells_by_site
        for bucket, (name, value) in enumerate(zip(units, values, strict=True))
    )
    signed = _heat(cells_by_site, unit, several, colour_end, "largest score first")
    columns = ("neuron", "bucket", f"score ({unit})")
    if shared_scale:
        plain = {"data": signed["data"][:1], "layout": signed["layout"]}
        short_caption = f"{caption} · colours mean the same in every part"
        return Figure("overview", "Scores by layer", short_caption, plain, columns, rows)
    unsigned = _heat(magnitudes_by_site, unit, several, colour_end, "largest magnitude first", signed=False)
    plot = signed | {"views": {"magnitude": unsigned}}
    full_caption = (
        f"{caption} · each cell is the strongest unit of its bucket · colour ends at ±{colour_end:.3g} {unit} "
        f"(99.5th percentile); {beyond} cells beyond it carry ▲ or ▼"
    )
    return Figure("overview", "Scores by layer", full_caption, plot, columns, rows)


Line = tuple[Site, NDArray[Any], NDArray[Any]]


def _joined(
    values: NDArray[np.float32], units: NDArray[np.int64], most: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """At most ``most`` cells: the strongest of each run of neighbours."""
    if len(values) <= most:
        return values, units
    groups = np.array_split(np.arange(len(values)), most)
    picks = np.asarray([group[np.argmax(np.abs(values[group]))] for group in groups])
    return values[picks], units[picks]


def _by_magnitude(
    values: NDArray[np.float32], units: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    order = np.argsort(-np.abs(values), kind="stable")
    return np.abs(values[order]), units[order]


def _heat(
    lines: Sequence[Line], unit: str, several: bool, top: float, order: str, *, signed: bool = True
) -> dict[str, Any]:
    """Cells, marks on the cells beyond the colour's ends, and axes."""
    width = max((len(values) for _, values, _ in lines), default=0)
    names = [_label(site, several) for site, _, _ in lines]
    cells = {
        "type": "heatmap",
        "z": [[float(v) for v in values] + [None] * (width - len(values)) for _, values, _ in lines],
        "y": names,
        "text": [[_neuron(site, u) for u in units] for site, _, units in lines],
        "customdata": [[f"{site.layer}"] * len(values) for site, values, _ in lines],
        "zmin": -top if signed else 0.0,
        "zmax": top,
        "colorscale": DIVERGING if signed else SINGLE,
        "hovertemplate": "%{text}<br>" + ("score" if signed else "|score|") + " %{z:.3g} " + unit + "<extra></extra>",
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
    }
    axes = layout(
        f"units, {order}",
        "layer, input at the bottom",
        height=max(240, 110 + (30 if len(lines) < 13 else 18) * len(lines)),
        xaxis={"showgrid": False, "zeroline": False, "range": [-0.5, width - 0.5]},
        yaxis={"type": "category", "showgrid": False, "automargin": True, "range": [-0.5, len(lines) - 0.5]},
    )
    return {"data": [cells, _beyond(lines, names, top)], "layout": axes}


def _beyond(lines: Sequence[Line], names: Sequence[str], top: float) -> dict[str, Any]:
    """A mark on each cell beyond the colour's ends; its direction is the sign."""
    marks = [
        (bucket, name, "triangle-up" if value > 0 else "triangle-down")
        for name, (_, values, _) in zip(names, lines, strict=True)
        for bucket, value in enumerate(values)
        if abs(value) > top
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [bucket for bucket, _, _ in marks],
        "y": [name for _, name, _ in marks],
        "marker": {"symbol": [symbol for _, _, symbol in marks], "size": 5, "color": PAPER},
        "hoverinfo": "skip",
    }


def _neuron(site: Site, unit: int) -> str:
    return f"L{site.layer}.{site.kind.value}.{unit}"


def profile(rows: Sequence[Mapping[str, Any]], unit: str, caption: str, several: bool) -> Figure:
    """Paired bars per site: sum of positive and sum of negative scores."""
    names = [_label(Site(row["layer"], SiteKind(row["kind"])), several) for row in rows]
    data = [
        {
            "type": "bar",
            "x": names,
            "y": [row[sign] for row in rows],
            "name": sign,
            "marker": {"color": colour, "pattern": {"shape": pattern}},
            "hovertemplate": "%{x}: %{y:.3g} " + unit + "<extra>" + sign + "</extra>",
        }
        for sign, colour, pattern in (("positive", POSITIVE, ""), ("negative", NEGATIVE, "/"))
    ]
    plot = {
        "data": data,
        "layout": layout(
            "layer",
            f"sum of scores ({unit})",
            barmode="relative",
            bargap=0.35,
            showlegend=True,
            xaxis={"type": "category"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            **nothing_to_see((row[sign] for row in rows for sign in ("positive", "negative")), "Every score is 0."),
        ),
    }
    table = tuple((name, row["positive"], row["negative"], row["width"]) for name, row in zip(names, rows, strict=True))
    columns = ("layer", f"positive ({unit})", f"negative ({unit})", "units")
    return Figure("profile", "Positive and negative sums by layer", caption, plot, columns, table)


def distribution(values: NDArray[np.float64], unit: str, caption: str) -> Figure:
    """Share of the neurons of each sign with at most this magnitude, on a log axis.

    Each point also tells how many neurons of its sign have at least its magnitude, and which share of the attribution
    of that sign they hold: of :data:`~app.domain.scores.ATTRIBUTION`, or of the negative one. The first line is that of
    positive scores; a line has at most 400 points, denser at the upper end, and one where the top 1 % begin.
    """
    lines = [
        _spread(values[values > 0], len(values), "positive", {"color": POSITIVE, "shape": "hv"}),
        _spread(-values[values < 0], len(values), "negative", {"color": NEGATIVE, "shape": "hv", "dash": "dash"}),
    ]
    plot = {
        "data": lines,
        "layout": layout(
            f"|score| ({unit})",
            "share of that sign",
            showlegend=True,
            xaxis={"type": "log", "exponentformat": "power"},
            yaxis={"tickformat": ".0%"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            **nothing_to_see(values, "Every score is 0."),
        ),
    }
    rows = tuple(
        (line["name"], x, share, count, held)
        for line in lines
        for x, share, (count, held, _) in zip(line["x"], line["y"], line["customdata"], strict=True)
    )
    columns = ("sign", f"|score| ({unit})", "share at most this", "neurons at least this", "share of it they hold")
    zeros = f" · {counted(int((values == 0).sum()), 'neuron')} at 0 are not shown" if (values == 0).any() else ""
    return Figure("distribution", "How scores are spread", f"{caption}{zeros}", plot, columns, rows)


def _spread(sizes: NDArray[np.float64], total: int, sign: str, look: Mapping[str, Any]) -> dict[str, Any]:
    """The line of one sign, of [n] magnitudes above 0 among ``total`` neurons."""
    ordered = np.sort(sizes)
    picks = _picks(len(ordered), total)
    x = ordered[picks]
    y = np.searchsorted(ordered, x, side="right") / max(1, len(ordered))
    above = len(ordered) - np.searchsorted(ordered, x)
    held = np.cumsum(ordered[::-1])[above - 1] / (ordered.sum() or 1.0)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": sign,
        "x": x.tolist(),
        "y": y.tolist(),
        "customdata": [(int(n), float(h), total) for n, h in zip(above, held, strict=True)],
        "line": dict(look),
        "hovertemplate": f"|score| ≤ %{{x:.2e}}: %{{y:.2%}} of the {sign} ones<br>%{{customdata[0]:,}} at or above it "
        f"hold %{{customdata[1]:.1%}} of the {sign} attribution<extra></extra>",
    }


def _picks(count: int, total: int) -> NDArray[np.int64]:
    """Which of ``count`` ordered values are drawn: evenly spread, denser at the upper end, and the first of the top
    1 % of ``total``."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    even, upper = np.linspace(0, count - 1, min(199, count)), count - np.geomspace(1, count, min(200, count))
    first = max(0, count - max(1, round(0.01 * total)))
    return np.unique(np.concatenate([even, upper, [first]]).round().astype(np.int64))


def layer_units(values: NDArray[np.float64], site: Site, unit: str, caption: str) -> Figure:
    """Every unit of one site by index (at most 8,192 bars: the strongest of each run of neighbours beyond)."""
    groups = np.array_split(np.arange(len(values)), min(8192, len(values)))
    picks = np.asarray([group[np.argmax(np.abs(values[group]))] for group in groups])
    chosen = values[picks]
    bars = {
        "type": "bar",
        "x": picks.tolist(),
        "y": chosen.tolist(),
        "marker": {"color": [POSITIVE if v >= 0 else NEGATIVE for v in chosen], "line": {"width": 0}},
        "hovertemplate": f"L{site.layer}.{site.kind.value}." + "%{x}: %{y:.3g} " + unit + "<extra></extra>",
    }
    table = tuple((f"L{site.layer}.{site.kind.value}.{i}", float(v)) for i, v in zip(picks, chosen, strict=True))
    plot = {
        "data": [bars],
        "layout": layout(
            "number of the unit (numbers have no neighbourhood)",
            f"score ({unit})",
            bargap=0,
            height=280,
            **nothing_to_see(values, "Every score of this layer is 0."),
        ),
    }
    return Figure("units", f"Units of layer {site.layer}", caption, plot, ("neuron", f"score ({unit})"), table)


def _label(site: Site, several: bool) -> str:
    return f"L{site.layer} {site.kind.value}" if several else f"L{site.layer}"
