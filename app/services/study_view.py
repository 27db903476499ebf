"""Everything the page of an ablation study shows.

Axes: S settings, Q queries. A comparison is a tested set at one size; Holm's correction goes over the comparisons of
one study and measure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.outcomes import NONE
from app.analysis.ranking import TITLES
from app.analysis.uncertainty import Effect, effects
from app.domain.errors import NotFound
from app.domain.interventions import OP_TITLES
from app.domain.results import SettingRow
from app.domain.runs import Run, RunState
from app.domain.studying import StudySettings
from app.figures import studies
from app.figures.base import Figure
from app.services.study_table import Table, lines_of, name_of
from app.services.words import signed
from app.store.results import Results

Floats = NDArray[np.float64]
ROLES = {"activation": "activation", "grad_x_act": "gradient × activation", "weight_norm": "weight norm"}


@dataclass(frozen=True)
class Comparison:
    """A tested set at one size on the chosen measure.

    Args:
        ordinal: of its setting. name, count, fraction: the set and its size.
        value: mean of the measure. intact: against the intact model.
        random: against the mean of its matched random sets; None without any.
        low, high: range of the random sets' means. z: distance from their mean in standard deviations.
        inside: whether the set's mean lies in that range.
    """

    ordinal: int
    name: str
    count: int
    fraction: float
    value: float
    intact: Effect
    random: Effect | None
    low: float
    high: float
    z: float | None
    inside: bool


@dataclass(frozen=True)
class StudyView:
    """The result of a study; empty while nothing is there yet."""

    settings: StudySettings
    op: str
    names: Mapping[str, str]
    sources: Mapping[str, Run]
    measure: str
    measures: Mapping[str, str]
    sentences: tuple[str, ...]
    intact: float
    anchors: Mapping[str, float]
    comparisons: tuple[Comparison, ...]
    picked: tuple[Comparison, ...]
    chosen: Comparison | None
    queries: tuple[tuple[str, float, float], ...]
    n: int
    unmatched: int
    unjudged: float | None
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]


def study_view(run: Run, inputs: Mapping[str, Run], results: Results, measure: str = "", chosen: int = 0) -> StudyView:
    """The view of a study, as far as it has come; ``chosen`` is the ordinal of the set looked at by query.

    Raises:
        NotFound: no such measure or set.
    """
    settings = StudySettings.model_validate(run.spec.settings)
    names = {role: ROLES.get(role, one.title) for role, one in inputs.items()}
    measure = measure or "nDCG@10"
    ready = run.state in (RunState.DONE, RunState.PARTIAL) and bool(run.facts.get("n"))
    metrics = _answered(run, results) if ready else {}
    known = {name: TITLES.get(name, name) for name in run.facts.get("measures", ()) if name in metrics}
    if ready and measure not in known:
        raise NotFound(f"one of the measures {', '.join(known)}", f"'{measure}'", "Choose one of them.", "measure")
    table = _table(run, results, metrics[measure]) if ready else None
    found = _comparisons(table, names, settings.seed) if table else ()
    look = next((one for one in found if one.ordinal == chosen), None) if chosen else _middle(found)
    if chosen and look is None and ready:
        raise NotFound("a tested set of this study", f"setting {chosen}", "Choose one from its table.", "set")
    queries = _queries(run, table, look) if table and look else ()
    anchors = {name: row[measure] for name, row in run.facts.get("anchors", {}).items() if measure in row}
    figures: dict[str, Figure] = {}
    if table:
        caption = _caption(run, settings)
        levels = {"intact": table.mean(table.rows[0]), **anchors}
        figures = _figures(table, names, (measure, caption), levels)
        if look:
            falls = [(query, after - before) for query, before, after in queries]
            told = f"{caption} · {look.count:,} neurons of {look.name}"
            figures["changes"] = studies.changes(falls, measure, told)
    return StudyView(
        settings=settings,
        op=OP_TITLES[settings.op],
        names=names,
        sources={role: one for role, one in inputs.items() if role.startswith("source")},
        measure=measure,
        measures=known,
        sentences=_sentences(found, measure, anchors) if ready else (),
        intact=table.mean(table.rows[0]) if table else 0.0,
        anchors=anchors,
        comparisons=found,
        picked=picked(found) if settings.evaluation.part == "selection" and run.state is RunState.DONE else (),
        chosen=look,
        queries=queries,
        n=int(run.facts.get("n", 0)),
        unmatched=int(run.plan.get("items", 0)) - int(run.facts.get("n", 0)),
        unjudged=_unjudged(metrics, look),
        figures=figures,
        warnings=run.warnings,
        facts=run.facts,
    )


def _answered(run: Run, results: Results) -> dict[str, Floats]:
    """Measure to its values [S, Q], :data:`NONE` where a query has none; measures that no query has are left out.

    The probability of passages that are not relevant has no value on a dataset that judges relevant ones only.
    """
    metrics = results.metrics(run.id)
    return {name: values for name, values in metrics.items() if (values != NONE).all(axis=0).any()}


def _table(run: Run, results: Results, values: Floats) -> Table:
    return Table(results.settings(run.id), np.where(values == NONE, np.nan, values))


def _middle(found: Sequence[Comparison]) -> Comparison | None:
    """The set at the size nearest to one per cent."""
    return min(found, key=lambda one: (abs(np.log(one.fraction / 0.01)), one.ordinal)) if found else None


def _comparisons(table: Table, names: Mapping[str, str], seed: int) -> tuple[Comparison, ...]:
    targets = [row for row in table.rows if row.family == "target" and row.about["axis"] != "dose"]
    if not targets:
        return ()
    kept = ~np.isnan(table.values).any(axis=0)
    base = table.values[0, kept]
    beside = [[r.ordinal for r in table.like(row, "random")] for row in targets]
    against = np.stack([table.values[row.ordinal, kept] - base for row in targets], axis=1)
    intact = effects(against, seed)
    random = [
        table.values[row.ordinal, kept] - table.values[others][:, kept].mean(axis=0)
        for row, others in zip(targets, beside, strict=True)
        if others
    ]
    paired = iter(effects(np.stack(random, axis=1), seed) if random else ())
    return tuple(
        _comparison(table, row, others, one, next(paired) if others else None, names)
        for row, others, one in zip(targets, beside, intact, strict=True)
    )


def _comparison(
    table: Table, row: SettingRow, others: list[int], intact: Effect, random: Effect | None, names: Mapping[str, str]
) -> Comparison:
    means = [float(np.nanmean(table.values[at])) for at in others]
    value = table.mean(row)
    spread = float(np.std(means, ddof=1)) if len(means) > 1 else 0.0
    low, high = min(means, default=np.nan), max(means, default=np.nan)
    return Comparison(
        row.ordinal,
        name_of(row, names),
        int(row.about["count"]),
        float(row.about["fraction"]),
        value,
        intact,
        random,
        low,
        high,
        (value - float(np.mean(means))) / spread if spread > 0 else None,
        bool(means) and low <= value <= high,
    )


def picked(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The size to take of every tested ranking: the smallest that differs from its random sets after correction, else
    the one furthest from them in standard deviations (``nig.md`` section 18-4)."""
    sizes: dict[str, list[Comparison]] = {}
    for one in found:
        if one.random is not None and one.z is not None:
            sizes.setdefault(one.name, []).append(one)
    sure = lambda one: not one.inside and one.random is not None and one.random.holm < 0.05  # noqa: E731
    best = lambda rows: max(rows, key=lambda one: (abs(one.z or 0.0), -one.count))  # noqa: E731
    smallest = (next(filter(sure, sorted(rows, key=lambda one: one.count)), best(rows)) for rows in sizes.values())
    return tuple(smallest)


