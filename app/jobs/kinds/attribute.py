"""Attribute over a sample of a dataset: mean, spread and sign of every neuron's score (``nig.md`` section 8).

A shard is a few whole queries, so that the mean within a query is exact; the plan fixes pairs and shards.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.data.samples import Pair
from app.domain.attributing import FOLDS, AttributeSettings
from app.domain.errors import BadInput, Unsupported
from app.domain.explaining import BRANCHES
from app.domain.results import ArrayRow, ItemRow
from app.domain.runs import Lane
from app.domain.scores import RunningScores
from app.domain.sites import Site
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.jobs.kinds.base import dataset_of, joined, method_of, score_facts, score_rows, space_of
from app.jobs.sampling import Group, by_length, chosen, cut, examples_of, fold_of
from app.methods.base import Attribution
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target

PAIRS_PER_SHARD = {"cpu": 4, "cuda": 64}
PAIRS_PER_PASS = {"cpu": 4, "cuda": 64}


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
        dataset = dataset_of(settings.sample, given)
        found, counts = chosen(settings, dataset, given, host)
        if not found:
            raise BadInput(
                f"pairs of the class {settings.sample.relevance.replace('_', '-')} in the part {settings.sample.part}",
                f"none of {counts['fitting']:,} that fit is classed so by the model"
                if counts["fitting"]
                else "none in the dataset",
                "Choose another part, class or threshold, or switch off the filter for correct ones.",
            )
        ordered = sorted(found, key=lambda pair: (pair.query, pair.passage))
        (first,) = examples_of(ordered[:1], given, dataset)
        batch = host.encode(first, max_length=settings.max_length)
        target, sign = _target(settings, host, batch)
        begun = time.perf_counter()
        method.attribute(host, batch, target, params)
        return {
            "items": len(ordered),
            "pairs": [[pair.query, pair.passage, pair.grade, *_other(pair)] for pair in ordered],
            "shards": cut([pair.query for pair in ordered], PAIRS_PER_SHARD.get(host.device.type, 4)),
            "passes": len(first) * method.passes(params),
            "neurons": len(space_of(settings, host)),
            "parts": ["all", *batch.segments, *(BRANCHES if len(first) > 1 else ())],
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
        found = _attributed(settings, plan, examples_of(pairs, given, dataset_of(settings.sample, given)), host)
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


def _target(settings: AttributeSettings, host: ModelHost, batch: Batch) -> tuple[Target, int]:
    """The target, and the sign of its scores: class non-relevant is explained by -F (``nig.md`` sections 3 and 8);
    an inner neuron's activation and a pair of passages are of no class.

    Raises:
        Unsupported: the log probability of the class non-relevant, which is no multiple of that of relevant.
    """
    target = host.target(settings.target, batch)
    if settings.sample.relevance == "relevant" or target.neuron is not None or target.rows > 1:
        return target, 1
    if target.resolved.name == "log_probability":
        raise Unsupported(
            "a target whose other class is its negative: logit, probability or margin",
            "log probability of the class non-relevant",
            "Choose one of these targets.",
            "target",
        )
    return target, -1


def _attributed(
    settings: AttributeSettings, plan: Mapping[str, Any], groups: list[Group], host: ModelHost
) -> list[Attribution]:
    """One attribution per group, in the order given."""
    method, params = method_of(settings)
    found: dict[int, Attribution] = {}
    size = len(groups[0])
    for rows in by_length(groups, max(1, plan["per_pass"] // size)):
        batch = host.encode([one for row in rows for one in groups[row]], max_length=settings.max_length)
        target, _ = _target(settings, host, batch)
        each = method.attribute(host, batch, target, params)
        found |= {row: joined(each[at * size : (at + 1) * size]) for at, row in enumerate(rows)}
    return [found[row] for row in range(len(groups))]


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


def _other(pair: Pair) -> tuple[str, ...]:
    return () if pair.other is None else (pair.other,)


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
    about |= {} if pair.other is None else {"other": pair.other}
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
