"""What is told of an ablation: before and after, its controls, curves, and single neurons."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.domain.counting import counted
from app.domain.interventions import OP_TITLES, Axis, Family
from app.domain.results import SettingRow
from app.domain.roles import SOURCE
from app.domain.runs import Run, RunState
from app.domain.targets import OUTPUTS
from app.figures.base import Figure
from app.figures.curves import Point, beside, dose, removal
from app.kinds.ablate.curve import leaves, points_of
from app.kinds.ablate.patching import Patching
from app.kinds.ablate.question import AblateLook, AblateQuestion
from app.kinds.answers import table_of
from app.kinds.explain.question import ExplainQuestion
from app.kinds.reporting import Report, Table
from app.kinds.words import signed
from app.methods.base import method_of
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

    settings: AblateQuestion
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


class AblateReport(Report[AblateQuestion, AblateLook]):
    """What is told of an ablation."""

    headings: ClassVar[Mapping[str, str]] = {"matter": "When they are switched off", "check": "Beside the controls"}

    @property
    def source(self) -> Run:
        """The run whose neurons are switched off."""
        return self.reading.inputs[SOURCE]

    @cached_property
    def explained(self) -> ExplainQuestion:
        """What that run asked."""
        return ExplainQuestion.model_validate(self.source.spec.settings)

    @cached_property
    def answers(self) -> Answers:
        """Ordinal of a setting to input to [Y] answers."""
        return self.results.responses(self.run.id)

    @property
    def inputs(self) -> int:
        """How many inputs are answered."""
        return int(self.run.plan.get("items", 0))

    @cached_property
    def rows(self) -> list[SettingRow]:
        """The settings that every input has answered; none while there is no result."""
        if self.run.state not in (RunState.DONE, RunState.PARTIAL):
            return []
        settings = self.results.settings(self.run.id)
        whole = [row for row in settings if len(self.answers.get(row.ordinal, {})) == self.inputs]
        return whole if len(whole) > 1 else []

    @cached_property
    def changes(self) -> dict[int, float]:
        """Ordinal to mean change of the target against the intact model."""
        return _changes(self.rows, self.answers) if self.rows else {}

    @cached_property
    def beside(self) -> tuple[tuple[Control, ...], float | None]:
        """The chosen set and its controls, and its distance from the random sets."""
        return _controls(self.rows, self.changes)

    @property
    def base(self) -> float:
        """Mean of the target of the intact model."""
        return float(np.mean([self.answers[0][item][0] for item in range(self.inputs)]))

    def points(self, axis: Axis, by: str) -> list[Point]:
        """The points of the curve (``count``) or of the dose-response (``amount``)."""
        rows = [row for row in self.rows if row.axis is axis and row.family != Family.BASE]
        return points_of(rows, self.changes, self.base, by) if rows else []

    @cached_property
    def sizes(self) -> list[Point]:
        """The points of every size that was measured, the chosen one among them, in order."""
        measured = [*self.points(Axis.CURVE, "count"), *self.points(Axis.CHOSEN, "count")]
        by_size = {point.x: point for point in reversed(measured)}
        return [by_size[size] for size in sorted(by_size)]

    @cached_property
    def patching(self) -> Patching:
        """Single neurons patched one by one."""
        return Patching(self.rows, self.changes, self.results, self.source, self.unit, self.caption)

    @cached_property
    def view(self) -> AblationView:
        """Everything its page shows."""
        controls, z = self.beside
        return AblationView(
            settings=self.question,
            source=self.source,
            op=OP_TITLES[self.question.op],
            unit=self.unit,
            target=self.target,
            sentence=self.sentences[0],
            count=self.count,
            total=int(self.run.facts.get("neurons", 0)),
            items=_items(self.explained, self.rows, self.answers, self.inputs) if self.rows else (),
            controls=controls,
            z=z,
            leaves=leaves(self.sizes) if "removal" in self.figures else "",
            patching=self.patching.sentence,
            figures=self.figures,
            warnings=self.warnings,
        )

    @property
    def count(self) -> int:
        """Neurons that are switched off."""
        return int(self.run.facts.get("count", 0))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence, and what random sets share with the chosen one."""
        if not self.rows:
            return ("",)
        sentence = _sentence(*self.beside, self.count, self.unit)
        return (sentence + _by_chance(self.rows, self.changes, self.results, self.source),)

    @property
    def paragraph(self) -> str:
        """What was replaced, and by what controls it is judged."""
        return (
            "Activations of the chosen neurons were replaced in every forward pass, at the chosen tokens and in all "
            "layers at once; controls are random sets with the same number of neurons per layer, drawn without "
            "replacement with the stated seeds, the same number of lowest-ranked neurons, and the complement."
        )

    @property
    def citation(self) -> str:
        """Of the method that ranked the neurons."""
        return method_of(self.explained.method, self.explained.params).citation

    @property
    def caption(self) -> str:
        """Run, model, inputs, seeds."""
        first, last = self.question.seed, self.question.seed + self.question.seeds - 1
        return f"run {self.run.id} · {self.run.spec.model} · n = {self.inputs} · seeds {first} to {last}"

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """The curve, the dose-response, single neurons."""
        axes = {row.axis for row in self.rows}
        makers: dict[str, Callable[[], Figure]] = {}
        if len(self.sizes) > 1:
            makers["removal"] = lambda: removal(self.sizes, self.base, self.unit, self.caption)
        elif self.sizes:
            makers["beside"] = lambda: beside(self.sizes[0], self.base, self.unit, self.caption)
        if Axis.DOSE in axes:
            makers["dose"] = lambda: dose(self.points(Axis.DOSE, "amount"), self.base, self.unit, self.caption)
        return makers | self.patching.drawings()

    def table(self) -> Table:
        """An answer a row."""
        return table_of(self.run, self.results)

    def lines(self) -> Iterator[str]:
        """Every input before and after."""
        for item in self.view.items:
            scores = f"score {item.before['score']:.4g} -> {item.after['score']:.4g}"
            yield f"  {item.rank_before} -> {item.rank_after}  {scores}"


