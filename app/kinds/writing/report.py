"""What is told of free text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.domain.counting import counted
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.figures import curves
from app.figures.base import Figure
from app.kinds.queries import cited
from app.kinds.reporting import Report, Table
from app.kinds.writing.lines import FactorLine, TextLine, by_seed, factor_line, means, plain, text_line
from app.kinds.writing.question import DOMAIN, OWN, WHERE, WritingLook, WritingQuestion

LISTED = 100


@dataclass(frozen=True)
class WritingView:
    """The result; empty while nothing is there yet. ``texts``: the first ones under the factor that is looked at."""

    settings: WritingQuestion
    source: Run | None
    sentence: str
    warnings: tuple[str, ...]
    look: WritingLook
    factors: tuple[float, ...]
    factor: float
    lines: tuple[FactorLine, ...]
    texts: tuple[TextLine, ...]
    n: int
    neutral: int
    partial: bool
    figures: Mapping[str, Figure]
    facts: Mapping[str, Any]


class WritingReport(Report[WritingQuestion, WritingLook]):
    """What is told of free text."""

    headings: ClassVar[Mapping[str, str]] = {"words": "What is read and written", "matter": "All factors"}

    @property
    def factor(self) -> float:
        """The factor that is looked at."""
        factors = self.question.factors
        return self.look.factor if self.look.factor in factors else factors[0]

    @cached_property
    def by_factor(self) -> tuple[FactorLine, ...]:
        """Every factor, in the order in which they were asked for."""
        factors = self.question.factors
        return tuple(factor_line(self.items, factors, factor) for factor in factors) if self.items else ()

    @cached_property
    def view(self) -> WritingView:
        """Everything its page shows."""
        factors = self.question.factors
        return WritingView(
            settings=self.question,
            source=self.reading.inputs.get(SOURCE),
            sentence=self.sentences[0],
            warnings=self.warnings,
            look=self.look,
            factors=factors,
            factor=self.factor,
            lines=self.by_factor,
            texts=tuple(text_line(row, factors, self.factor) for row in self.items[:LISTED]),
            n=len(self.items),
            neutral=int(self.run.plan.get("neutral", 0)),
            partial=len(self.items) < int(self.run.plan.get("items", 0)),
            figures=self.figures,
            facts=self.run.facts,
        )

    @property
    def whose(self) -> str:
        """Whose neurons, in words."""
        known = {OWN: "each query's own neurons", DOMAIN: "the neurons of each query's domain"}
        return known.get(self.question.whose, f"the neurons of {self.question.whose}")

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence a factor; the looked-at one first."""
        if not self.by_factor:
            return ("",)
        order = sorted(self.by_factor, key=lambda line: line.factor != self.factor)
        return tuple(self._sentence(line) for line in order)

    def _sentence(self, line: FactorLine) -> str:
        of = "its gold answer's tokens" if line.change.n == 1 else "their gold answers' tokens"
        interval = "" if line.change.n == 1 else f" ({_signed(line.change.low)} to {_signed(line.change.high)})"
        told = (
            f"Multiplying {self.whose} by {line.factor:g} changes the mean log probability of {of} by "
            f"{_signed(line.change.mean)}{interval} over {counted(line.change.n, 'text')}"
        )
        if line.random is not None:
            told += f"; random neurons of the same blocks by {_signed(line.random)}"
        before, after, _ = line.perplexity
        return f"{told}. The perplexity of an unrelated text goes from {_read(before)} to {_read(after)}."

    @property
    def paragraph(self) -> str:
        """Neurons, tokens, controls, and where they were made."""
        question, thresholds = self.question, self.question.thresholds
        every = f", every {question.every}. of them" if question.every > 1 else ""
        factors = ", ".join(f"{factor:g}" for factor in question.factors)
        return (
            f"Query-relevant neurons (t = {thresholds.threshold:g}, u = {thresholds.common:g}, v = {thresholds.size}; "
            f"{self.whose}) were multiplied by {factors} at {WHERE[question.positions]}{every}; F is the mean log "
            f"probability of the gold answer's tokens, read one by one, beside {question.seeds} random sets of the "
            f"same blocks a text, first seed {question.seed}; at most {question.max_new} tokens were written, the "
            f"likeliest each time; perplexity is that of an unrelated text with all tokens edited; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """Of the search's method."""
        return cited(self.reading.inputs.get(SOURCE))

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """F over factors."""
        return {"dose": self._dose} if self.by_factor else {}

    def _dose(self) -> Figure:
        rows = self.items
        points = [
            curves.Point(factor, float(means(rows, factor).mean()), by_seed(rows, factor))
            for factor in sorted(self.question.factors)
        ]
        caption = f"run {self.run.id} · {self.run.spec.model} · n = {len(rows)} · mean over texts"
        return curves.dose(points, float(plain(rows).mean()), "log probability", caption)

    def table(self) -> Table:
        """A text under a factor and a set a row: F, and what was written by the tested set."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for number, row in enumerate(self.items):
                notes = row.notes
                head = (number, notes["query"], notes["domain"], notes["prompt"], notes["gold"])
                yield (*head, "intact", None, 1.0, *_told(notes["intact"], notes["intact"], "written"))
                for state in notes["states"]:
                    at = self.question.factors.index(state["factor"])
                    name = "neurons" if state["seed"] is None else "random, same blocks"
                    written = notes["written"][at] if state["seed"] is None else {}
                    yield (*head, name, state["seed"], state["factor"], *_told(state, written, "text"))

        head = ("text", "query", "domain", "prompt", "gold", "set", "seed", "factor")
        return Table((*head, "F", "perplexity", "written", "begins with gold", "ROUGE-L"), rows)

    def lines(self) -> Iterator[str]:
        """Every factor, and what is written of the first texts."""
        for line in self.by_factor:
            yield f"  x{line.factor:g} F {line.change.mean:+.3f}, perplexity {_read(line.perplexity[1])}"
        for text in self.view.texts[:3]:
            yield f"  {text.prompt[-50:]!r} plain {text.written[0][:50]!r}, x{self.factor:g} {text.written[1][:50]!r}"


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")


def _read(perplexity: float) -> str:
    return f"{perplexity:,.0f}" if perplexity >= 100 else f"{perplexity:.3g}"


def _told(state: Mapping[str, Any], written: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    met = (written.get(name), written.get("exact"), written.get("rouge"))
    return float(np.mean(state["logs"])), state["perplexity"], *met
