"""Dose curves of a test: a measure over factors and numbers of neurons (``qrnca.md`` section 18, 1).

Axes: Q queries, F factors.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import UNSTABLE
from app.analysis.uncertainty import bootstrap
from app.domain.counting import counted
from app.figures import effects as figures
from app.figures.base import Figure
from app.kinds.effects.changes import MEASURES, RIGHT
from app.kinds.effects.measures import MATCHED, OTHER, OWN, RELEVANT, SAME, Changes
from app.kinds.effects.question import EffectsQuestion

RATIO = "ratio"

Floats = NDArray[np.float64]
LINES: Mapping[str, tuple[str, str]] = {
    "own answer": (RELEVANT, OWN),
    "same domain": (RELEVANT, SAME),
    "other domain": (RELEVANT, OTHER),
    "random neurons, own answer": (MATCHED, OWN),
}
"""Line of a dose curve to the set and to whose answers are read."""


@dataclass(frozen=True)
class DosePoint:
    """One place of a dose curve: mean over queries with its 95 % interval; ``n`` queries."""

    factor: float
    mean: float
    low: float
    high: float
    n: int


def curves(changes: Callable[[float], Changes], factors: tuple[float, ...], measure: str) -> dict[str, list[DosePoint]]:
    """Line to its points by ascending factor; lines without any query are left out.

    A factor of 1 changes nothing, and is drawn also where it was not measured.
    """
    measured = {factor: changes(factor) for factor in sorted(factors)}
    found: dict[str, list[DosePoint]] = {}
    for title, (name, relation) in LINES.items():
        columns = [of.of(measure, name, relation) for of in measured.values()]
        values = np.stack(columns, axis=1)
        known = values[np.isfinite(values).all(axis=1)]
        if len(known):
            low, high = bootstrap(known)
            rows = zip(measured, known.mean(0).tolist(), low.tolist(), high.tolist(), strict=True)
            found[title] = _with_intact([DosePoint(*row, len(known)) for row in rows], 0.0)
    return found


def ratios(changes: Callable[[float], Changes], factors: tuple[float, ...]) -> dict[str, list[DosePoint]]:
    """PCR by ascending factor; a factor of 1 has none, nor has a factor without other domains."""
    points = []
    for factor in sorted(factors):
        of = changes(factor)
        ratio = of.ratio(RELEVANT)
        if ratio is not None and np.isfinite(ratio.ratio):
            high = ratio.high if np.isfinite(ratio.high) else ratio.ratio
            points.append(DosePoint(factor, ratio.ratio, ratio.low, high, len(of.rows)))
    return {"own over other domain": points} if points else {}


def _with_intact(points: list[DosePoint], nothing: float) -> list[DosePoint]:
    if any(point.factor == 1 for point in points):
        return points
    intact = DosePoint(1.0, nothing, nothing, nothing, points[0].n)
    return sorted([*points, intact], key=lambda point: point.factor)


@dataclass(frozen=True)
class Doses:
    """Draws what a test's factors and numbers of neurons do.

    Args:
        changes: factor and number of neurons (0: all) to the answers under them.
        question: what was asked. measure: that is looked at, or ``ratio``. size: that is looked at, 0 for all.
        caption: run and n.
    """

    changes: Callable[[float, int], Changes]
    question: EffectsQuestion
    measure: str
    size: int
    caption: str

    @cached_property
    def whole(self) -> Changes:
        """Answers under the first factor, whole sets."""
        return self.changes(self.question.factors[0], 0)

    @cached_property
    def measures(self) -> Mapping[str, str]:
        """Key to title of the measures that this test can tell."""
        chosen_from = np.isfinite(self.whole.of("wrong", RELEVANT, OWN)).any()
        told = {key: one.title for key, one in MEASURES.items() if chosen_from or not one.choices}
        others = np.isfinite(self.whole.relative(RELEVANT, OTHER)).any()
        return told | ({RATIO: "PCR"} if others else {})

    @property
    def shown(self) -> str:
        """The measure that is looked at, if it can be told."""
        return self.measure if self.measure in self.measures else RIGHT

    @property
    def unit(self) -> tuple[str, bool]:
        """What the measure's axis says, and whether it is in percent."""
        if self.shown == RATIO:
            return "PCR: own over other domain", False
        return MEASURES[self.shown].unit, MEASURES[self.shown].relative

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """The curve at one number of neurons, and the map of all, where there are several."""
        return {"dose": self._curve, **({"doses": self._map} if self.question.sizes else {})}

    def _curve(self) -> Figure:
        def at(factor: float) -> Changes:
            return self.changes(factor, self.size)

        factors = self.question.factors
        lines = ratios(at, factors) if self.shown == RATIO else curves(at, factors, self.shown)
        points = {name: [astuple(point) for point in row] for name, row in lines.items()}
        many = f"the {counted(self.size, 'strongest neuron')}" if self.size > 1 else "the strongest neuron"
        many = many if self.size else "all query-relevant neurons"
        caption = f"{self.caption} · bands: 95 % over queries{self._unstable(at)}"
        return figures.dose(points, *self.unit, many, caption, self.shown == RATIO)

    def _unstable(self, at: Callable[[float], Changes]) -> str:
        """Factors whose ratio says little, of a curve of ratios."""
        found = {factor: at(factor).ratio(RELEVANT) for factor in self.question.factors if self.shown == RATIO}
        weak = [f"× {factor:g}" for factor, ratio in found.items() if ratio is not None and ratio.unstable]
        return f" · unstable, other domains move by less than {UNSTABLE:g}: {', '.join(weak)}" if weak else ""

    def _map(self) -> Figure:
        sizes = [*self.question.sizes, 0]
        factors = sorted(self.question.factors)
        values = [[self._mean(factor, size) for factor in factors] for size in sizes]
        names = [f"{size}" if size else "all" for size in sizes]
        whole = [len(row.notes["sets"][RELEVANT]) for row in self.whole.rows]
        caption = f"{self.caption} · all: {np.mean(whole):.1f} neurons a query; a smaller set is taken whole"
        return figures.doses(values, names, factors, *self.unit, caption, self.shown == RATIO)

    def _mean(self, factor: float, size: int) -> float | None:
        of = self.changes(factor, size)
        if self.shown == RATIO:
            ratio = of.ratio(RELEVANT)
            return None if ratio is None or not np.isfinite(ratio.ratio) else ratio.ratio
        values = of.of(self.shown, RELEVANT, OWN)
        known = values[np.isfinite(values)]
        return float(known.mean()) if len(known) else None
