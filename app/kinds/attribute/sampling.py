"""The pairs of an attribution over a dataset: which ones, in what order, in which shards and folds."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from app.data.samples import DatasetReader, Pair, opposed, pairs_of
from app.domain.attributing import FOLDS, Sample
from app.domain.datasets import Dataset
from app.domain.examples import Example
from app.domain.seeded import place
from app.jobs.base import Inputs
from app.kinds.attribute.question import AttributeQuestion
from app.models.host import ModelHost

SCORED_AT_ONCE = 32
Group = tuple[Example, ...]
"""Inputs that have one target value together: a pair, or a pair and the one it is set against."""


def fitting(question: AttributeQuestion, data: DatasetReader, dataset: Dataset) -> list[Pair]:
    """Every pair that fits the sample, in its order, before the model has a say; none without its texts."""
    pairs = readable(_pairs(question.sample, data, dataset), data, dataset)
    if question.target.name != "pairwise":
        return pairs
    others = question.sample.model_copy(update={"relevance": "non_relevant"})
    return opposed(pairs, readable(_pairs(others, data, dataset), data, dataset))


def _pairs(sample: Sample, data: DatasetReader, dataset: Dataset) -> list[Pair]:
    judged, hits = data.judgements(dataset.id), data.candidates(dataset.id)
    return pairs_of(sample, data.query_keys(dataset.id), judged, hits)


def readable(pairs: Sequence[Pair], data: DatasetReader, dataset: Dataset) -> list[Pair]:
    """Pairs whose query and passage both have a text."""
    queries, passages = data.without_text(dataset.id, "query"), data.without_text(dataset.id, "passage")
    return [pair for pair in pairs if pair.query not in queries and pair.passage not in passages]


def mute(question: AttributeQuestion, data: DatasetReader, dataset: Dataset) -> int:
    """How many pairs fit the sample and lack a text."""
    pairs = _pairs(question.sample, data, dataset)
    return len(pairs) - len(readable(pairs, data, dataset))


def chosen(
    question: AttributeQuestion, dataset: Dataset, given: Inputs, host: ModelHost
) -> tuple[list[Pair], dict[str, int]]:
    """Pairs of the sample, and how many fitted, were looked at, and were classed otherwise by the model; how many have
    no text."""
    sample, pairs = question.sample, fitting(question, given.data, dataset)
    counts = {"fitting": len(pairs), "mute": mute(question, given.data, dataset)}
    if not sample.correct:
        return pairs[: sample.limit], {**counts, "looked_at": len(pairs[: sample.limit]), "wrong": 0}
    kept: list[Pair] = []
    looked = 0
    while looked < len(pairs) and len(kept) < sample.limit:
        part = pairs[looked : looked + SCORED_AT_ONCE]
        right = _classed(question, examples_of(part, given, dataset), host)
        for pair, fits in zip(part, right, strict=True):
            looked += 1
            if fits:
                kept.append(pair)
            if len(kept) == sample.limit:
                break
    return kept, {**counts, "looked_at": looked, "wrong": looked - len(kept)}


def _classed(question: AttributeQuestion, groups: Sequence[Group], host: ModelHost) -> NDArray[np.bool_]:
    """[n] whether the model gives each pair its class: probability of relevance above one half, or not."""
    examples = [group[0] for group in groups]
    probability = np.zeros(len(groups))
    for rows in by_length([(example,) for example in examples], SCORED_AT_ONCE // 4):
        batch = host.encode([examples[row] for row in rows], max_length=question.max_length)
        target = host.target(question.target, batch)
        probability[rows] = target.outcome(host.run(batch, None).logits)[1].double().cpu().numpy()
    relevant = probability > 0.5
    return relevant if question.sample.relevance == "relevant" else ~relevant


def examples_of(pairs: Sequence[Pair], given: Inputs, dataset: Dataset) -> list[Group]:
    """The texts of each pair, with those of the passage it is set against, if there is one."""
    queries = given.data.texts(dataset.id, "query", {pair.query for pair in pairs})
    wanted = {pair.passage for pair in pairs} | {pair.other for pair in pairs if pair.other is not None}
    passages = given.data.texts(dataset.id, "passage", wanted)
    return [
        tuple(
            Example(f"{pair.query} {key}", queries[pair.query], passages[key])
            for key in (pair.passage, pair.other)
            if key is not None
        )
        for pair in pairs
    ]


def by_length(groups: Sequence[Group], count: int) -> Iterator[list[int]]:
    """Numbers of groups of similar length, ``count`` at a time."""
    order = sorted(range(len(groups)), key=lambda at: _length(groups[at]))
    for start in range(0, len(order), count):
        yield order[start : start + count]


def _length(group: Group) -> int:
    """Characters of the longest input of a group."""
    return max(len(example.query) + len(example.passage or "") for example in group)


def fold_of(query: str, seed: int) -> int:
    """The fold of a query, by its id and the seed."""
    return int.from_bytes(place(seed, "fold", query)[:8], "big") % FOLDS


def cut(queries: Sequence[str], least: int) -> list[int]:
    """Sizes of shards: whole queries, at least ``least`` pairs each but for the last."""
    sizes: list[int] = []
    size = 0
    for _, rows in groupby(queries):
        size += len(list(rows))
        if size >= least:
            sizes.append(size)
            size = 0
    return [*sizes, size] if size else sizes
