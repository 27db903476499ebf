"""Attribute over a sample of a dataset: mean, spread and sign of every neuron's score (``nig.md`` section 8).

A shard is a few whole queries, so that the mean within a query is exact; the plan fixes pairs and shards.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.data.samples import Pair, pairs_of
from app.domain.attributing import FOLDS, AttributeSettings
from app.domain.datasets import Dataset
from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.results import ArrayRow, ItemRow
from app.domain.runs import Lane
from app.domain.scores import RunningScores
from app.domain.sites import Site
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.jobs.kinds.base import dataset_of, method_of, score_facts, score_rows, space_of
from app.methods.base import Attribution
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target

PAIRS_PER_SHARD = {"cpu": 4, "cuda": 64}
PAIRS_PER_PASS = {"cpu": 4, "cuda": 64}
SCORED_AT_ONCE = 32


class Attribute:
    """The kind of run that attributes over a dataset."""

    key: ClassVar[str] = "attribute"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Dataset attribution"
    Settings: ClassVar[type[BaseModel]] = AttributeSettings

    def lane(self, settings: BaseModel) -> Lane:
        """Batch work."""
        return Lane.BATCH

    def plan(self, settings: BaseModel, given: Inputs, host: ModelHost) -> dict[str, Any]:
        """The pairs in order, their shards, the target, and what one pair took.

        Raises:
            BadInput: no pair fits the sample.
        """
        assert isinstance(settings, AttributeSettings)
        method, params = method_of(settings)
        chosen, counts = _chosen(settings, given, host)
        if not chosen:
            raise BadInput(
                f"pairs of the class {settings.sample.relevance.replace('_', '-')} in the part {settings.sample.part}",
                f"none of {counts['fitting']:,} that fit is classed so by the model"
                if counts["fitting"]
                else "none in the dataset",
                "Choose another part, class or threshold, or switch off the filter for correct ones.",
            )
        ordered = sorted(chosen, key=lambda pair: (pair.query, pair.passage))
        first = _examples(ordered[:1], given, dataset_of(settings.sample, given))
        batch = host.encode(first, max_length=settings.max_length)
        target, sign = _target(settings, host, batch)
        begun = time.perf_counter()
        method.attribute(host, batch, target, params)
        return {
            "items": len(ordered),
            "pairs": [[pair.query, pair.passage, pair.grade] for pair in ordered],
            "shards": _cut([pair.query for pair in ordered], PAIRS_PER_SHARD.get(host.device.type, 4)),
            "passes": method.passes(params),
            "neurons": len(space_of(settings, host)),
            "parts": ["all", *batch.segments],
            "special": sorted(batch.special),
            "target": target.resolved.model_dump(mode="json"),
            "sign": sign,
            "per_pass": PAIRS_PER_PASS.get(host.device.type, 4),
            "seconds_of_one_pair": round(time.perf_counter() - begun, 4),
            **counts,
        }

    def shards(self, settings: BaseModel, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Whole queries, a few pairs each."""
        found, first = [], 0
        for number, count in enumerate(plan["shards"]):
            found.append(Shard(number, first, count, count * plan["passes"]))
            first += count
        return tuple(found)

    def work(
        self, settings: BaseModel, plan: Mapping[str, Any], shard: Shard, given: Inputs, host: ModelHost
    ) -> Partial:
        """Scores of the shard's pairs, batched by length, summed in the order of the plan."""
        assert isinstance(settings, AttributeSettings)
        pairs = [Pair(*row) for row in plan["pairs"][shard.first : shard.first + shard.count]]
        examples = _examples(pairs, given, dataset_of(settings.sample, given))
        found = _attributed(settings, plan, examples, host)
        rows = tuple(
            _item(shard.first + at, pair, one, plan["sign"])
            for at, (pair, one) in enumerate(zip(pairs, found, strict=True))
        )
        return Partial(_sums(settings, plan, pairs, found), rows)

    def finish(
        self,
        settings: BaseModel,
        plan: Mapping[str, Any],
        total: RunningScores | None,
        given: Inputs,
        host: ModelHost,
    ) -> Finished:
        """Mean scores with their spread, fold means, and the ends of the ranking."""
        assert isinstance(settings, AttributeSettings)
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(space_of(settings, host))
        facts = {**score_facts(scores), "sample": {name: plan[name] for name in ("fitting", "looked_at", "wrong")}}
        return Finished((*score_rows(scores), *_fold_rows(total)), facts, tuple(_warnings(settings, plan, total)))


