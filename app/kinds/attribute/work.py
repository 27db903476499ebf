"""The work of an attribution over a sample of a dataset: mean, spread and sign of every neuron's score (``nig.md``
section 8).

A shard is a few whole queries, so that the mean within a query is exact; the plan fixes pairs and shards.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.data.samples import Pair, stored_dataset
from app.domain.attributing import FOLDS
from app.domain.datasets import Dataset
from app.domain.errors import BadInput, Unsupported
from app.domain.results import ArrayRow, ItemRow
from app.domain.scores import RunningScores
from app.domain.sites import NeuronSpace, Site
from app.domain.targets import BRANCHES
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.attribute.question import AttributeQuestion
from app.kinds.attribute.sampling import Group, by_length, chosen, cut, examples_of, fold_of
from app.kinds.rankings import joined, score_facts, score_rows
from app.methods.base import Attribution, method_of
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target

PAIRS_PER_SHARD = {"cpu": 4, "cuda": 64}
PAIRS_PER_PASS = {"cpu": 4, "cuda": 64}


class AttributeWork:
    """The work of one attribution: the dataset, the method and its target are found once."""

    def __init__(self, question: AttributeQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.method = method_of(question.method, question.params)

    @cached_property
    def dataset(self) -> Dataset:
        """The stored dataset."""
        return stored_dataset(self.question.sample, self.given.data)

    @property
    def space(self) -> NeuronSpace:
        """The neurons that get a score."""
        return self.question.target.scored(self.method.space(self.host))

    def plan(self) -> dict[str, Any]:
        """The pairs in order, their shards, the target, and what one pair took.

        Raises:
            BadInput: no pair fits the sample.
        """
        pairs, counts = chosen(self.question, self.dataset, self.given, self.host)
        if not pairs:
            raise self._none_fits(counts)
        ordered = sorted(pairs, key=lambda pair: (pair.query, pair.passage))
        (first,) = examples_of(ordered[:1], self.given, self.dataset)
        batch = self.host.encode(first, max_length=self.question.max_length)
        target, sign = self.signed_target(batch)
        begun, away = time.perf_counter(), self.host.away
        self.method.attribute(self.host, batch, target)
        seconds = time.perf_counter() - begun - (self.host.away - away)
        device = self.host.device.type
        return {
            "items": len(ordered),
            "pairs": [[pair.query, pair.passage, pair.grade, *_other(pair)] for pair in ordered],
            "shards": cut([pair.query for pair in ordered], PAIRS_PER_SHARD.get(device, 4)),
            "passes": len(first) * self.method.passes(self.host.card.layers),
            "neurons": len(self.space),
            "parts": ["all", *batch.segments, *(BRANCHES if len(first) > 1 else ())],
            "special": sorted(batch.special),
            "target": target.resolved.model_dump(mode="json"),
            "sign": sign,
            "per_pass": PAIRS_PER_PASS.get(device, 4),
            "seconds_of_one_pair": round(seconds, 4),
            **counts,
        }

    def _none_fits(self, counts: Mapping[str, int]) -> BadInput:
        sample = self.question.sample
        return BadInput(
            f"pairs of the class {sample.relevance.replace('_', '-')} in the part {sample.part}",
            f"none of {counts['fitting']:,} that fit is classed so by the model"
            if counts["fitting"]
            else "none in the dataset",
            "Choose another part, class or threshold, or switch off the filter for correct ones.",
        )

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Whole queries, a few pairs each."""
        shards, first = [], 0
        for number, count in enumerate(plan["shards"]):
            shards.append(Shard(number, first, count, count * plan["passes"]))
            first += count
        return tuple(shards)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Scores of the shard's pairs, batched by length, summed in the order of the plan."""
        pairs = [Pair(*row) for row in plan["pairs"][shard.first : shard.first + shard.count]]
        attributions = self._attributed(examples_of(pairs, self.given, self.dataset), plan["per_pass"])
        rows = tuple(
            _item(shard.first + at, pair, attribution, plan["sign"])
            for at, (pair, attribution) in enumerate(zip(pairs, attributions, strict=True))
        )
        return Partial(self._sums(pairs, attributions, plan["sign"]), rows)

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Mean scores with their spread, fold means, and the ends of the ranking."""
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(self.space)
        facts = {**score_facts(scores), "sample": {name: plan[name] for name in ("fitting", "looked_at", "wrong")}}
        return Finished((*score_rows(scores), *_fold_rows(total)), facts, tuple(self._warnings(plan, total)))

    def signed_target(self, batch: Batch) -> tuple[Target, int]:
        """The target, and the sign of its scores: class non-relevant is explained by -F (``nig.md`` sections 3 and 8);
        an inner neuron's activation and a pair of passages are of no class.

        Raises:
            Unsupported: the log probability of the class non-relevant, which is no multiple of that of relevant.
        """
        target = self.host.target(self.question.target, batch)
        if self.question.sample.relevance == "relevant" or target.neuron is not None or target.rows > 1:
            return target, 1
        if target.resolved.name == "log_probability":
            raise Unsupported(
                "a target whose other class is its negative: logit, probability or margin",
                "log probability of the class non-relevant",
                "Choose one of these targets.",
                "target",
            )
        return target, -1

    def _attributed(self, groups: list[Group], per_pass: int) -> list[Attribution]:
        """One attribution per group, in the order given."""
        by_group: dict[int, Attribution] = {}
        size = len(groups[0])
        for rows in by_length(groups, max(1, per_pass // size)):
            examples = [example for row in rows for example in groups[row]]
            batch = self.host.encode(examples, max_length=self.question.max_length)
            target, _ = self.signed_target(batch)
            each = self.method.attribute(self.host, batch, target)
            by_group |= {row: joined(each[at * size : (at + 1) * size]) for at, row in enumerate(rows)}
        return [by_group[row] for row in range(len(groups))]

    def _sums(self, pairs: Sequence[Pair], attributions: Sequence[Attribution], sign: int) -> RunningScores:
        """Sums over pairs, or over queries of the mean within a query; each query belongs to one fold."""
        queries = [pair.query for pair in pairs]
        first = attributions[0]
        scores: dict[Site, NDArray[np.float64]] = {
            site: sign * np.stack([attribution.neurons[site] for attribution in attributions]) for site in first.neurons
        }
        if self.question.average == "macro":
            groups = [list(rows) for _, rows in groupby(range(len(queries)), key=queries.__getitem__)]
            scores = {site: np.stack([values[rows].mean(axis=0) for rows in groups]) for site, values in scores.items()}
            queries = [queries[rows[0]] for rows in groups]
        seed = self.question.sample.seed
        folds = np.asarray([fold_of(query, seed) for query in queries], dtype=np.int64)
        return RunningScores.of(first.parts, scores, folds, FOLDS)

    def _warnings(self, plan: Mapping[str, Any], total: RunningScores) -> Iterator[str]:
        sample = self.question.sample
        if plan["wrong"] > 0 and plan["looked_at"]:
            share = plan["wrong"] / plan["looked_at"]
            wanted = "relevant" if sample.relevance == "relevant" else "not relevant"
            yield (
                f"{plan['wrong']:,} of {plan['looked_at']:,} fitting pairs ({100 * share:.0f} %) were left out, "
                f"because the model does not class them as {wanted}."
            )
        if plan.get("mute"):
            yield f"{plan['mute']:,} fitting pairs were left out, because no file has a text of their query or passage."
        if plan["items"] < sample.limit:
            yield f"The sample has {plan['items']:,} pairs; {sample.limit:,} were asked for and no more fit."
        if total.n < 30:
            each = "queries" if self.question.average == "macro" else "pairs"
            yield f"Means over {total.n} {each} are rough; see the errors."


def _other(pair: Pair) -> tuple[str, ...]:
    return () if pair.other is None else (pair.other,)


def _item(number: int, pair: Pair, attribution: Attribution, sign: int) -> ItemRow:
    values = {
        "target": attribution.score,
        "baseline": attribution.baseline_score,
        "change": sign * (attribution.score - attribution.baseline_score),
        "score": attribution.answer.score,
        "probability": attribution.answer.probability,
        "remainder": attribution.remainder,
    }
    notes: dict[str, Any] = {
        "query": pair.query,
        "passage": pair.passage,
        "grade": pair.grade,
        "steps": attribution.steps,
        "flagged": len(attribution.warnings),
    }
    if pair.other is not None:
        notes["other"] = pair.other
    return ItemRow(number, "pair", [], values, notes)


def _fold_rows(total: RunningScores) -> Iterator[ArrayRow]:
    """Mean of part ``all`` within each fold."""
    for site, sums in total.fold.items():
        for fold, count in enumerate(total.fold_n):
            name = f"fold{fold}"
            yield ArrayRow("folds", name, "all", site.kind.value, site.layer, count, sums[fold] / max(count, 1))
