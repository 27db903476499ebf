"""Pairs of a dataset that a run looks at, in an order that only the seed decides."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from app.domain.attributing import Sample
from app.domain.datasets import Dataset
from app.domain.errors import NotFound
from app.domain.studying import Evaluation


class DatasetReader(Protocol):
    """What a run reads of stored datasets."""

    def by_hash(self, digest: str) -> Dataset | None:
        """The dataset of a content hash."""
        ...

    def query_keys(self, number: int) -> tuple[str, ...]:
        """Queries with candidates or judgements, sorted."""
        ...

    def texts(self, number: int, kind: Literal["query", "passage"], keys: Collection[str]) -> dict[str, str]:
        """Texts by id; a passage's text starts with its title."""
        ...

    def judgements(self, number: int, queries: Collection[str] | None = None) -> dict[str, dict[str, int]]:
        """Query to passage to grade, of passages without a text too."""
        ...

    def candidates(
        self, number: int, queries: Collection[str] | None = None, depth: int | None = None
    ) -> dict[str, dict[str, float]]:
        """Query to passage to first-stage score, largest first, ties by passage id; those without a text too."""
        ...

    def without_text(self, number: int, kind: Literal["query", "passage"]) -> frozenset[str]:
        """Queries or passages that judgements or candidates name and that have no text."""
        ...


def stored_dataset(wanted: Sample | Evaluation, data: DatasetReader) -> Dataset:
    """The stored dataset that a question names by its content.

    Raises:
        NotFound: it is not in this database.
    """
    dataset = data.by_hash(wanted.dataset)
    if dataset is None:
        raise NotFound(
            f"the dataset '{wanted.name}' in this database",
            f"none with the content {wanted.dataset[:12]}",
            "Import it again, then resume the run.",
            "dataset",
        )
    return dataset


@dataclass(frozen=True)
class Pair:
    """A query and a passage by id; ``grade`` is None where nobody judged it, ``other`` a passage it is set against."""

    query: str
    passage: str
    grade: int | None
    other: str | None = None


def pairs_of(
    sample: Sample,
    queries: Collection[str],
    judgements: Mapping[str, Mapping[str, int]],
    candidates: Mapping[str, Mapping[str, float]],
) -> list[Pair]:
    """All pairs that fit the sample's class, before its limit, in seeded order.

    The order of two pairs depends on their ids and the seed only, so a larger sample begins with the smaller one.
    """
    fitting: list[Pair] = []
    for query in sorted(queries):
        if sample.part != "all" and sample.split.part(query) != sample.part:
            continue
        grades = judgements.get(query, {})
        if sample.relevance == "relevant":
            fitting += [Pair(query, p, g) for p, g in grades.items() if g >= sample.threshold]
        else:
            low_grades = {p: g for p, g in grades.items() if g < sample.threshold}
            unjudged = [p for p in candidates.get(query, {}) if p not in grades]
            fitting += [Pair(query, p, low_grades.get(p)) for p in [*low_grades, *unjudged]]
    return sorted(fitting, key=lambda pair: _place(sample.seed, pair))


def opposed(pairs: Sequence[Pair], others: Sequence[Pair]) -> list[Pair]:
    """Each pair with a passage of the same query to beat, taken in turn from ``others``; pairs without one are left
    out. A longer list of pairs begins with the shorter one's."""
    rivals: dict[str, list[str]] = {}
    for rival in others:
        rivals.setdefault(rival.query, []).append(rival.passage)
    turns: Counter[str] = Counter()
    with_rivals = []
    for pair in pairs:
        if pair.query in rivals:
            losers = rivals[pair.query]
            with_rivals.append(replace(pair, other=losers[turns[pair.query] % len(losers)]))
            turns[pair.query] += 1
    return with_rivals


def _place(seed: int, pair: Pair) -> bytes:
    return hashlib.sha256(f"{seed}\0{pair.query}\0{pair.passage}".encode()).digest()
