"""The tables of a search for query-relevant neurons, line by line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.analysis.agreement import Agreement
from app.analysis.stability import StabilityLine
from app.figures.base import Figure
from app.kinds.clusters.question import ClustersLook, ClustersQuestion
from app.kinds.queries import Sets

FIRST = 12
Tokens = tuple[tuple[str, ...], tuple[str, ...]]
"""What a neuron raises most, and what it lowers most."""


@dataclass(frozen=True)
class NeuronWords:
    """A neuron, and the tokens that it raises and lowers most; ``clusters`` that hold it."""

    id: str
    clusters: int
    score: float
    raised: tuple[str, ...]
    lowered: tuple[str, ...]


@dataclass(frozen=True)
class QueryLine:
    """One query: its first prompt, the answer, mean probability over the wordings, cluster, set."""

    key: str
    domain: str
    prompt: str
    answer: str
    probability: float
    known: int
    wordings: int
    cluster: int
    neurons: tuple[NeuronWords, ...]
    dropped: int


@dataclass(frozen=True)
class DomainLine:
    """One domain: queries, mean probability of the right token, mean size of a set, members of the union, the block
    that holds most of them, and the mean Jaccard of its queries' sets."""

    name: str
    queries: int
    probability: float
    each: float
    united: int
    layer: int
    within: float


@dataclass(frozen=True)
class ClustersView:
    """The result; empty while nothing is there yet. ``within``, ``beyond``: mean Jaccard of two queries' sets of one
    and of two domains, ``chance`` that of random sets of these sizes; ``stability`` over all domains; ``negative``: of
    scores below zero."""

    settings: ClustersQuestion
    look: ClustersLook
    sentence: str
    warnings: tuple[str, ...]
    domains: tuple[DomainLine, ...]
    queries: tuple[QueryLine, ...]
    common: tuple[NeuronWords, ...]
    stability: tuple[StabilityLine, ...]
    common_count: int
    within: float
    beyond: float
    chance: float
    negative: bool
    figures: Mapping[str, Figure]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """Makes the lines, from sets and from what neurons write."""

    sets: Sets
    read: Mapping[int, Tokens]
    agreement: Agreement
    domain: str

    def domains(self) -> Iterator[DomainLine]:
        """One a domain, in the order of the plan."""
        names = dict.fromkeys(self.sets.domains.values())
        for name in names:
            keys = [query for query, domain in self.sets.domains.items() if domain == name]
            layers = self.sets.layers(self.sets.by_domain[name])
            yield DomainLine(
                name=name,
                queries=len(keys),
                probability=float(np.mean([self._probability(key) for key in keys])),
                each=float(np.mean([len(self.sets.relevant[key].neurons) for key in keys])),
                united=len(self.sets.by_domain[name]),
                layer=max(layers, key=lambda layer: layers[layer]),
                within=self.agreement.of.get(name, float("nan")),
            )

    def _probability(self, query: str) -> float:
        return float(np.mean([prompt.row.values["probability"] for prompt in self.sets.prompts[query]]))

    def queries(self) -> Iterator[QueryLine]:
        """One a query of the domain that is looked at."""
        sign = -1 if self.sets.negative else 1
        chosen = [q for q in self.sets.queries if self.domain in ("", self.sets.domains[q])]
        for key in chosen:
            prompts, found = self.sets.prompts[key], self.sets.relevant[key]
            at = self.sets.queries.index(key)
            yield QueryLine(
                key=key,
                domain=self.sets.domains[key],
                prompt=str(prompts[0].row.notes["prompt"]),
                answer=str(prompts[0].row.notes["word"]),
                probability=self._probability(key),
                known=sum(int(prompt.row.values["known"]) for prompt in prompts),
                wordings=len(prompts),
                cluster=len(self.sets.clusters[at]),
                neurons=tuple(map(self._words, found.neurons.tolist(), (sign * found.discounted).tolist())),
                dropped=len(found.dropped),
            )

    def _words(self, flat: int, score: float) -> NeuronWords:
        raised, lowered = self.read.get(flat, ((), ()))
        return NeuronWords(str(self.sets.index(flat)), self.sets.pool.frequency[flat], score, raised, lowered)

    def common(self) -> tuple[NeuronWords, ...]:
        """Common neurons, those of most clusters first."""
        frequency = self.sets.pool.frequency
        ordered = sorted(self.sets.pool.common, key=lambda flat: (-frequency[flat], flat))
        return tuple(self._words(flat, frequency[flat] / len(self.sets.queries)) for flat in ordered[:FIRST])
