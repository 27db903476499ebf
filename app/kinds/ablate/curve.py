"""Curves of an ablation: the chosen set and its controls by size or dose, and where it leaves the random sets."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from app.domain.counting import counted
from app.domain.interventions import Family
from app.domain.results import SettingRow
from app.figures.curves import Point


def points_of(rows: Sequence[SettingRow], changes: Mapping[int, float], base: float, axis: str) -> list[Point]:
    """Points of a curve by count or amount."""
    by_x: dict[float, dict[str, list[float]]] = {}
    target_x: float = 0.0
    for row in rows:
        if row.family == Family.TARGET:
            target_x = float(row.about[axis])
        x = target_x if row.family == Family.COMPLEMENT else float(row.about[axis])
        by_x.setdefault(x, {}).setdefault(row.family, []).append(base + changes[row.ordinal])
    return [
        Point(
            x,
            _first(by_family, "target"),
            tuple(by_family.get("random", ())),
            _first(by_family, "bottom"),
            _first(by_family, "complement"),
        )
        for x, by_family in sorted(by_x.items())
    ]


def _first(by_family: Mapping[str, Sequence[float]], name: str) -> float | None:
    values = by_family.get(name)
    return values[0] if values else None


def leaves(points: Sequence[Point]) -> str:
    """Where the chosen set leaves the range of the random sets."""
    known = [
        (point.x, _side(point.target, point.random)) for point in points if point.random and point.target is not None
    ]
    if not known:
        return ""
    last = known[-1][1]
    tail = list(takewhile(lambda pair: pair[1] == last, reversed(known)))
    early = [f"{x:.0f}" for x, side in known[: len(known) - len(tail)] if side != "inside"]
    band = f"the range of {counted(len(points[-1].random), 'random set')}"
    if last != "inside":
        more = f"; also outside at {', '.join(early)}" if early else ""
        return f"From {counted(round(tail[-1][0]), 'neuron')} on the chosen set is {last} {band}{more}."
    if early:
        noun = "neuron" if early == ["1"] else "neurons"
        return f"The chosen set is outside {band} at {', '.join(early)} {noun} only."
    return f"The chosen set stays inside {band} at every size."


def _side(value: float | None, band: Sequence[float]) -> str:
    if value is None or min(band) <= value <= max(band):
        return "inside"
    return "below" if value < min(band) else "above"
