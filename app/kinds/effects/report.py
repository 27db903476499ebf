"""What is told of a test of query-relevant neurons."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from app.domain.results import ItemRow
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.figures import effects as figures
from app.figures.base import Figure
from app.kinds.effects.curves import Doses
from app.kinds.effects.measures import Changes, SetLine, right_before
from app.kinds.effects.question import WHERE, EffectsLook, EffectsQuestion
from app.kinds.queries import cited
from app.kinds.reporting import Report, Table
from app.kinds.words import signed_share


@dataclass(frozen=True)
class EffectsView:
    """The result; empty while nothing is there yet. ``what`` says what the factor that is looked at does;
    ``measures``: those of the dose curve, key to title; ``counts``: queries in all, right and wrong before; ``n`` of
    them are looked at."""

    settings: EffectsQuestion
    source: Run | None
    sentence: str
    warnings: tuple[str, ...]
    factors: tuple[float, ...]
    factor: float
    what: str
    look: EffectsLook
    measures: Mapping[str, str]
    counts: Mapping[str, int]
    sets: tuple[SetLine, ...]
    domains: Mapping[str, tuple[int, float, float | None]]
    n: int
    partial: bool
    figures: Mapping[str, Figure]
    facts: Mapping[str, Any]


class EffectsReport(Report[EffectsQuestion, EffectsLook]):
    """What is told of a test."""

    headings: ClassVar[Mapping[str, str]] = {"matter": "What moves when they are scaled"}

    @cached_property
    def factor(self) -> float:
        """The factor that is looked at."""
        factors = self.question.factors
        return self.look.factor if self.look.factor in factors else factors[0]

    @cached_property
    def size(self) -> int:
        """The number of neurons that is looked at; 0 for all."""
        return self.look.size if self.look.size in self.question.sizes else 0

    @cached_property
    def by_known(self) -> Mapping[str, tuple[ItemRow, ...]]:
        """All queries, those that the intact model answers right, and the others."""
        right = [right_before(row) for row in self.items]
        return {
            "all": self.items,
            "right": tuple(row for row, known in zip(self.items, right, strict=True) if known),
            "wrong": tuple(row for row, known in zip(self.items, right, strict=True) if not known),
        }

    @property
    def looked_at(self) -> tuple[ItemRow, ...]:
        """The queries that are looked at."""
        return self.by_known[self.look.known]

    def changes(self, factor: float, size: int = 0) -> Changes:
        """Answers of the queries that are looked at, under a factor."""
        return Changes(self.looked_at, self.question.factors.index(factor), factor, size)

    @cached_property
    def by_factor(self) -> Mapping[float, tuple[SetLine, ...]]:
        """Factor to every set under it."""
        factors = self.question.factors
        return {factor: Changes(self.items, at, factor).lines() for at, factor in enumerate(factors) if self.items}

    @cached_property
    def lines_of(self) -> tuple[SetLine, ...]:
        """Every set under the factor that is looked at, of the queries that are looked at."""
        if self.look.known == "all":
            return self.by_factor.get(self.factor, ())
        return self.changes(self.factor).lines() if self.looked_at else ()

    @cached_property
    def doses(self) -> Doses:
        """Its dose curves."""
        return Doses(self.changes, self.question, self.look.measure, self.size, self.caption)

    @property
    def caption(self) -> str:
        """Run, model and queries in one line."""
        known = {"all": "", "right": " answered right before", "wrong": " not answered right before"}[self.look.known]
        return f"run {self.run.id} · {self.run.spec.model} · n = {len(self.looked_at)} queries{known}"

    @cached_property
    def view(self) -> EffectsView:
        """Everything its page shows."""
        return EffectsView(
            settings=self.question,
            source=self.reading.inputs.get(SOURCE),
            sentence=self.sentences[0],
            warnings=self.warnings,
            factors=self.question.factors,
            factor=self.factor,
            what=done(self.factor),
            look=self.look,
            measures=self.doses.measures if self.items else {},
            counts={name: len(rows) for name, rows in self.by_known.items()},
            sets=self.lines_of,
            domains=self.changes(self.factor).by_domain(self.lines_of[0].name) if self.lines_of else {},
            n=len(self.looked_at),
            partial=len(self.items) < int(self.run.plan.get("items", 0)),
            figures=self.figures,
            facts=self.run.facts,
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence a factor; the looked-at one first."""
        if not self.items:
            return ("",)
        order = sorted(self.question.factors, key=lambda factor: factor != self.factor)
        return tuple(self._sentence(factor) for factor in order)

    def _sentence(self, factor: float) -> str:
        lines = {line.name: line for line in self.by_factor[factor]}
        first = next(iter(lines.values()))
        told = f"{done(factor).capitalize()}, the query-relevant neurons change the probability of their own answer by "
        own = first.own
        told += f"{signed_share(own.mean)} ({signed_share(own.low)} to {signed_share(own.high)}, n = {own.n})"
        if first.same is not None:
            told += f", of another query of the domain by {signed_share(first.same)}"
        if first.other is not None:
            told += f", of another domain by {signed_share(first.other)}"
        random = lines.get("random, same blocks")
        if random is not None:
            told += f"; random neurons of the same blocks change the own answer by {signed_share(random.own.mean)}"
        return f"{told}."

    @property
    def paragraph(self) -> str:
        """Sets, factors, tokens, controls, and where they were made."""
        question, thresholds = self.question, self.question.thresholds
        factors = ", ".join(f"{factor:g}" for factor in question.factors)
        return (
            f"Query-relevant neurons (t = {thresholds.threshold:g}, u = {thresholds.common:g}, v = {thresholds.size}) "
            f"were multiplied by {factors} at {WHERE[question.positions]}; changes are relative changes of the right "
            f"token's probability, beside {question.seeds} random sets a query of the same blocks and as many of all "
            f"blocks, first seed {question.seed}; intervals are bootstrapped over queries, p values are from sign "
            f"flips with Holm's correction; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """Of the search's method."""
        return cited(self.reading.inputs.get(SOURCE))

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """What each set moves, and dose curves where there are several factors."""
        if not self.lines_of:
            return {}
        curves = self.doses.drawings() if len(self.question.factors) > 2 or self.question.sizes else {}
        return {"changes": self._changes, **curves}

    def _changes(self) -> Figure:
        rows = [(x.name, x.own.mean, x.own.low, x.own.high, x.same, x.other) for x in self.lines_of]
        return figures.changes(rows, done(self.factor), f"{self.caption} · bars: 95 % over queries")

    def table(self) -> Table:
        """An answer a row: shares of the right token, of the others, and of all options, before and after; and how many
        of the strongest neurons alone were scaled."""
        outputs = self.run.facts.get("outputs", ("probability", "others", "best_other", "mass"))

        def rows() -> Iterator[tuple[Any, ...]]:
            for row in self.items:
                for prompt in row.notes["prompts"]:
                    head = (
                        row.notes["query"],
                        row.notes["domain"],
                        prompt["relation"],
                        prompt["query"],
                        prompt["wording"],
                    )
                    yield (*head, "intact", None, 1.0, *prompt["intact"], None)
                    for factor, answers in zip(self.question.factors, prompt["answers"], strict=True):
                        for name, seed, shares in answers:
                            yield (*head, name, seed, factor, *shares, None)
                    for factor, answers in zip(self.question.factors, prompt.get("doses", ()), strict=False):
                        for size, name, seed, shares in answers:
                            yield (*head, name, seed, factor, *shares, size)

        columns = ("query", "domain", "answers", "of", "wording", "set", "seed", "factor", *outputs, "strongest")
        return Table(columns, rows)

    def lines(self) -> Iterator[str]:
        """Every set and factor."""
        for factor, sets in self.by_factor.items():
            for line in sets:
                ratio = (
                    ""
                    if line.ratio is None
                    else f", PCR {line.ratio.ratio:.3g}{' (unstable)' if line.ratio.unstable else ''}"
                )
                yield f"  x{factor:g} {line.name:<22} own {signed_share(line.own.mean)}{ratio}"


def done(factor: float) -> str:
    """What a factor does, in words."""
    words = {0.0: "switched off", 1.0: "left as they are", 2.0: "doubled"}
    return words.get(factor, f"multiplied by {factor:g}")
