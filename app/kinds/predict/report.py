"""What is told of a prediction."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from app.analysis.prediction import STRENGTH
from app.analysis.uncertainty import Effect
from app.domain.counting import counted
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.figures import prediction as figures
from app.figures.base import Figure
from app.kinds.predict.measures import (
    MODEL,
    PROBE,
    RANDOM_PROBE,
    RANDOM_SUM,
    SUM,
    WAYS,
    DomainLine,
    Predictions,
    Signal,
    Versus,
    WayLine,
    credits_of,
)
from app.kinds.predict.question import PROPOSED, PredictLook, PredictQuestion
from app.kinds.queries import cited
from app.kinds.reporting import Report, Table


@dataclass(frozen=True)
class PredictView:
    """The result; empty while nothing is there yet. ``answered``: prompts that the model itself answers right, of
    how many."""

    settings: PredictQuestion
    source: Run | None
    warnings: tuple[str, ...]
    ways: tuple[WayLine, ...]
    versus: tuple[Versus, ...]
    domains: tuple[DomainLine, ...]
    names: tuple[str, ...]
    chance: float
    signals: tuple[Signal, ...]
    answered: tuple[int, int]
    n: int
    partial: bool
    figures: Mapping[str, Figure]


class PredictReport(Report[PredictQuestion, PredictLook]):
    """What is told of a prediction."""

    headings: ClassVar[Mapping[str, str]] = {
        "matter": "Who answers new questions right",
        "check": "What tells that the model is right",
    }

    @cached_property
    def numbers(self) -> Predictions:
        """The stored predictions."""
        return Predictions(self.items)

    @cached_property
    def ways(self) -> tuple[WayLine, ...]:
        """Accuracy of each way."""
        return self.numbers.ways()

    @cached_property
    def versus(self) -> tuple[Versus, ...]:
        """Domain neurons against the model and random neurons."""
        return self.numbers.versus() if len(self.numbers) else ()

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """What tells whether the model is right."""
        return self.numbers.signals()

    @cached_property
    def view(self) -> PredictView:
        """Everything its page shows."""
        some = bool(len(self.numbers))
        return PredictView(
            settings=self.question,
            source=self.reading.inputs.get(SOURCE),
            warnings=self.warnings,
            ways=self.ways,
            versus=self.versus,
            domains=self.numbers.domains(),
            names=WAYS,
            chance=self.numbers.chance if some else 0.0,
            signals=self.signals,
            answered=self.numbers.answers(),
            n=len(self.numbers),
            partial=len(self.items) < int(self.run.plan.get("items", 0)),
            figures=self.figures,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, inputs that were cut, and queries too few to tell anything."""
        said = list(self.run.warnings)
        cut = sum(prompt["cut"] > 0 for row in self.items for prompt in row.notes["prompts"])
        if cut:
            said.append(
                f"{cut} prompts with their options did not fit into the longest input and lost their beginning."
            )
        if 0 < len(self.numbers) < 20:
            said.append(f"{len(self.numbers)} new queries are few: look at the intervals.")
        return tuple(said)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Accuracies, whether the neurons beat the prompt and random ones, and the signal of being right."""
        if not len(self.numbers):
            return ("",)
        return (self._accuracies(), self._verdict(), self._signal())

    def _accuracies(self) -> str:
        share = {line.name: _interval(line.accuracy) for line in self.ways}
        count, domains = len(self.numbers), len(self.numbers.domains())
        return (
            f"Of {counted(count, 'new query', 'new queries')} of {counted(domains, 'domain')}, the domain's neurons "
            f"alone pick the right option in {share[SUM]} by their weighted sum and in {share[PROBE]} by a probe; the "
            f"model itself in {share[MODEL]}, random neurons of the same blocks in {share[RANDOM_SUM]} and "
            f"{share[RANDOM_PROBE]}, chance {100 * self.numbers.chance:.0f} %."
        )

    def _verdict(self) -> str:
        words = {1: "better than", -1: "worse than", 0: "not told apart from"}
        names = {MODEL: "the model's own choice", RANDOM_SUM: "random neurons", RANDOM_PROBE: "random neurons"}
        said: dict[str, list[str]] = {SUM: [], PROBE: []}
        for one in self.versus:
            sure = f"({_points(one.difference.mean)}, p = {one.difference.holm:.2g})"
            said[one.first].append(f"{words[one.verdict]} {names[one.second]} {sure}")
        return f"The weighted sum is {' and '.join(said[SUM])}; the probe is {' and '.join(said[PROBE])}."

    def _signal(self) -> str:
        right, count = self.numbers.answers()
        if not self.signals:
            return f"Whether the model is right cannot be told: it answers {right} of {count} prompts right."
        largest, own, random = self.signals
        return (
            f"Whether the model's answer is right ({right} of {count} prompts) is told with an AUROC of "
            f"{own.auroc:.2f} ({own.low:.2f} to {own.high:.2f}) by domain neurons at the prompt's end, "
            f"{largest.auroc:.2f} ({largest.low:.2f} to {largest.high:.2f}) by the largest probability, "
            f"{random.auroc:.2f} by random ones." + _turned(own)
        )

    @property
    def paragraph(self) -> str:
        """Neurons, split, scores, controls, and where they were made."""
        question, thresholds = self.question, self.question.thresholds
        return (
            f"Neurons of a domain: the query-relevant neurons of its queries (t = {thresholds.threshold:g}, u = "
            f"{thresholds.common:g}, v = {thresholds.size}), weighted by their summed discounted scores. Behind each "
            f"prompt ({question.wordings} wordings a query at most) stood {PROPOSED[question.proposed]}; activity at "
            f"its last token was z-scored over all proposed answers of the domain's old queries, which share no query "
            f"with the new ones. The probe is a logistic regression (L2, C = {STRENGTH:g}) of being right, fitted on "
            f"the old queries; ties share the credit. {question.seeds} random sets of the same size and blocks (first "
            f"seed {question.seed}), each with the weights of the neurons that it stands for; intervals are "
            f"bootstrapped over queries, p values are from sign flips with Holm's correction; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """Of the search's method."""
        return cited(self.reading.inputs.get(SOURCE))

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Accuracy by domain."""
        return {"accuracy": self._accuracy} if len(self.numbers) else {}

    def _accuracy(self) -> Figure:
        overall = ("all domains", [_point(line.accuracy) for line in self.ways])
        rows = [(line.name, [_point(one) for one in line.ways]) for line in self.numbers.domains()]
        caption = (
            f"run {self.run.id} · {self.run.spec.model} · n = {len(self.numbers)} new queries · bars: 95 % over queries"
        )
        return figures.accuracy(WAYS, [overall, *rows], self.numbers.chance, caption)

    def table(self) -> Table:
        """A prompt a row: what each way gets for it, the options' scores, and the signal."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for row in self.items:
                for prompt in row.notes["prompts"]:
                    head = (row.notes["query"], row.notes["domain"], row.notes["passed"], prompt["wording"])
                    right = prompt["options"][prompt["right"]]
                    scores = (prompt[name][prompt["right"]] for name in ("shares", "weighted", "probed"))
                    yield (*head, len(prompt["options"]), right, *credits_of(prompt), *scores, prompt["signal"])

        credits = ("model", "weighted_sum", "probe", "random_weighted_sum", "random_probe")
        scores = ("probability_of_right", "weighted_sum_of_right", "log_odds_of_right", "signal")
        head = ("query", "domain", "passed_over", "wording", "options", "right")
        return Table((*head, *(f"{name}_right" for name in credits), *scores), rows)

    def lines(self) -> Iterator[str]:
        """Every way, and every domain."""
        for line in self.ways:
            yield f"  {line.name:<30} {_interval(line.accuracy)}"
        for domain in self.numbers.domains():
            shares = ", ".join(f"{100 * way.mean:.0f} %" for way in domain.ways)
            yield f"  {domain.name:<20} n = {domain.queries}: {shares}"


def _turned(signal: Signal) -> str:
    """What an AUROC below a half means, where it is sure."""
    return " Below 0.5: these neurons are more active where the model is wrong." if signal.high < 0.5 else ""


def _interval(effect: Effect) -> str:
    return f"{100 * effect.mean:.0f} % ({100 * effect.low:.0f} to {100 * effect.high:.0f})"


def _points(value: float) -> str:
    return f"{100 * value:+.0f} points".replace("-", "−")


def _point(effect: Effect) -> tuple[float, float, float]:
    return effect.mean, effect.low, effect.high
