"""From scores of prompts to the neurons that matter for a query and for few others (``qrnca.md`` sections 5, 6 and 9).

Neurons are flat indices of one space. Only the strongest scores of each prompt are needed, so nothing here has the
length of the model. Axes: J prompts of a query, Q queries of the pool, n members of a set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput

Threshold = Literal["per_prompt", "pooled"]
LEAST_QUERIES = 4
"""With three or fewer, every neuron is in more than the usual share of the clusters (section 6)."""
FEW_QUERIES = 30
UNSTABLE = 0.005
"""A mean relative change below which a ratio to it says nothing (section 8)."""


@dataclass(frozen=True)
class Strongest:
    """The strongest scores of one prompt.

    Args:
        neurons: [n] flat indices, each once.
        scores: [n] their scores, in the target's unit.
    """

    neurons: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def both(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Neurons and scores, as they are stored."""
        return self.neurons, self.scores

    @classmethod
    def of(cls, scores: NDArray[np.float64], keep: int) -> "Strongest":
        """The ``keep`` largest of the scores of a whole space."""
        first = np.argsort(-scores, kind="stable")[:keep]
        return cls(first.astype(np.int64), scores[first])


@dataclass(frozen=True)
class Cluster:
    """The neurons of one query whose scores pass the threshold.

    Args:
        neurons: [n] flat indices, ascending.
        scores: [n] their scores, summed over the prompts that count (na before it is divided).
        prompts: [n] in how many prompts each passed.
    """

    neurons: NDArray[np.int64]
    scores: NDArray[np.float64]
    prompts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.neurons)


def cluster_of(
    prompts: Sequence[Strongest],
    share: float = 0.2,
    how: Threshold = "per_prompt",
    beside: Sequence[Strongest] | None = None,
) -> Cluster:
    """The cluster of a query.

    ``per_prompt``: scores above ``share`` of their own prompt's largest one, summed; a neuron's smaller scores in other
    prompts are dropped. ``pooled``: scores are summed first, then compared with ``share`` of the largest sum. A prompt
    (a sum) whose largest score is not above zero, or not finite, adds nothing.

    Args:
        prompts: [J] strongest scores; each must reach down to ``share`` of its largest for the answer to be exact.
        share: of the largest score, from 0 to 1.
        how: what is compared.
        beside: [J] the scores whose largest one is meant, where it is not the prompts' own: negated scores are
            compared with the largest score above zero (section 18, 5).
    """
    largest = [_largest(prompt) for prompt in beside or prompts]
    own = [_passing(prompt, share * most) for prompt, most in zip(prompts, largest, strict=True)]
    passing = own if how == "per_prompt" else [_passing(_summed(prompts), share * _largest(_summed(beside or prompts)))]
    summed = _summed(passing)
    counts = np.zeros(len(summed.neurons), dtype=np.int64)
    for prompt in own:
        counts += np.isin(summed.neurons, prompt.neurons)
    return Cluster(summed.neurons, summed.scores, counts)


def _largest(prompt: Strongest) -> float:
    """The largest score; infinite, so that nothing passes, where there is none above zero or not all are finite."""
    largest = float(prompt.scores.max(initial=0.0))
    return largest if np.isfinite(largest) and largest > 0 else np.inf


def _passing(prompt: Strongest, least: float) -> Strongest:
    kept = prompt.scores > least
    return Strongest(prompt.neurons[kept], prompt.scores[kept])


def _summed(prompts: Sequence[Strongest]) -> Strongest:
    """Scores of the same neuron added up, by ascending index."""
    neurons = np.concatenate([np.empty(0, np.int64), *(prompt.neurons for prompt in prompts)])
    scores = np.concatenate([np.empty(0), *(prompt.scores for prompt in prompts)])
    distinct, where = np.unique(neurons, return_inverse=True)
    return Strongest(distinct, np.bincount(where, scores, len(distinct)).astype(np.float64))


