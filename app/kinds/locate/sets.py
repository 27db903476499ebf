"""The neurons of one query: in a pool of other queries, or by itself (``qrnca.md`` sections 5 and 6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from app.analysis.clusters import Pool, Relevant, Strongest, cluster_of, relevant
from app.domain.query_sampling import Thresholds
from app.kinds.queries import Sets


@dataclass(frozen=True)
class Located:
    """A query's neurons.

    Args:
        found: its query-relevant neurons; without a pool the first of its cluster, nothing discounted.
        cluster: size of its cluster.
        queries: clusters of the pool, its own included; 0 without a pool.
        common: common neurons of the pool.
        frequency: clusters that hold each found neuron, in their order; empty without a pool.
        left_out: keys of queries of the pool that ask one of the same prompts.
        doubts: what makes the pool weak, in sentences.
    """

    found: Relevant
    cluster: int
    queries: int
    common: int
    frequency: tuple[int, ...]
    left_out: tuple[str, ...]
    doubts: tuple[str, ...]


def located(strongest: Sequence[Strongest], thresholds: Thresholds) -> Located:
    """The first neurons of a query's cluster by their scores, without any pool."""
    cluster = cluster_of(strongest, thresholds.threshold, thresholds.how)
    total = cluster.scores.sum()
    scores = cluster.scores / total if total > 0 else cluster.scores
    first = np.argsort(-scores, kind="stable")[: thresholds.size]
    found = Relevant(cluster.neurons[first], scores[first], scores[first], ())
    return Located(found, len(cluster), 0, 0, (), (), ())


def located_among(
    strongest: Sequence[Strongest], prompts: Collection[str], others: Sets, thresholds: Thresholds
) -> Located:
    """The query-relevant neurons of a query in the pool of a search, to which it is added.

    Args:
        strongest: of each of its prompts. prompts: their texts; queries of the pool with one of them are left out.
        others: the search's clusters, under the same thresholds. thresholds: how scores become sets.

    Raises:
        BadInput: fewer than four queries are left together.
    """
    same = [
        query
        for query, asked in others.prompts.items()
        if any(str(prompt.row.notes["prompt"]) in prompts for prompt in asked)
    ]
    rest = [cluster for query, cluster in zip(others.queries, others.clusters, strict=True) if query not in same]
    own = cluster_of(strongest, thresholds.threshold, thresholds.how)
    pool = Pool((*rest, own), thresholds.common)
    found = relevant(pool, len(rest), thresholds.size)
    frequency = tuple(pool.frequency[flat] for flat in found.neurons.tolist())
    size = len(pool.clusters)
    return Located(found, len(own), size, len(pool.common), frequency, tuple(same), pool.warnings())
