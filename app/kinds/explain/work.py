"""The work of an explanation: neuron and token scores of one pair, a query with up to 50 passages, or one prompt."""

from collections.abc import Mapping
from typing import Any

from app.domain.examples import Seen
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.sites import NeuronSpace
from app.domain.targets import BRANCHES
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.explain.question import ExplainQuestion
from app.kinds.rankings import joined, score_facts, score_rows
from app.methods.base import Attribution, method_of
from app.models.host import ModelHost

SEEN = ("query_tokens", "passage_tokens", "cut_query", "cut_passage", "unknown", "max_length", "side")


class ExplainWork:
    """The work of one explanation."""

    def __init__(self, question: ExplainQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.host = question, host
        self.method = method_of(question.method, question.params)

    @property
    def space(self) -> NeuronSpace:
        """The neurons that get a score."""
        return self.question.target.scored(self.method.space(self.host))

    def plan(self) -> dict[str, Any]:
        """Examples, cost, target."""
        batch = self.host.encode(self.question.groups[0], max_length=self.question.max_length)
        branches = BRANCHES if len(batch.examples) > 1 else ()
        return {
            "items": len(self.question.examples),
            "passes": self.method.passes(self.host.card.layers),
            "neurons": len(self.space),
            "parts": ["all", *batch.segments, *branches],
            "special": sorted(batch.special),
            "target": self.host.target(self.question.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One example per shard; both passages of a pairwise target in one."""
        sizes = [len(group) for group in self.question.groups]
        return tuple(Shard(number, number, size, size * plan["passes"]) for number, size in enumerate(sizes))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Scores of one example, or of both passages of a pairwise target."""
        group = self.question.groups[shard.first]
        batch = self.host.encode(group, max_length=self.question.max_length)
        target = self.host.target(self.question.target, batch)
        attributions = self.method.attribute(self.host, batch, target)
        both = joined(attributions)
        sums = RunningScores.of(both.parts, {site: values[None] for site, values in both.neurons.items()})
        seen = [self.host.seen(example, max_length=self.question.max_length) for example in group]
        rows = zip(attributions, seen, strict=True)
        return Partial(sums, tuple(_item(shard.first + at, *row) for at, row in enumerate(rows)))

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Mean scores, their spread, and the ends of the ranking."""
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(self.space)
        return Finished(tuple(score_rows(scores)), score_facts(scores), ())


def _item(number: int, attribution: Attribution, seen: Seen) -> ItemRow:
    """One example's tokens with relevance, its numbers and its path."""
    relevance = [0.0] * len(seen.tokens) if attribution.tokens is None else attribution.tokens.tolist()
    tokens = [
        {
            "text": span.text,
            "segment": span.segment,
            "word": span.word,
            "start": span.start,
            "end": span.end,
            "score": float(score),
        }
        for span, score in zip(seen.tokens, relevance, strict=True)
    ]
    values = {
        "target": attribution.score,
        "baseline": attribution.baseline_score,
        "score": attribution.answer.score,
        "probability": attribution.answer.probability,
        "remainder": attribution.remainder,
    }
    notes: dict[str, Any] = {
        "steps": attribution.steps,
        "warnings": list(attribution.warnings),
        "residual": dict(attribution.residual),
        "seen": {name: getattr(seen, name) for name in SEEN},
    }
    if attribution.changes:
        notes["changes"] = dict(attribution.changes)
    if attribution.path is not None:
        notes |= {
            "path": list(attribution.path.values),
            "left_right_gap": attribution.path.left_right_gap,
            "remainder_site": attribution.path.remainder_site,
            "baseline_relevance_score": attribution.path.baseline.score,
            "baseline_probability": attribution.path.baseline.probability,
        }
    return ItemRow(number, "explain", tokens, values, notes)