@dataclass(frozen=True)
class Pool:
    """The clusters of all queries of a study.

    Args:
        clusters: [Q] one a query; queries of all domains.
        most: the share of clusters above which a neuron is common (u).
    """

    clusters: tuple[Cluster, ...]
    most: float = 0.3

    def __post_init__(self) -> None:
        if len(self.clusters) < LEAST_QUERIES:
            raise BadInput(
                f"at least {LEAST_QUERIES} queries, of several domains",
                f"{len(self.clusters)}",
                "Add queries: neurons are told apart by how many queries they show up for.",
                "queries",
            )

    @cached_property
    def frequency(self) -> Mapping[int, int]:
        """Neuron to the number of clusters that it is in."""
        everything = [np.empty(0, np.int64), *(cluster.neurons for cluster in self.clusters)]
        neurons, counts = np.unique(np.concatenate(everything), return_counts=True)
        return dict(zip(neurons.tolist(), counts.tolist(), strict=True))

    @cached_property
    def common(self) -> frozenset[int]:
        """Neurons of more than ``most`` of the clusters."""
        return frozenset(n for n, count in self.frequency.items() if count > self.most * len(self.clusters))

    def discount(self, neurons: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n] inverse cluster attribution, ln(Q / (1 + clusters with it)); 0 in all but one, negative in all."""
        frequency = self.frequency
        counts = np.array([frequency.get(int(neuron), 0) for neuron in neurons], dtype=np.float64)
        return np.log(len(self.clusters) / (counts + 1))

    def warnings(self) -> tuple[str, ...]:
        """What makes the pool weak, in sentences."""
        said = []
        if len(self.clusters) < FEW_QUERIES:
            said.append(
                f"The pool has {len(self.clusters)} queries; below {FEW_QUERIES}, which neurons are common is chance."
            )
        empty = sum(not len(cluster) for cluster in self.clusters)
        if empty:
            said.append(f"{empty} of {len(self.clusters)} queries have an empty cluster: no score of theirs passes.")
        return tuple(said)


@dataclass(frozen=True)
class Relevant:
    """The query-relevant neurons of one query, strongest first.

    Args:
        neurons: [n] flat indices.
        scores: [n] na, the cluster's scores divided by their sum.
        discounted: [n] naica, na times the discount (na again where nothing is discounted).
        dropped: common neurons that were among the first ones.
    """

    neurons: NDArray[np.int64]
    scores: NDArray[np.float64]
    discounted: NDArray[np.float64]
    dropped: tuple[int, ...]


def relevant(
    pool: Pool, query: int, size: int = 20, *, discount: bool = True, common: bool = False, refill: bool = False
) -> Relevant:
    """The query-relevant neurons of one query.

    The first ``size`` of the cluster by discounted score go first, then common ones are taken out, so that a set may
    have fewer than ``size`` members.

    Args:
        pool: clusters of all queries.
        query: number of the query in the pool.
        size: how many are taken at first (v).
        discount: rank by naica; else by na, for the baseline without it.
        common: leave common neurons in, for the baseline with them.
        refill: take common neurons out first, so that others follow up to ``size``.
    """
    cluster = pool.clusters[query]
    total = cluster.scores.sum()
    scores = cluster.scores / total if total > 0 else cluster.scores
    ranked = scores * pool.discount(cluster.neurons) if discount else scores
    known = pool.common
    is_common = np.array([int(neuron) in known for neuron in cluster.neurons], dtype=bool)
    order = np.argsort(-ranked, kind="stable")
    order = order[ranked[order] > 0]
    if refill and not common:
        order = order[~is_common[order]]
    first = order[:size]
    kept = first if common else first[~is_common[first]]
    dropped = () if common else tuple(cluster.neurons[first[is_common[first]]].tolist())
    return Relevant(cluster.neurons[kept], scores[kept], ranked[kept], dropped)


def knowledge_neurons(
    prompts: Sequence[Strongest], size: int, share: float = 0.2, most: float = 0.5
) -> NDArray[np.int64]:
    """[n] the baseline without clusters: neurons that pass in more than ``most`` of the prompts, by summed score."""
    cluster = cluster_of(prompts, share)
    kept = cluster.prompts > most * len(prompts)
    order = np.argsort(-cluster.scores[kept], kind="stable")
    return cluster.neurons[kept][order][:size]


@dataclass(frozen=True)
class ChangeRatio:
    """How much more a set moves its own query than others (section 8).

    Args:
        related, unrelated: mean relative changes of the answer's probability, a share.
        ratio: |related| / |unrelated| (PCR); infinite where the denominator is 0.
        mean_ratio: the same of mean magnitudes.
        low, high: 95 % interval of ``ratio`` over resampled queries.
        unstable: the denominator is too small for the ratio to say much.
    """

    related: float
    unrelated: float
    ratio: float
    mean_ratio: float
    low: float
    high: float
    unstable: bool


def change_ratio(
    related: NDArray[np.float64], unrelated: NDArray[np.float64], *, draws: int = 10_000, seed: int = 0
) -> ChangeRatio:
    """PCR of [Q] relative changes of each query's own answer and of another domain's, with a bootstrap interval.

    Args:
        related, unrelated: [Q] one a query, in the same order.
        draws: resamples of the queries, pairs kept together.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(related), (draws, len(related)))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.abs(related[rows].mean(1)) / np.abs(unrelated[rows].mean(1))
        ratio = np.abs(related.mean()) / np.abs(unrelated.mean())
        magnitudes = np.abs(related).mean() / np.abs(unrelated).mean()
    low, high = np.nanquantile(np.where(np.isfinite(drawn), drawn, np.inf), [0.025, 0.975], method="lower")
    unstable = bool(abs(unrelated.mean()) < UNSTABLE)
    return ChangeRatio(
        float(related.mean()),
        float(unrelated.mean()),
        float(ratio),
        float(magnitudes),
        float(low),
        float(high),
        unstable,
    )