def _chosen(settings: AttributeSettings, given: Inputs, host: ModelHost) -> tuple[list[Pair], dict[str, int]]:
    """Pairs of the sample, and how many fitted, were looked at, and were classed otherwise by the model."""
    sample, dataset = settings.sample, dataset_of(settings.sample, given)
    queries = given.data.query_keys(dataset.id)
    fitting = pairs_of(sample, queries, given.data.judgements(dataset.id), given.data.candidates(dataset.id))
    if not sample.correct:
        return fitting[: sample.limit], {"fitting": len(fitting), "looked_at": len(fitting[: sample.limit]), "wrong": 0}
    chosen: list[Pair] = []
    looked = 0
    while looked < len(fitting) and len(chosen) < sample.limit:
        part = fitting[looked : looked + SCORED_AT_ONCE]
        right = _classed(settings, part, given, host)
        for pair, fits in zip(part, right, strict=True):
            looked += 1
            if fits:
                chosen.append(pair)
            if len(chosen) == sample.limit:
                break
    return chosen, {"fitting": len(fitting), "looked_at": looked, "wrong": looked - len(chosen)}


def _classed(settings: AttributeSettings, pairs: Sequence[Pair], given: Inputs, host: ModelHost) -> NDArray[np.bool_]:
    """[n] whether the model gives each pair its class: probability of relevance above one half, or not."""
    examples = _examples(pairs, given, dataset_of(settings.sample, given))
    probability = np.zeros(len(pairs))
    for rows in _by_length(examples, SCORED_AT_ONCE // 4):
        batch = host.encode([examples[row] for row in rows], max_length=settings.max_length)
        target = host.target(settings.target, batch)
        probability[rows] = target.outcome(host.run(batch, None).logits)[1].double().cpu().numpy()
    relevant = probability > 0.5
    return relevant if settings.sample.relevance == "relevant" else ~relevant


def _target(settings: AttributeSettings, host: ModelHost, batch: Batch) -> tuple[Target, int]:
    """The target, and the sign of its scores: class non-relevant is explained by -F (``nig.md`` sections 3 and 8);
    an inner neuron's activation is that of no class.

    Raises:
        Unsupported: the log probability of the class non-relevant, which is no multiple of that of relevant.
    """
    target = host.target(settings.target, batch)
    if settings.sample.relevance == "relevant" or target.neuron is not None:
        return target, 1
    if target.resolved.name == "log_probability":
        raise Unsupported(
            "a target whose other class is its negative: logit, probability or margin",
            "log probability of the class non-relevant",
            "Choose one of these targets.",
            "target",
        )
    return target, -1


def _examples(pairs: Sequence[Pair], given: Inputs, dataset: Dataset) -> list[Example]:
    queries = given.data.texts(dataset.id, "query", {pair.query for pair in pairs})
    passages = given.data.texts(dataset.id, "passage", {pair.passage for pair in pairs})
    return [Example(f"{pair.query} {pair.passage}", queries[pair.query], passages[pair.passage]) for pair in pairs]


def _by_length(examples: Sequence[Example], count: int) -> Iterator[list[int]]:
    """Numbers of examples of similar length, ``count`` at a time."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].query) + len(examples[i].passage or ""))
    for start in range(0, len(order), count):
        yield order[start : start + count]


def _attributed(
    settings: AttributeSettings, plan: Mapping[str, Any], examples: list[Example], host: ModelHost
) -> list[Attribution]:
    """One attribution per example, in the order given."""
    method, params = method_of(settings)
    found: dict[int, Attribution] = {}
    for rows in _by_length(examples, plan["per_pass"]):
        batch = host.encode([examples[row] for row in rows], max_length=settings.max_length)
        target, _ = _target(settings, host, batch)
        found |= dict(zip(rows, method.attribute(host, batch, target, params), strict=True))
    return [found[row] for row in range(len(examples))]


def _sums(
    settings: AttributeSettings, plan: Mapping[str, Any], pairs: Sequence[Pair], found: Sequence[Attribution]
) -> RunningScores:
    """Sums over pairs, or over queries of the mean within a query; each query belongs to one fold."""
    queries = [pair.query for pair in pairs]
    scores: dict[Site, NDArray[np.float64]] = {
        site: plan["sign"] * np.stack([one.neurons[site] for one in found]) for site in found[0].neurons
    }
    if settings.average == "macro":
        groups = [list(rows) for _, rows in groupby(range(len(queries)), key=queries.__getitem__)]
        scores = {site: np.stack([values[rows].mean(axis=0) for rows in groups]) for site, values in scores.items()}
        queries = [queries[rows[0]] for rows in groups]
    folds = np.asarray([fold_of(query, settings.sample.seed) for query in queries], dtype=np.int64)
    return RunningScores.of(found[0].parts, scores, folds, FOLDS)


def fold_of(query: str, seed: int) -> int:
    """The fold of a query, by its id and the seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}:fold:{query}".encode()).digest()[:8], "big") % FOLDS


