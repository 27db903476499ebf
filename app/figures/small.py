"""A small picture of where the strong units are, for pages that draw it without a script.

It is :mod:`app.figures.strongest` in little: a row for each site, the input at the bottom, dots at their scores, the
sums of a site beside them. Places are shares of the width, so that a page can draw it in any size. Axes: K kept units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.analysis.ends import Ends
from app.domain.sites import noun_of
from app.figures.strongest import Reach, reach

EACH, NAMED, WORTH_A_NAME, MARGIN = 12, 5, 0.1, 0.12
"""Dots of each sign and row; names in all; the smallest score of one, and the room for it, as shares of the scale."""


@dataclass(frozen=True)
class Dot:
    """A unit: its score in the target's unit, its place in per cent of the width, whether its number is told."""

    name: str
    number: int
    score: float
    place: float
    named: bool


@dataclass(frozen=True)
class Row:
    """One site: what it is called, its strongest units, and both sums as places on their own scale (per cent)."""

    label: str
    dots: tuple[Dot, ...]
    positive: float
    negative: float


@dataclass(frozen=True)
class Small:
    """The picture; ``zero`` and ``sum_zero`` are the places of 0 on its two scales, in per cent of their widths."""

    noun: str
    rows: tuple[Row, ...]
    zero: float
    sum_zero: float

    @property
    def strongest(self) -> tuple[Dot, ...]:
        """The dots whose numbers are told, the strongest first."""
        named = (dot for row in self.rows for dot in row.dots if dot.named)
        return tuple(sorted(named, key=lambda dot: -abs(dot.score)))


def small(sites: Sequence[Ends]) -> Small:
    """The strongest units of every site, the last block first."""
    scales = reach((sites,))
    names = set(_worth_a_name(sites, scales))
    several = len({one.site.kind for one in sites}) > 1
    rows = tuple(
        Row(
            f"L{one.site.layer}" + (f" {one.site.kind.value}" if several else ""),
            tuple(_dots(one, scales, names)),
            _place(one.positive, scales.least, scales.most),
            _place(one.negative, scales.least, scales.most),
        )
        for one in reversed(sites)
    )
    zeros = _place(0.0, scales.low, scales.high), _place(0.0, scales.least, scales.most)
    return Small(noun_of(one.site.kind for one in sites), rows, *zeros)


def _dots(one: Ends, scales: Reach, names: set[str]) -> Iterator[Dot]:
    """The kept units of a site that are drawn, the weakest first, so that the strongest lie on top."""
    drawn = [at for at in range(len(one.units)) if one.ranks[at] <= EACH]
    for at in sorted(drawn, key=lambda at: abs(one.scores[at])):
        score, name = float(one.scores[at]), _name(one, at)
        yield Dot(name, int(one.units[at]), score, _place(score, scales.low, scales.high), name in names)


def _worth_a_name(sites: Sequence[Ends], scales: Reach) -> Iterator[str]:
    """Names of the strongest of all; only the outermost of a row, so that a number covers no dot."""
    least = WORTH_A_NAME * (scales.high - scales.low)
    outermost = ((one, at) for one in sites for at in range(len(one.units)) if one.ranks[at] == 1)
    strong = [(one, at) for one, at in outermost if abs(one.scores[at]) >= least]
    order = sorted(strong, key=lambda pair: -abs(pair[0].scores[pair[1]]))
    return (_name(one, at) for one, at in order[:NAMED])


def _name(one: Ends, at: int) -> str:
    return f"L{one.site.layer}.{one.site.kind.value}.{one.units[at]}"


def _place(value: float, low: float, high: float) -> float:
    """Per cent of a width that has room at both ends."""
    span = (high - low) or 1.0
    return round(100 * (MARGIN + (1 - 2 * MARGIN) * (value - low) / span), 2)
