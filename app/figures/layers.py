"""Layers: overview heat-map, profile, score distribution.

Axes: L sites (input at the bottom), B buckets of units sorted within the site by score.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.sites import Site
from app.figures.base import DIVERGING, NEGATIVE, POSITIVE, Figure, layout, limit


def overview(
    sites: Sequence[tuple[Site, NDArray[np.float32], NDArray[np.int64]]], unit: str, caption: str, several: bool
) -> Figure:
    """Heat-map: one row per site, each cell the strongest unit of its bucket."""
    names = [_label(site, several) for site, _, _ in sites]
    width = max((len(values) for _, values, _ in sites), default=0)
    scores = [[float(v) for v in values] for _, values, _ in sites]
    z = [[*values, *[None] * (width - len(values))] for values in scores]
    ids = [[f"L{site.layer}.{site.kind.value}.{u}" for u in units] for site, _, units in sites]
    top = limit([v for row in scores for v in row])
    trace = {
        "type": "heatmap",
        "z": z,
        "y": names,
        "text": ids,
        "customdata": [[f"{site.layer}" for _ in values] for site, values, _ in sites],
        "zmin": -top,
        "zmax": top,
        "colorscale": DIVERGING,
        "hovertemplate": "%{text}<br>score %{z:.3g} " + unit + "<extra></extra>",
        "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12},
    }
    rows = tuple(
        (name, bucket, value)
        for line, values in zip(ids, scores, strict=True)
        for bucket, (name, value) in enumerate(zip(line, values, strict=True))
    )
    plot = {
        "data": [trace],
        "layout": layout(
            "units of the layer, sorted by score (bucket's strongest unit)",
            "layer, input at the bottom",
            height=max(240, 110 + (30 if len(sites) < 13 else 18) * len(sites)),
            xaxis={"showgrid": False, "zeroline": False},
            yaxis={"type": "category", "showgrid": False, "automargin": True},
        ),
    }
    return Figure("overview", "Scores by layer", caption, plot, ("neuron", "bucket", f"score ({unit})"), rows)


def profile(rows: Sequence[Mapping[str, Any]], unit: str, caption: str, several: bool) -> Figure:
    """Paired bars per site: sum of positive and sum of negative scores."""
    from app.domain.sites import SiteKind

    names = [_label(Site(row["layer"], SiteKind(row["kind"])), several) for row in rows]
    bar = lambda key, colour, name: {  # noqa: E731
        "type": "bar",
        "x": names,
        "y": [row[key] for row in rows],
        "name": name,
        "marker": {"color": colour, "pattern": {"shape": "" if key == "positive" else "/"}},
        "hovertemplate": "%{x}: %{y:.3g} " + unit + "<extra>" + name + "</extra>",
    }
    data = [bar("positive", POSITIVE, "positive"), bar("negative", NEGATIVE, "negative")]
    plot = {
        "data": data,
        "layout": layout(
            "layer", f"sum of scores ({unit})", barmode="relative", showlegend=True, xaxis={"type": "category"}
        ),
    }
    table = tuple((name, row["positive"], row["negative"], row["width"]) for name, row in zip(names, rows, strict=True))
    columns = ("layer", f"positive ({unit})", f"negative ({unit})", "units")
    return Figure("profile", "Positive and negative sums by layer", caption, plot, columns, table)


def distribution(values: NDArray[np.float64], unit: str, caption: str) -> Figure:
    """Share of neurons with at most this magnitude, on a log axis; at most 400 points."""
    ordered = np.sort(np.abs(values))
    picks = np.unique(np.linspace(0, len(ordered) - 1, min(400, len(ordered))).round().astype(int))
    x, y = ordered[picks], (picks + 1) / len(ordered)
    shown = x > 0
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": x[shown].tolist(),
        "y": y[shown].tolist(),
        "line": {"color": POSITIVE, "shape": "hv"},
        "hovertemplate": "|score| ≤ %{x:.2e}: %{y:.2%} of neurons<extra></extra>",
    }
    plot = {
        "data": [line],
        "layout": layout(
            f"|score| ({unit})",
            "share of neurons",
            xaxis={"type": "log", "exponentformat": "power"},
            yaxis={"tickformat": ".0%"},
        ),
    }
    table = tuple(zip(x.tolist(), y.tolist(), strict=True))
    return Figure("distribution", "How scores are spread", caption, plot, (f"|score| ({unit})", "share"), table)


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
        "layout": layout("unit (index has no neighbourhood)", f"score ({unit})", bargap=0, height=280),
    }
    return Figure("units", f"Units of layer {site.layer}", caption, plot, ("neuron", f"score ({unit})"), table)


def _label(site: Site, several: bool) -> str:
    return f"L{site.layer} {site.kind.value}" if several else f"L{site.layer}"
