"""Scores beside what patching single neurons does, from the baseline input into the real one and back."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.analysis.agreement import spearman
from app.domain.results import SettingRow
from app.domain.runs import Run
from app.figures.base import Figure
from app.figures.curves import patched
from app.services.words import signed
from app.store.results import Results


def patching(
    rows: Sequence[SettingRow], changes: Mapping[int, float], results: Results, source: Run, about: tuple[str, str]
) -> tuple[str, dict[str, Figure]]:
    """A sentence and figures, where neurons were patched one by one. ``about``: unit and caption.

    A neuron's score should be what the target loses when only that neuron goes back to its baseline value, and what it
    gains when only that neuron gets its real value in the baseline input (``nig.md`` section 18-6).
    """
    single = [row for row in rows if row.about["axis"] == "patched"]
    if not single:
        return "", {}
    effects = {row.ordinal: -changes[row.ordinal] for row in single}
    rho, same, figure = _compared(single, effects, results, source, (False, *about))
    told = (
        f"Over {len(single)} neurons patched one by one, score and measured effect have a rank correlation of "
        f"{signed(rho)}; {100 * same:.0f} % have the same sign."
    )
    start = next((row for row in rows if row.family == "start"), None)
    back = [row for row in rows if row.about["axis"] == "back" and row.family != "start"]
    if start is None or len(back) != len(single):
        return told, {"patching": figure}
    effects = {row.ordinal: changes[row.ordinal] - changes[start.ordinal] for row in back}
    rho, same, turned = _compared(back, effects, results, source, (True, *about))
    told += (
        f" Their real value alone in the baseline input: rank correlation {signed(rho)}, the same sign in "
        f"{100 * same:.0f} %."
    )
    return told, {"patching": figure, "patching_back": turned}


def _compared(
    rows: Sequence[SettingRow],
    effects: Mapping[int, float],
    results: Results,
    source: Run,
    about: tuple[bool, str, str],
) -> tuple[float, float, Figure]:
    """Rank correlation, share of equal signs, and the figure."""
    scores = results.scores(source.id)
    flat = np.asarray([int(row.members[0]) for row in rows])
    values, measured = scores.of("all")[flat], np.asarray([effects[row.ordinal] for row in rows])
    points = [
        (row.family, str(scores.space.index(at)), float(value), float(effect))
        for row, at, value, effect in zip(rows, flat.tolist(), values, measured, strict=True)
    ]
    same = float((np.sign(values) == np.sign(measured)).mean())
    return spearman(values, measured), same, patched(points, *about)