def _changes(rows: Sequence[SettingRow], answers: Answers) -> dict[int, float]:
    """Ordinal to mean change of the target against the intact model."""
    base = answers[0]
    return {row.ordinal: float(np.mean([a[0] - base[i][0] for i, a in answers[row.ordinal].items()])) for row in rows}


def _controls(rows: Sequence[SettingRow], changes: Mapping[int, float]) -> tuple[tuple[Control, ...], float | None]:
    """The chosen set beside its controls, and its distance from the random mean in standard deviations."""
    by_family: dict[str, list[float]] = {}
    for row in rows:
        if row.axis is Axis.CHOSEN and row.family != Family.BASE:
            by_family.setdefault(row.family, []).append(changes[row.ordinal])
    controls = tuple(
        Control(name, float(np.mean(values)), min(values), max(values)) for name, values in by_family.items()
    )
    random, target = by_family.get("random", []), by_family.get("target", [])
    spread = float(np.std(random, ddof=1)) if len(random) > 1 else 0.0
    z = (target[0] - float(np.mean(random))) / spread if spread > 0 and target else None
    return controls, z


def _items(
    question: ExplainQuestion, rows: Sequence[SettingRow], answers: Answers, count: int
) -> tuple[BeforeAfter, ...]:
    """Every input intact and with the chosen set edited, in the intact order."""
    chosen = next(row.ordinal for row in rows if row.family == Family.TARGET and row.axis is Axis.CHOSEN)
    texts = question.passages or (question.query,)
    before, after = ([_named(answers[ordinal][item]) for item in range(count)] for ordinal in (0, chosen))
    ranks = [_ranks([values["score"] for values in state]) for state in (before, after)]
    items = [
        BeforeAfter(item, texts[item], before[item], after[item], ranks[0][item], ranks[1][item])
        for item in range(count)
    ]
    return tuple(sorted(items, key=lambda item: item.rank_before))


def _named(values: Any) -> dict[str, float]:
    """An answer [Y] by the names of its outputs."""
    return dict(zip(OUTPUTS, map(float, values), strict=True))


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
        f"Switching off {counted(count, 'neuron')} changes the {unit} by {signed(target.change)}; random sets of the "
        f"same size per layer change it by {signed(random.change)} ({signed(random.low)} to {signed(random.high)}): "
        f"{where} the random band{distance}."
    )


def _by_chance(rows: Sequence[SettingRow], changes: Mapping[int, float], results: Results, source: Run) -> str:
    """Random sets are drawn from all neurons: what the one that comes nearest shares with the chosen set."""
    beside = [row for row in rows if row.axis is Axis.CHOSEN]
    target = next(row for row in beside if row.family == Family.TARGET)
    random = [row for row in beside if row.family == Family.RANDOM]
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
