"""Explain one pair, one query with up to 50 passages, or one prompt: neuron and token scores per example."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel

from app.domain.examples import Seen
from app.domain.explaining import BRANCHES, ExplainSettings
from app.domain.results import ItemRow
from app.domain.runs import Lane
from app.domain.scores import RunningScores
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.jobs.kinds.base import joined, method_of, score_facts, score_rows, space_of
from app.methods.base import Attribution
from app.models.host import ModelHost


class Explain:
    """The kind of run that attributes."""

    key: ClassVar[str] = "explain"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Explanation"
    Settings: ClassVar[type[BaseModel]] = ExplainSettings

    def lane(self, settings: BaseModel) -> Lane:
        """One pair is interactive; a list of passages is batch work."""
        assert isinstance(settings, ExplainSettings)
        return Lane.INTERACTIVE if len(settings.passages) <= 1 else Lane.BATCH

    def plan(self, settings: BaseModel, given: Inputs, host: ModelHost) -> dict[str, Any]:
        """What is fixed before the first shard: examples, cost, target."""
        method, params = method_of(settings)
        assert isinstance(settings, ExplainSettings)
        batch = host.encode(settings.groups[0], max_length=settings.max_length)
        branches = BRANCHES if len(batch.examples) > 1 else ()
        return {
            "items": len(settings.examples),
            "passes": method.passes(params),
            "neurons": len(space_of(settings, host)),
            "parts": ["all", *batch.segments, *branches],
            "special": sorted(batch.special),
            "target": host.target(settings.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, settings: BaseModel, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One example per shard; both passages of a pairwise target in one."""
        assert isinstance(settings, ExplainSettings)
        sizes = [len(group) for group in settings.groups]
        return tuple(Shard(number, number, size, size * plan["passes"]) for number, size in enumerate(sizes))

    def work(
        self, settings: BaseModel, plan: Mapping[str, Any], shard: Shard, given: Inputs, host: ModelHost
    ) -> Partial:
        """Scores of one example, or of both passages of a pairwise target."""
        method, params = method_of(settings)
        assert isinstance(settings, ExplainSettings)
        group = settings.groups[shard.first]
        batch = host.encode(group, max_length=settings.max_length)
        target = host.target(settings.target, batch)
        found = method.attribute(host, batch, target, params)
        both = joined(found)
        sums = RunningScores.of(both.parts, {site: values[None] for site, values in both.neurons.items()})
        seen = (host.seen(example, max_length=settings.max_length) for example in group)
        items = tuple(_item(shard.first + at, *one) for at, one in enumerate(zip(found, seen, strict=True)))
        return Partial(sums, items)

    def finish(
        self,
        settings: BaseModel,
        plan: Mapping[str, Any],
        total: RunningScores | None,
        given: Inputs,
        host: ModelHost,
    ) -> Finished:
        """Mean scores, their spread, and the ends of the ranking."""
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(space_of(settings, host))
        return Finished(tuple(score_rows(scores)), score_facts(scores), ())


def _item(number: int, found: Attribution, seen: Seen) -> ItemRow:
    """One example's tokens with relevance, its numbers and its path."""
    tokens = [
        {
            "text": span.text,
            "segment": span.segment,
            "word": span.word,
            "start": span.start,
            "end": span.end,
            "score": float(score),
        }
        for span, score in zip(seen.tokens, found.tokens, strict=True)
    ]
    notes = dict(found.notes)
    values = {
        "target": found.score,
        "baseline": found.baseline_score,
        "score": notes.pop("score"),
        "probability": notes.pop("probability"),
        "remainder": notes.pop("remainder"),
    }
    notes["residual"] = dict(found.residual)
    notes["seen"] = {
        name: getattr(seen, name)
        for name in ("query_tokens", "passage_tokens", "cut_query", "cut_passage", "unknown", "max_length")
    }
    return ItemRow(number, "explain", tokens, values, notes)
