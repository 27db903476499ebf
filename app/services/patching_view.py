"""Scores beside what patching does: single neurons given their baseline value back."""

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
) -> tuple[str, Figure | None]:
    """A sentence and a figure, where neurons were patched one by one. ``about``: unit and caption.

    A neuron's score should be what the target loses when only that neuron goes back to its baseline value.
    """
    single = [row for row in rows if row.about["axis"] == "patched"]
    if not single:
        return "", None
    scores = results.scores(source.id)
    values = scores.of("all")
    flat = np.asarray([int(row.members[0]) for row in single])
    lost = np.asarray([-changes[row.ordinal] for row in single])
    rho = spearman(values[flat], lost)
    same = float((np.sign(values[flat]) == np.sign(lost)).mean())
    points = [
        (row.family, str(scores.space.index(at)), float(values[at]), float(effect))
        for row, at, effect in zip(single, flat.tolist(), lost, strict=True)
    ]
    told = (
        f"Over {len(single)} neurons patched one by one, score and measured effect have a rank correlation of "
        f"{signed(rho)}; {100 * same:.0f} % have the same sign."
    )
    return told, patched(points, *about)
