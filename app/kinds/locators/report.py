"""What is told of a comparison of locators."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

from app.analysis.uncertainty import Effect
from app.domain.counting import counted
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.figures import clusters as histograms
from app.figures import locators as figures
from app.figures.base import Figure
from app.kinds.locators.measures import FEWEST, Locators, PairLine, SetLine, TopLine
from app.kinds.locators.question import BASELINE, TOKENS, LocatorsLook, LocatorsQuestion
from app.kinds.queries import Sets, cited, stored_sets
from app.kinds.reporting import Report, Table
from app.kinds.words import signed_share

PATCHED = "patched, probability"
ROUGH = 0.05


@dataclass(frozen=True)
class LocatorsView:
    """The result; empty while nothing is there yet."""

    settings: LocatorsQuestion
    source: Run | None
    warnings: tuple[str, ...]
    pairs: tuple[PairLine, ...]
    tops: tuple[TopLine, ...]
    sets: tuple[SetLine, ...]
    traced: bool
    n: int
    partial: bool
    figures: Mapping[str, Figure]


class LocatorsReport(Report[LocatorsQuestion, LocatorsLook]):
    """What is told of a comparison."""

    headings: ClassVar[Mapping[str, str]] = {
        "which": "What their strongest neurons share",
        "matter": "Whose sets move the answer",
        "check": "How far locators agree on single neurons",
    }

    @cached_property
    def found(self) -> Sets | None:
        """The search's clusters and sets; None where it is gone."""
        source = self.reading.inputs.get(SOURCE)
        return None if source is None else stored_sets(source, self.results, self.question.thresholds)

    @cached_property
    def numbers(self) -> Locators | None:
        """The stored scores; None where there are none."""
        return None if self.found is None or not self.items else Locators(self.items, self.found.space)

    @cached_property
    def pairs(self) -> tuple[PairLine, ...]:
        """Rank correlations."""
        return () if self.numbers is None else self.numbers.pairs()

    @cached_property
    def tops(self) -> tuple[TopLine, ...]:
        """Shared tops."""
        return () if self.numbers is None else self.numbers.tops()

    @cached_property
    def sets(self) -> tuple[SetLine, ...]:
        """Effects of sets."""
        return () if self.numbers is None else self.numbers.sets()

    @cached_property
    def tracing(self) -> tuple[tuple[int, Effect], ...]:
        """Block to what it recovers under noise."""
        return () if self.numbers is None else self.numbers.tracing()

    @cached_property
    def view(self) -> LocatorsView:
        """Everything its page shows."""
        return LocatorsView(
            settings=self.question,
            source=self.reading.inputs.get(SOURCE),
            warnings=self.warnings,
            pairs=self.pairs,
            tops=self.tops,
            sets=self.sets,
            traced=bool(self.tracing),
            n=len(self.items),
            partial=len(self.items) < int(self.run.plan.get("items", 0)),
            figures=self.figures,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, queries with few neurons, and sums that do not add up."""
        said = list(self.run.warnings)
        if self.numbers is None:
            return tuple(said)
        small, count = self.numbers.small(), len(self.items)
        if small:
            said.append(
                f"{small} of {counted(count, 'query', 'queries')} have fewer than {FEWEST} tested neurons under these "
                "thresholds; they are in no correlation. A lower t gives larger clusters."
            )
        empty = sum(not row.notes["relevant"] for row in self.items)
        if empty:
            said.append(f"{counted(empty, 'query', 'queries')} without query-relevant neurons: no set is switched off.")
        seen = [row.notes["swap"] for row in self.items if row.notes["swap"]["size"]]
        inside = sum(not swap["held_out"] for swap in seen)
        if inside:
            said.append(
                f"{inside} of {len(seen)} sets were switched off at a wording that found them: no other is left."
            )
        for name in self.numbers.whole:
            middle, worst = self.numbers.remainder(name)
            if worst > ROUGH:
                said.append(
                    f"{name}: {100 * middle:.0f} % of the change is unexplained in the median query, "
                    f"{100 * worst:.0f} % in the worst (of several paths, the worst one); raise the steps."
                )
        return tuple(said)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Agreement with patching, shared tops, and whose sets move the answer most."""
        if self.numbers is None:
            return ("",)
        told = [f"{line.first} {_rho(line)}" for line in self.pairs if line.second == PATCHED and line.spearman]
        said = []
        if told:
            said.append(f"Rank correlation with patching single neurons (probability): {'; '.join(told)}.")
        for top in self.tops[:1]:
            said.append(
                f"The {top.size:.0f} strongest neurons of {top.first} and {top.second} share {top.jaccard.mean:.2f} "
                f"({top.jaccard.low:.2f} to {top.jaccard.high:.2f}, Jaccard; {top.chance:.2g} by chance)."
            )
        if self.sets:
            changes = "; ".join(f"{line.name} {signed_share(line.change.mean, 1)}" for line in self.sets)
            said.append(f"Sets of one size, switched off, change the own answer's probability by: {changes}.")
        if self.numbers is not None and self.tracing:
            layer, best = max(self.tracing, key=lambda pair: pair[1].mean)
            intact, noised = self.numbers.noised()
            said.append(
                f"Noise on the prompt's words takes the answer from a probability of {intact:.2f} to {noised:.2g}; "
                f"block {layer}'s feed-forward values, put back, recover most: {best.mean:+.2g} ({best.low:+.2g} to "
                f"{best.high:+.2g})."
            )
        return tuple(said) or ("Too few neurons were tested to compare anything.",)

    @property
    def paragraph(self) -> str:
        """Neurons, edits, path, controls, and where they were made."""
        question = self.question
        gradients = self.run.facts.get("gradients", "Integrated gradients")
        return (
            f"Tested were, at the last token of each query's first wording, the first {question.k} neurons of its "
            f"cluster by discounted score without common ones, as many random ones of the same blocks and the "
            f"{question.k} most frequent common ones. Patched: the neuron takes its value in the run of another query "
            f"of the domain with another answer and as many options; told is what the right token loses in "
            f"probability, and in logit against the other query's answer. Switched off: the same with 0. "
            f"{gradients} started at the mean of all word embeddings ({BASELINE}), {question.steps} steps, "
            f"{TOKENS[question.tokens]}. Sets of the size of the query-relevant neurons were switched off at the last "
            f"token of a held-out wording, beside {question.seeds} random sets of the same blocks (first seed "
            f"{question.seed}); {self._noise()}intervals are bootstrapped over queries, p values are "
            f"from sign flips with Holm's correction; {self.computed}."
        )

    def _noise(self) -> str:
        if not self.question.noise:
            return ""
        return (
            "causal tracing: Gaussian noise of 3 standard deviations of the word embeddings on every token of the "
            f"prompt but the last ({self.question.noise} draws), one block's feed-forward values put back at all "
            "tokens; "
        )

    @property
    def citation(self) -> str:
        """Of the search's method."""
        return cited(self.reading.inputs.get(SOURCE))

    @property
    def caption(self) -> str:
        """Run, model and number of queries."""
        return f"run {self.run.id} · {self.run.spec.model} · n = {len(self.items)} queries"

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Correlations, blocks, and a cloud of neurons for each locator that scores all."""
        if self.numbers is None:
            return {}
        clouds = {f"cloud{at}": partial(self._cloud, at) for at in range(len(self.numbers.whole))}
        tracing = {"tracing": self._tracing} if self.tracing else {}
        return {"correlations": self._correlations, "layers": self._layers, **clouds, **tracing}

    def _tracing(self) -> Figure:
        points = [(layer, one.mean, one.low, one.high) for layer, one in self.tracing]
        return figures.tracing(points, self.caption)

    def _correlations(self) -> Figure:
        values = {(p.first, p.second): None if p.spearman is None else p.spearman.mean for p in self.pairs}
        names = () if self.numbers is None else self.numbers.names
        return figures.correlations(names, values, self.caption)

    def _layers(self) -> Figure:
        if self.numbers is None or self.found is None:
            return histograms.by_layer({}, {}, self.caption)
        common = dict.fromkeys(self.found.space.layers, 0)
        for flat in self.found.pool.common:
            common[self.found.space.index(flat).layer] += 1
        return histograms.by_layer(self.numbers.layers(), common, self.caption)

    def _cloud(self, at: int) -> Figure:
        first = "" if self.numbers is None else self.numbers.whole[at]
        points = () if self.numbers is None else self.numbers.points(first, PATCHED)
        return figures.scatter(f"cloud{at}", first, PATCHED, points, self.caption)

    def table(self) -> Table:
        """A tested neuron of a query a row: its group, and its score by every locator."""
        names = () if self.numbers is None else self.numbers.names

        def rows() -> Iterator[tuple[Any, ...]]:
            for row in self.items:
                for at, (flat, group) in enumerate(zip(row.notes["neurons"], row.notes["groups"], strict=True)):
                    neuron = str(flat) if self.found is None else str(self.found.index(flat))
                    scores = (row.notes["scores"][name][at] for name in names)
                    yield (row.notes["query"], row.notes["domain"], neuron, group, *scores)

        return Table(("query", "domain", "neuron", "group", *names), rows)

    def lines(self) -> Iterator[str]:
        """Every pair of locators, and every set."""
        for pair in self.pairs:
            yield f"  {pair.first} / {pair.second}: {_rho(pair)}"
        for top in self.tops:
            yield f"  {top.first} / {top.second}, top {top.size:.1f}: Jaccard {top.jaccard.mean:.3f}"
        for line in self.sets:
            yield f"  off, {line.name:<30} {signed_share(line.change.mean, 1)}"


def _rho(line: PairLine) -> str:
    one = line.spearman
    return "–" if one is None else f"{one.mean:.2f} ({one.low:.2f} to {one.high:.2f})"
