"""What is told of an attribution over a dataset, also while it runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.analysis.layers import summarise
from app.analysis.stability import Stability, stability
from app.domain.attributing import Sample
from app.domain.counting import counted
from app.domain.errors import Conflict
from app.domain.runs import RunState
from app.domain.scores import ATTRIBUTION, NeuronScores, RunningScores
from app.domain.sites import NeuronSpace, noun_of
from app.figures import strongest, studies
from app.figures.base import Figure
from app.kinds.asking import Values
from app.kinds.attribute.question import AttributeLook, AttributeQuestion
from app.kinds.rankings import NeuronLine, Ranking, ends_of
from app.kinds.reporting import Report, Table
from app.methods.base import Method, method_of

BASELINES = ("pad_query_and_passage", "pad_query", "unk_query_and_passage")
"""Baselines whose rankings are set side by side (``nig.md`` section 18-5)."""


@dataclass(frozen=True)
class AttributeView:
    """The result of an attribution over a dataset; ``partial`` while it is not whole, empty before the first shard.

    ``unit`` is the target's; ``change`` the mean of ΔF; ``flagged`` examples with a warning of the method;
    ``remainder`` and ``worst`` the mean and the largest share of ΔF that a pair leaves unexplained at the last block.
    """

    settings: AttributeQuestion
    unit: str
    target: str
    sentence: str
    n: int
    planned: int
    partial: bool
    parts: tuple[str, ...]
    part: str
    top: tuple[NeuronLine, ...]
    bottom: tuple[NeuronLine, ...]
    change: float | None
    flagged: int
    remainder: float | None
    worst: float | None
    stability: tuple[Stability, ...]
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]
    total: int
    layers: tuple[int, ...]
    noun: str


class AttributeReport(Report[AttributeQuestion, AttributeLook]):
    """What is told of an attribution over a dataset."""

    headings: ClassVar[Mapping[str, str]] = {
        "matter": "Studies of its neurons",
        "check": "Would other queries give the same neurons?",
    }

    def heading(self, section: str) -> str:
        """What stands over a section; units are called what they are."""
        return f"Which {self._noun()}s" if section == "which" else super().heading(section)

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the input that are scored."""
        return self.ranking.parts if self.ready else ()

    @property
    def part(self) -> str:
        """The looked-at one."""
        return self.ranking.part

    @cached_property
    def ranking(self) -> Ranking:
        """Its scores, looked at by the chosen part."""
        return Ranking(self.run, self.results, self.look.part)

    @cached_property
    def early(self) -> NeuronScores | None:
        """Mean scores of what was folded so far; None once it is finished or before the first shard."""
        if self.ready:
            return None
        sums = self.reading.jobs.resume(self.run.id)[2]
        return sums.scores(space_of(sums)) if sums is not None and sums.n else None

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Numbers of the result, or of what was folded so far."""
        if self.early is None:
            return dict(self.run.facts)
        summary = summarise(self.early)
        return {
            "n": self.early.n,
            "neurons": len(self.early.space),
            "top_share": summary.top_share,
            "strongest_layer": summary.strongest_layer,
        }

    @cached_property
    def halves(self) -> tuple[Stability, ...]:
        """Agreement of disjoint samples of queries."""
        return stability(*self.results.folds(self.run.id)) if self.ready else ()

    @cached_property
    def changes(self) -> list[float]:
        """[n] ΔF of every pair."""
        return [row.values["change"] for row in self.items]

    @cached_property
    def remainders(self) -> list[float]:
        """[n] share of ΔF of every pair that is left unexplained at the last block."""
        return [row.values["remainder"] for row in self.items]

    @cached_property
    def view(self) -> AttributeView:
        """Everything its page shows."""
        n = int(self.facts.get("n", 0))
        return AttributeView(
            settings=self.question,
            unit=self.unit,
            target=self.target,
            sentence=self.sentences[0],
            n=n,
            planned=int(self.run.plan.get("items", 0)),
            partial=bool(n) and self.run.state is not RunState.DONE,
            parts=self.ranking.parts,
            part=self.ranking.part,
            top=self.ranking.shown("top") if self.ready else (),
            bottom=self.ranking.shown("bottom") if self.ready else (),
            change=float(np.mean(self.changes)) if self.changes else None,
            flagged=sum(1 for row in self.items if row.notes.get("flagged")),
            remainder=float(np.mean(self.remainders)) if self.remainders else None,
            worst=max(self.remainders, default=None),
            stability=self.halves,
            figures=self.figures,
            warnings=self.warnings,
            facts=self.facts,
            total=int(self.facts.get("neurons", 0)),
            layers=self.ranking.layers() if self.ready else (),
            noun=self._noun(),
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence."""
        return (self._sentence() if self.facts.get("n") else "",)

    def _sentence(self) -> str:
        facts, sample = self.facts, self.question.sample
        each = ("query", "queries") if self.question.average == "macro" else ("pair", "pairs")
        wanted = "relevant" if sample.relevance == "relevant" else "non-relevant"
        over = counted(facts["n"], *(f"{wanted} {noun}" for noun in each))
        change = ""
        if self.changes:
            change = f"mean change of the {self.unit} {np.mean(self.changes):.3g}; ".replace("-", "−")
        return (
            f"Over {over} of {sample.name}: {change}1 % of {self._noun()}s carry "
            f"{100 * facts['top_share']:.0f} % of the {ATTRIBUTION}; strongest layer {facts['strongest_layer']}"
            f"{self._unexplained()}."
        )

    def _unexplained(self) -> str:
        """The end of the sentence: what the scores leave unexplained in the worst pair."""
        worst = max(self.remainders, default=None)
        if worst is None or not self.method.additive:
            return ""
        return f"; unexplained remainder at the last block at most {100 * worst:.2g} %"

    def _noun(self) -> str:
        """What a unit is called, also of what was folded so far."""
        return noun_of(site.kind for site in self.early.space.sites) if self.early else self.ranking.noun

    @property
    def method(self) -> Method:
        """The method that made the scores."""
        return method_of(self.question.method, self.question.params)

    @property
    def paragraph(self) -> str:
        """The sample, the method in its own words, and where it ran."""
        sample = _sample_words(self.question.sample, int(self.facts.get("n", 0)))
        return f"{sample}{self.method.paragraph(self.target or 'target')}; {self.computed}."

    @property
    def citation(self) -> str:
        """Of the method."""
        return self.method.citation

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Layers and stability; the overview alone of what was folded so far."""
        if self.early is not None:
            return {"overview": self._early}
        if not self.ready:
            return {}
        makers = self.ranking.drawings(self.unit)
        if len(self.halves) > 1:
            makers["stability"] = self._stability
        return makers

    def _stability(self) -> Figure:
        points = [(half.n, half.spearman, half.jaccard) for half in self.halves]
        return studies.stability(points, f"run {self.run.id} · folds of queries, seed {self.question.sample.seed}")

    def _early(self) -> Figure:
        scores = self.early
        if scores is None:
            raise ValueError("expected scores that were folded so far; found none; draw the stored ones")
        caption = f"run {self.run.id} · {self.run.spec.model} · partial, n = {scores.n}"
        return strongest.overview(ends_of(scores), self.unit, caption)

    def table(self) -> Table:
        """A neuron a row."""
        return self.ranking.table()

    def lines(self) -> Iterator[str]:
        """The strongest neurons."""
        for line in self.view.top[:10]:
            yield f"  {line.id:<16} {line.score:+.4g}"

    def follow(self, name: str) -> Sequence[Values]:
        """``baselines``: the same attribution from other baselines, to be set side by side with this one.

        Raises:
            Conflict: a run that has no baseline.
        """
        if name != "baselines":
            return super().follow(name)
        params = self.question.params
        if "baseline" not in params:
            found = f"run {self.run.id}, {self.question.method}"
            raise Conflict("an attribution with a baseline", found, "Choose another run.")
        others = [baseline for baseline in BASELINES if baseline != params["baseline"]][:2]
        model = {"model": self.run.spec.source or self.run.spec.model}
        settings = self.run.spec.settings
        return [{**settings, **model, "params": {**params, "baseline": baseline}} for baseline in others]


def space_of(sums: RunningScores) -> NeuronSpace:
    """The neurons of running sums."""
    sites = tuple(sums.total)
    return NeuronSpace(sites, tuple(sums.total[site].shape[-1] for site in sites))


def _sample_words(sample: Sample, n: int) -> str:
    """The sample, in a sentence."""
    wanted = "relevant" if sample.relevance == "relevant" else "non-relevant"
    filtered = ", kept where the model classes them so" if sample.correct else ""
    grade = f"judged at least {sample.threshold}" if wanted == "relevant" else "judged lower, or unjudged candidates"
    over = counted(n, f"{wanted} pair") if n else f"{wanted} pairs, none of which is done yet"
    return (
        f"Mean over {over} ({grade}) of {sample.name}, part {sample.part} of the split by query id with "
        f"seed {sample.split.seed}, drawn with seed {sample.seed}{filtered}. "
    )
