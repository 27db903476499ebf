"""Everything the page of an ablation shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from app.domain.explaining import ExplainSettings
from app.domain.interventions import OP_TITLES
from app.domain.results import SettingRow
from app.domain.runs import Run, RunState
from app.figures.base import Figure
from app.figures.curves import Point, dose, removal
from app.jobs.kinds.ablate import AblateSettings
from app.services.patching_view import patching
from app.services.words import signed
from app.store.results import Results

Answers = Mapping[int, Mapping[int, Any]]
SHOWN = 3


@dataclass(frozen=True)
class BeforeAfter:
    """One passage intact and edited; ranks count from 1 by score, ties by position."""

    number: int
    text: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    rank_before: int
    rank_after: int


@dataclass(frozen=True)
class Control:
    """Mean change of the target over the inputs under one family of settings, with its range over seeds."""

    name: str
    change: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class AblationView:
    """The result of an ablation; empty while nothing is there yet."""

    settings: AblateSettings
    source: Run
    op: str
    unit: str
    target: str
    sentence: str
    count: int
    total: int
    items: tuple[BeforeAfter, ...]
    controls: tuple[Control, ...]
    z: float | None
    leaves: str
    patching: str
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]


def ablation_view(run: Run, source: Run, results: Results) -> AblationView:
    """The view of an ablation, as far as it has come."""
    settings = AblateSettings.model_validate(run.spec.settings)
    asked = ExplainSettings.model_validate(source.spec.settings)
    target = run.plan.get("target", {})
    unit = target.get("unit", "")
    rows, answers = results.settings(run.id), results.responses(run.id)
    items = run.plan.get("items", 0)
    whole = [row for row in rows if len(answers.get(row.ordinal, {})) == items]
    ready = run.state in (RunState.DONE, RunState.PARTIAL) and len(whole) > 1
    changes = _changes(whole, answers) if ready else {}
    base = float(np.mean([answers[0][item][0] for item in range(items)])) if ready else 0.0
    chosen, z = _controls(whole, changes) if ready else ((), None)
    whole = whole if ready else []
    points = _points([row for row in whole if row.about["axis"] == "curve"], changes, base, "count")
    doses = _points([row for row in whole if row.about["axis"] == "dose"], changes, base, "amount")
    caption = (
        f"run {run.id} · {run.spec.model} · n = {items} · seeds {settings.seed} to {settings.seed + settings.seeds - 1}"
    )
    figures = {}
    if points:
        figures["removal"] = removal(points, base, unit, caption)
    if doses:
        figures["dose"] = dose(doses, base, unit, caption)
    told, single = patching(whole, changes, results, source, (unit, caption)) if ready else ("", {})
    figures |= single
    count = int(run.facts.get("count", 0))
    return AblationView(
        settings=settings,
        source=source,
        op=OP_TITLES[settings.op],
        unit=unit,
        target=target.get("sentence", ""),
        sentence=_sentence(chosen, z, count, unit) + _by_chance(whole, changes, results, source) if ready else "",
        count=count,
        total=int(run.facts.get("neurons", 0)),
        items=_items(asked, whole, answers, items) if ready else (),
        controls=chosen,
        z=z,
        leaves=_leaves(points),
        patching=told,
        figures=figures,
        warnings=run.warnings,
    )


def _changes(rows: Sequence[SettingRow], answers: Answers) -> dict[int, float]:
    """Ordinal to mean change of the target against the intact model."""
    base = answers[0]
    return {row.ordinal: float(np.mean([a[0] - base[i][0] for i, a in answers[row.ordinal].items()])) for row in rows}


def _controls(rows: Sequence[SettingRow], changes: Mapping[int, float]) -> tuple[tuple[Control, ...], float | None]:
    """The chosen set beside its controls, and its distance from the random mean in standard deviations."""
    by_family: dict[str, list[float]] = {}
    for row in rows:
        if row.about["axis"] == "chosen" and row.family != "base":
            by_family.setdefault(row.family, []).append(changes[row.ordinal])
    found = tuple(Control(name, float(np.mean(values)), min(values), max(values)) for name, values in by_family.items())
    random, target = by_family.get("random", []), by_family.get("target", [])
    spread = float(np.std(random, ddof=1)) if len(random) > 1 else 0.0
    z = (target[0] - float(np.mean(random))) / spread if spread > 0 and target else None
    return found, z


def _points(rows: Sequence[SettingRow], changes: Mapping[int, float], base: float, axis: str) -> list[Point]:
    """Points of a curve by count or amount."""
    by_x: dict[float, dict[str, list[float]]] = {}
    target_x: float = 0.0
    for row in rows:
        if row.family == "target":
            target_x = float(row.about[axis])
        x = target_x if row.family == "complement" else float(row.about[axis])
        by_x.setdefault(x, {}).setdefault(row.family, []).append(base + changes[row.ordinal])
    first = lambda found, name: found.get(name, [None])[0]  # noqa: E731
    return [
        Point(
            x,
            first(found, "target"),
            tuple(found.get("random", ())),
            first(found, "bottom"),
            first(found, "complement"),
        )
        for x, found in sorted(by_x.items())
    ]


def _leaves(points: Sequence[Point]) -> str:
    """Where the chosen set leaves the range of the random sets."""
    known = [
        (point.x, _side(point.target, point.random)) for point in points if point.random and point.target is not None
    ]
    if not known:
        return ""
    last = known[-1][1]
    tail = list(takewhile(lambda pair: pair[1] == last, reversed(known)))
    early = [f"{x:.0f}" for x, side in known[: len(known) - len(tail)] if side != "inside"]
    band = f"the range of {len(points[-1].random)} random sets"
    if last != "inside":
        more = f"; also outside at {', '.join(early)}" if early else ""
        return f"From {tail[-1][0]:.0f} neurons on the chosen set is {last} {band}{more}."
    if early:
        return f"The chosen set is outside {band} at {', '.join(early)} neurons only."
    return f"The chosen set stays inside {band} at every size."


def _side(value: float | None, band: Sequence[float]) -> str:
    if value is None or min(band) <= value <= max(band):
        return "inside"
    return "below" if value < min(band) else "above"


def _items(asked: ExplainSettings, rows: Sequence[SettingRow], answers: Answers, count: int) -> tuple[BeforeAfter, ...]:
    chosen = next(row.ordinal for row in rows if row.family == "target" and row.about["axis"] == "chosen")
    texts = asked.passages or (asked.query,)
    ranks = [_ranks([float(answers[o][i][1]) for i in range(count)]) for o in (0, chosen)]
    names = ("target", "score", "probability")
    named = lambda ordinal, item: dict(zip(names, map(float, answers[ordinal][item]), strict=True))  # noqa: E731
    found = [
        BeforeAfter(item, texts[item], named(0, item), named(chosen, item), ranks[0][item], ranks[1][item])
        for item in range(count)
    ]
    return tuple(sorted(found, key=lambda row: row.rank_before))


def _ranks(scores: Sequence[float]) -> list[int]:
    order = sorted(range(len(scores)), key=lambda item: (-scores[item], item))
    return [order.index(item) + 1 for item in range(len(scores))]


def _sentence(controls: Sequence[Control], z: float | None, count: int, unit: str) -> str:
    by_name = {control.name: control for control in controls}
    target, random = by_name.get("target"), by_name.get("random")
    if target is None or random is None:
        return ""
    inside = random.low is not None and random.high is not None and random.low <= target.change <= random.high
    where = "inside" if inside else "outside"
    distance = "" if z is None else f", {abs(z):.1f} standard deviations from their mean"
    return (
        f"Switching off {count} neurons changes the {unit} by {signed(target.change)}; random sets of the same size "
        f"per layer change it by {signed(random.change)} ({signed(random.low)} to {signed(random.high)}): {where} the "
        f"random band{distance}."
    )


def _by_chance(rows: Sequence[SettingRow], changes: Mapping[int, float], results: Results, source: Run) -> str:
    """Random sets are drawn from all neurons: what the one that comes nearest shares with the chosen set."""
    beside = [row for row in rows if row.about["axis"] == "chosen"]
    target = next(row for row in beside if row.family == "target")
    random = [row for row in beside if row.family == "random"]
    if not random:
        return ""
    nearest = min(random, key=lambda row: abs(changes[row.ordinal] - changes[target.ordinal]))
    drawn = set(nearest.members.tolist())
    shared = [flat for flat in target.members.tolist() if flat in drawn]
    if not shared:
        return ""
    space = results.space(source.id)
    names = ", ".join(str(space.index(flat)) for flat in shared[:SHOWN])
    count = f"{len(shared)} of the chosen neurons" if len(shared) > 1 else "one of the chosen neurons"
    more = ", among them" if len(shared) > SHOWN else ":"
    return (
        f" The random set that comes nearest (seed {nearest.seed}, {signed(changes[nearest.ordinal])}) holds {count} "
        f"by chance{more} {names}."
    )