def _sentences(found: Sequence[Comparison], measure: str, anchors: Mapping[str, float]) -> tuple[str, ...]:
    """One sentence per tested ranking, from numbers only: where its curve leaves the random band, and by how much."""
    by_name: dict[str, list[Comparison]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    told = []
    for name, rows in by_name.items():
        outside = [row for row in rows if row.random is not None and not row.inside]
        sure = [row for row in outside if row.random is not None and row.random.holm < 0.05]
        if not outside:
            told.append(f"{name}: inside the random band at every size.")
            continue
        first = sure[0] if sure else outside[0]
        assert first.random is not None
        side = "below" if first.value < first.low else "above"
        odds = f"p {first.random.p:.2g}, {first.random.holm:.2g} after Holm"
        told.append(
            f"{name}: from {first.count:,} neurons ({100 * first.fraction:.2g} %) on {measure} is {side} the range of "
            f"its random sets, {signed(first.random.mean)} against their mean (95 % interval "
            f"{signed(first.random.low)} to {signed(first.random.high)}, {odds}, n = {first.random.n})"
            + ("." if sure else "; no size passes the corrected test.")
        )
    return tuple(told)


def _queries(run: Run, table: Table, look: Comparison) -> tuple[tuple[str, float, float], ...]:
    """Query id, value intact, value with the set gone; largest fall first."""
    keys = [query for query, _ in run.plan["queries"]]
    before, after = table.values[0], table.values[look.ordinal]
    rows = [
        (str(keys[at]), float(before[at]), float(after[at]))
        for at in range(len(before))
        if not np.isnan(before[at] + after[at])
    ]
    return tuple(sorted(rows, key=lambda row: (row[2] - row[1], row[0])))


def _unjudged(metrics: Mapping[str, Floats], look: Comparison | None) -> float | None:
    """Mean number of unjudged passages among the first ten, with the looked-at set gone."""
    return float(metrics["unjudged@10"][look.ordinal].mean()) if look and "unjudged@10" in metrics else None


def _figures(
    table: Table,
    names: Mapping[str, str],
    about: tuple[str, str],
    levels: Mapping[str, float],
) -> dict[str, Figure]:
    """The curve and, where there are doses, the dose-response. ``about``: measure and caption."""
    lines = lines_of(table, names, "count", "curve")
    figures = {"curve": studies.curve(lines, levels, *about)} if lines else {}
    doses = lines_of(table, names, "amount", "dose")
    if doses:
        figures["doses"] = studies.doses(doses, levels["intact"], *about)
    return figures


def _caption(run: Run, settings: StudySettings) -> str:
    seeds = f"seeds {settings.seed} to {settings.seed + settings.seeds - 1}"
    n = run.facts["n"]
    return f"run {run.id} · {run.spec.model} · {settings.evaluation.name}, n = {n} queries · {seeds}"