def _cut(queries: Sequence[str], least: int) -> list[int]:
    """Sizes of shards: whole queries, at least ``least`` pairs each but for the last."""
    sizes: list[int] = []
    size = 0
    for _, rows in groupby(queries):
        size += len(list(rows))
        if size >= least:
            sizes.append(size)
            size = 0
    return [*sizes, size] if size else sizes


def _item(number: int, pair: Pair, found: Attribution, sign: int) -> ItemRow:
    notes = found.notes
    values = {
        "target": found.score,
        "baseline": found.baseline_score,
        "change": sign * (found.score - found.baseline_score),
        "score": notes.get("score", found.score),
        "probability": notes.get("probability", float("nan")),
        "remainder": notes.get("remainder", 0.0),
    }
    about = {"query": pair.query, "passage": pair.passage, "grade": pair.grade, "steps": notes.get("steps")}
    return ItemRow(number, "pair", [], values, about | {"flagged": len(notes.get("warnings", ()))})


def _fold_rows(total: RunningScores) -> Iterator[ArrayRow]:
    """Mean of part ``all`` within each fold."""
    for site, sums in total.fold.items():
        for fold, count in enumerate(total.fold_n):
            name = f"fold{fold}"
            yield ArrayRow("folds", name, "all", site.kind.value, site.layer, count, sums[fold] / max(count, 1))


def _warnings(settings: AttributeSettings, plan: Mapping[str, Any], total: RunningScores) -> Iterator[str]:
    if plan["wrong"] > 0 and plan["looked_at"]:
        share = plan["wrong"] / plan["looked_at"]
        wanted = "relevant" if settings.sample.relevance == "relevant" else "not relevant"
        yield (
            f"{plan['wrong']:,} of {plan['looked_at']:,} fitting pairs ({100 * share:.0f} %) were left out, because "
            f"the model does not class them as {wanted}."
        )
    if plan["items"] < settings.sample.limit:
        yield f"The sample has {plan['items']:,} pairs; {settings.sample.limit:,} were asked for and no more fit."
    if total.n < 30:
        yield f"Means over {total.n} {'queries' if settings.average == 'macro' else 'pairs'} are rough; see the errors."
