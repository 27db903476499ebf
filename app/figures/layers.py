"""Layers: sums by layer, score distribution, all units of one layer. Where strong units are is in ``strongest``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.counting import counted
from app.domain.sites import Site, SiteKind, noun_of
from app.figures.base import NEGATIVE, POSITIVE, Figure, layout, nothing_to_see


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
    units = "heads" if noun_of(SiteKind(row["kind"]) for row in rows) == "head" else "units"
    columns = ("layer", f"positive ({unit})", f"negative ({unit})", units)
    return Figure("profile", "Positive and negative sums by layer", caption, plot, columns, table)


def distribution(values: NDArray[np.float64], unit: str, caption: str, noun: str = "neuron") -> Figure:
    """Share of the neurons (or what ``noun`` calls them) of each sign with at most this magnitude, on a log axis.

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
    columns = ("sign", f"|score| ({unit})", "share at most this", f"{noun}s at least this", "share of it they hold")
    zeros = f" · {counted(int((values == 0).sum()), noun)} at 0 are not shown" if (values == 0).any() else ""
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


def layer_units(values: NDArray[np.float64], site: Site, unit: str, caption: str, found: int | None = None) -> Figure:
    """Every unit of one site by index (at most 8,192 bars: the strongest of each run of neighbours beyond).

    ``found``: the unit that is pointed at, drawn whatever its neighbours are.
    """
    groups = np.array_split(np.arange(len(values)), min(8192, len(values)))
    picks = np.asarray([group[np.argmax(np.abs(values[group]))] for group in groups])
    if found is not None:
        picks = np.union1d(picks, [found])
    chosen = values[picks]
    bars = {
        "type": "bar",
        "x": picks.tolist(),
        "y": chosen.tolist(),
        "marker": {"color": [POSITIVE if v >= 0 else NEGATIVE for v in chosen], "line": {"width": 0}},
        "hovertemplate": f"L{site.layer}.{site.kind.value}." + "%{x}: %{y:.3g} " + unit + "<extra></extra>",
    }
    table = tuple((f"L{site.layer}.{site.kind.value}.{i}", float(v)) for i, v in zip(picks, chosen, strict=True))
    noun = noun_of([site.kind])
    called = "head" if noun == "head" else "unit"
    notes = nothing_to_see(values, "Every score of this layer is 0.")
    if found is not None:
        arrow = {"showarrow": True, "arrowhead": 2, "ax": 0, "ay": -28 if values[found] >= 0 else 28}
        place = {"x": found, "y": float(values[found]), "text": f"{called} {found}", **arrow}
        notes = {"annotations": [*notes.get("annotations", ()), place]}
    names = "number of the head" if noun == "head" else "number of the unit (numbers have no neighbourhood)"
    plot = {"data": [bars], "layout": layout(names, f"score ({unit})", bargap=0, height=280, **notes)}
    title = f"{called.capitalize()}s of layer {site.layer}"
    return Figure("units", title, caption, plot, (noun, f"score ({unit})"), table)


def _label(site: Site, several: bool) -> str:
    return f"L{site.layer} {site.kind.value}" if several else f"L{site.layer}"
