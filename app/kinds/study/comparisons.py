"""Tested sets against the intact model and against their random sets, on one measure.

Axes: S settings, Q queries. A comparison is a tested set at one size; Holm's correction goes over the comparisons of
one study and measure.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from app.analysis.uncertainty import Effect, effects
from app.domain.counting import counted
from app.domain.interventions import Axis, Family
from app.domain.results import SettingRow
from app.kinds.answers import Comparison
from app.kinds.study.table import StudyTable, name_of
from app.kinds.words import signed


def middle(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The set at the size nearest to one per cent."""
    return min(comparisons, key=_far_from_one_per_cent) if comparisons else None


def _far_from_one_per_cent(comparison: Comparison) -> tuple[float, int]:
    return abs(float(np.log(comparison.fraction / 0.01))), comparison.ordinal


def comparisons_of(table: StudyTable, names: Mapping[str, str], seed: int) -> tuple[Comparison, ...]:
    """Every tested set at every size, paired by query over the queries that have a value under all settings."""
    targets = [row for row in table.rows if row.family == Family.TARGET and row.axis is not Axis.DOSE]
    if not targets:
        return ()
    kept = ~np.isnan(table.values).any(axis=0)
    base = table.values[0, kept]
    beside = [[r.ordinal for r in table.like(row, Family.RANDOM)] for row in targets]
    against = np.stack([table.values[row.ordinal, kept] - base for row in targets], axis=1)
    intact = effects(against, seed)
    random = [
        table.values[row.ordinal, kept] - table.values[others][:, kept].mean(axis=0)
        for row, others in zip(targets, beside, strict=True)
        if others
    ]
    paired = iter(effects(np.stack(random, axis=1), seed) if random else ())
    return tuple(
        _comparison(table, row, others, effect, next(paired) if others else None, names)
        for row, others, effect in zip(targets, beside, intact, strict=True)
    )


def _comparison(
    table: StudyTable,
    row: SettingRow,
    others: list[int],
    intact: Effect,
    random: Effect | None,
    names: Mapping[str, str],
) -> Comparison:
    means = [float(np.nanmean(table.values[at])) for at in others]
    value = table.mean(row)
    spread = float(np.std(means, ddof=1)) if len(means) > 1 else 0.0
    low, high = min(means, default=np.nan), max(means, default=np.nan)
    return Comparison(
        row.ordinal,
        name_of(row, names),
        row.count,
        float(row.about["fraction"]),
        value,
        intact,
        random,
        low,
        high,
        (value - float(np.mean(means))) / spread if spread > 0 else None,
        bool(means) and low <= value <= high,
    )


def picked(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The size to take of every tested ranking: the smallest that differs from its random sets after correction, else
    the one furthest from them in standard deviations (``nig.md`` section 18-4)."""
    sizes: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        if comparison.random is not None and comparison.z is not None:
            sizes.setdefault(comparison.name, []).append(comparison)
    return tuple(_size_to_take(rows) for rows in sizes.values())


def _size_to_take(rows: Sequence[Comparison]) -> Comparison:
    sure = [row for row in rows if not row.inside and row.random is not None and row.random.holm < 0.05]
    if sure:
        return min(sure, key=lambda row: row.count)
    return max(rows, key=lambda row: (abs(row.z or 0.0), -row.count))


def sentences_of(comparisons: Sequence[Comparison], measure: str) -> tuple[str, ...]:
    """One sentence per tested ranking, from numbers only: where its curve leaves the random band, and by how much."""
    by_name: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        by_name.setdefault(comparison.name, []).append(comparison)
    sentences = []
    for name, rows in by_name.items():
        outside = [row for row in rows if row.random is not None and not row.inside]
        sure = [row for row in outside if row.random is not None and row.random.holm < 0.05]
        if not outside:
            sentences.append(f"{name}: inside the random band at every size.")
            continue
        first = sure[0] if sure else outside[0]
        if first.random is None:
            continue
        side = "below" if first.value < first.low else "above"
        odds = f"p {first.random.p:.2g}, {first.random.holm:.2g} after Holm"
        sentences.append(
            f"{name}: from {counted(first.count, 'neuron')} ({100 * first.fraction:.2g} %) on {measure} is {side} the "
            f"range of its random sets, {signed(first.random.mean)} against their mean (95 % interval "
            f"{signed(first.random.low)} to {signed(first.random.high)}, {odds}, n = {first.random.n})"
            + ("." if sure else "; no size passes the corrected test.")
        )
    return tuple(sentences)
