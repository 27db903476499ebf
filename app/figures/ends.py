"""Lines that are named where they end, and axes whose ticks stand where something was measured."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

END = "end"
"""What the annotations of ends are called, so that a page too narrow for them can put a legend in their place."""
LETTER, HEIGHT = 7, 15
"""Pixels that a letter is wide, and a line of text high, at most."""
WIDE = 30
"""Letters in a line of a name."""


@dataclass(frozen=True)
class End:
    """The last point of a line, its name, and the colour of the dash before it, which is the line's."""

    x: float
    y: float
    name: str
    colour: str


def ends(lines: Sequence[End], low: float, high: float, height: int, *, log: bool) -> dict[str, Any]:
    """Layout entries: the names beside the ends, pushed apart where they would cover each other, and room for them.

    Args:
        lines: what is named. low, high: of the axis on which they end.
        height: pixels from low to high. log: whether places on the other axis are shown by their logarithm.
    """
    texts = [_broken(line.name) for line in lines]
    unit = (high - low or 1.0) / height
    tall = [HEIGHT * len(text) * unit for text in texts]
    places = _apart([line.y for line in lines], tall, low)
    notes = [
        {
            "name": END,
            "x": math.log10(line.x) if log else line.x,
            "y": place,
            "text": f'<span style="color:{line.colour}">━</span> {"<br>".join(text)}',
            "xanchor": "left",
            "yanchor": "middle",
            "xshift": 10,
            "align": "left",
            "showarrow": False,
        }
        for line, text, place in zip(lines, texts, places, strict=True)
    ]
    longest = max((len(part) for text in texts for part in text), default=0)
    return {"annotations": notes, "margin": {"l": 64, "r": 48 + LETTER * longest, "t": 24, "b": 52}}


def _broken(name: str) -> list[str]:
    """A name in lines, broken between words."""
    lines = [""]
    for word in name.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= WIDE or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _apart(wanted: Sequence[float], tall: Sequence[float], low: float) -> list[float]:
    """Places near those wanted, in the same order, none below ``low``: neighbours that overlap go half the way each."""
    places = [max(place, low) for place in wanted]
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    for _ in range(100):
        for below, above in itertools.pairwise(order):
            overlap = (tall[below] + tall[above]) / 2 - (places[above] - places[below])
            if overlap > 0:
                down = min(overlap / 2, places[below] - low)
                places[below] -= down
                places[above] += overlap - down
    return places


def ticks(measured: Sequence[float], *, log: bool) -> dict[str, Any]:
    """Axis entries with a tick at every measured place, of those too near each other the first; the range ends with
    them, so that names stand beside the plot."""
    places = sorted(set(measured))
    scale = [math.log10(x) if log and x > 0 else x for x in places]
    near = (scale[-1] - scale[0]) / 16 if len(scale) > 1 else 0.0
    kept: list[int] = []
    for at, value in enumerate(scale):
        if not kept or value - scale[kept[-1]] >= near:
            kept.append(at)
    shown = [places[at] for at in kept]
    beyond = 0.04 * (scale[-1] - scale[0]) if len(scale) > 1 else 0.5
    marks = {"tickmode": "array", "tickvals": shown, "ticktext": [f"{x:,g}" if x < 1e6 else f"{x:.3g}" for x in shown]}
    return {**marks, "range": [scale[0] - beyond, scale[-1] + beyond]}
