"""Scores beside what patching single neurons does, from the baseline input into the real one and back."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.analysis.agreement import spearman
from app.domain.counting import counted
from app.domain.interventions import Axis, Family
from app.domain.results import SettingRow
from app.domain.runs import Run
from app.domain.scores import NeuronScores
from app.figures.base import Figure
from app.figures.curves import patched
from app.kinds.words import signed
from app.store.results import Results


class Patching:
    """Neurons patched one by one, if there are any among the settings.

    A neuron's score should be what the target loses when only that neuron goes back to its baseline value, and what it
    gains when only that neuron gets its real value in the baseline input (``nig.md`` section 18-6).

    Args:
        rows: settings that every input has answered. changes: ordinal to mean change of the target.
        source: the run whose scores are compared. unit, caption: of the figures.
    """

    def __init__(
        self,
        rows: Sequence[SettingRow],
        changes: Mapping[int, float],
        results: Results,
        source: Run,
        unit: str,
        caption: str,
    ) -> None:
        self.results, self.source, self.unit, self.caption = results, source, unit, caption
        self.single = [row for row in rows if row.axis is Axis.PATCHED]
        back = [row for row in rows if row.axis is Axis.BACK and row.family != Family.START]
        start = next((row for row in rows if row.family == Family.START), None)
        self.back = back if start is not None and len(back) == len(self.single) else []
        from_start = 0.0 if start is None else changes.get(start.ordinal, 0.0)
        self.lost = [-changes[row.ordinal] for row in self.single]
        self.gained = [changes[row.ordinal] - from_start for row in self.back]

    @cached_property
    def scores(self) -> NeuronScores:
        """The scores they are compared with."""
        return self.results.scores(self.source.id)

    @property
    def sentence(self) -> str:
        """Rank correlation and equal signs, both ways; empty where nothing was patched."""
        if not self.single:
            return ""
        rho, same = self._agreement(self.single, self.lost)
        sentence = (
            f"Over {counted(len(self.single), 'neuron')} patched one by one, score and measured effect have a rank "
            f"correlation of {signed(rho)}; {100 * same:.0f} % have the same sign."
        )
        if not self.back:
            return sentence
        rho, same = self._agreement(self.back, self.gained)
        return sentence + (
            f" Their real value alone in the baseline input: rank correlation {signed(rho)}, the same sign in "
            f"{100 * same:.0f} %."
        )

    def drawings(self) -> dict[str, Callable[[], Figure]]:
        """What draws each way."""
        makers: dict[str, Callable[[], Figure]] = {}
        if self.single:
            makers["patching"] = lambda: self._figure(self.single, self.lost, turned=False)
        if self.back:
            makers["patching_back"] = lambda: self._figure(self.back, self.gained, turned=True)
        return makers

    def _values(self, rows: Sequence[SettingRow]) -> NDArray[np.float64]:
        """[R] scores of the patched neurons."""
        return self.scores.of("all")[[int(row.members[0]) for row in rows]]

    def _agreement(self, rows: Sequence[SettingRow], effects: Sequence[float]) -> tuple[float, float]:
        """Rank correlation, share of equal signs."""
        values, measured = self._values(rows), np.asarray(effects)
        return spearman(values, measured), float((np.sign(values) == np.sign(measured)).mean())

    def _figure(self, rows: Sequence[SettingRow], effects: Sequence[float], *, turned: bool) -> Figure:
        names = [str(self.scores.space.index(int(row.members[0]))) for row in rows]
        points = [
            (row.family, name, float(value), float(effect))
            for row, name, value, effect in zip(rows, names, self._values(rows), effects, strict=True)
        ]
        return patched(points, turned, self.unit, self.caption)
