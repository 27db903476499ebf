"""What kinds share that ask question sets: their queries, and stored scores of prompts as clusters and sets."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import Cluster, Pool, Relevant, Strongest, cluster_of, relevant
from app.domain.errors import NotFound
from app.domain.query_sampling import QuerySample, Thresholds
from app.domain.question_sets import QuestionQuery, QuestionReader, Wording
from app.domain.results import ItemRow
from app.domain.runs import Run
from app.domain.sites import NeuronIndex, NeuronSpace
from app.methods.base import Attribution
from app.models.chat import as_read
from app.models.host import ModelHost

GROUP = "prompts"
"""Arrays of a search: the strongest neurons and scores of each prompt."""
PROMPT = "prompt"
"""Label of a prompt's row."""
KEPT = 2000
FLOOR = 0.02
"""Scores below this share of a prompt's largest are not stored: no threshold goes lower."""
READ, WORDS = 60, 6
"""How many neurons of a prompt are read as tokens, and how many tokens at either end."""


def sampled(sample: QuerySample, queries: Sequence[QuestionQuery]) -> tuple[QuestionQuery, ...]:
    """Queries of the sample's part and domains, by domain and in the seed's order; not limited yet."""
    wanted = [query for query in queries if not sample.domains or query.domain in sample.domains]
    fitting = [query for query in wanted if sample.part in ("all", sample.split.part(query.key))]
    domains = list(dict.fromkeys(query.domain for query in queries))
    return tuple(sorted(fitting, key=lambda query: (domains.index(query.domain), _place(sample.seed, query.key))))


def finding(sample: QuerySample, query: QuestionQuery) -> tuple[Wording, ...]:
    """The wordings that find neurons: the first ones; all but the last where the sample does not say."""
    return query.wordings[: sample.wordings or max(1, len(query.wordings) - 1)]


def asked(sample: QuerySample, reader: QuestionReader, host: ModelHost) -> dict[str, QuestionQuery]:
    """All queries of the stored set by key, as this model reads them: wrapped as a chat where the sample says so.

    Raises:
        NotFound: the set is not in this database. BadInput: a model without a chat template.
    """
    return {
        query.key: replace(query, wordings=as_read(host.tokenizer, query.wordings, sample.chat))
        for query in stored(sample, reader)
    }


def stored(sample: QuerySample, reader: QuestionReader) -> tuple[QuestionQuery, ...]:
    """All queries of the stored set.

    Raises:
        NotFound: it is not in this database.
    """
    try:
        found = reader.question_set(sample.questions)
    except NotFound as error:
        raise NotFound(
            f"the question set '{sample.name}' in this database",
            f"none with the content {sample.questions[:12]}",
            "Import it again, then resume the run.",
            "questions",
        ) from error
    return reader.queries(found.id)


def _place(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


class StoredPrompts(Protocol):
    """What stored prompts are read from."""

    def named(self, number: int, group: str) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Name and part to the values of every array of a group."""
        ...

    def items(self, number: int) -> tuple[ItemRow, ...]:
        """Per-example results in order."""
        ...

    def space(self, number: int) -> NeuronSpace:
        """The neurons that a run scores."""
        ...


@dataclass(frozen=True)
class Prompt:
    """One stored prompt: its row, and its strongest scores."""

    row: ItemRow
    strongest: Strongest


class Sets:
    """Clusters and sets of all queries of a run.

    Args:
        prompts: query to its prompts, in the order of the plan.
        domains: query to its domain.
        space: the neurons that were scored.
        thresholds: how scores become sets.
    """

    def __init__(
        self,
        prompts: Mapping[str, Sequence[Prompt]],
        domains: Mapping[str, str],
        space: NeuronSpace,
        thresholds: Thresholds,
    ) -> None:
        self.prompts, self.domains, self.space, self.thresholds = prompts, domains, space, thresholds
        self.queries = tuple(prompts)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """[Q] one a query."""
        rows = ([prompt.strongest for prompt in prompts] for prompts in self.prompts.values())
        return tuple(cluster_of(strongest, self.thresholds.threshold, self.thresholds.how) for strongest in rows)

    @cached_property
    def pool(self) -> Pool:
        """All of them."""
        return Pool(self.clusters, self.thresholds.common)

    @cached_property
    def relevant(self) -> Mapping[str, Relevant]:
        """Query to its query-relevant neurons."""
        return {query: relevant(self.pool, at, self.thresholds.size) for at, query in enumerate(self.queries)}

    @cached_property
    def by_domain(self) -> Mapping[str, NDArray[np.int64]]:
        """Domain to the union of its queries' sets, ascending."""
        united: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
        for query, found in self.relevant.items():
            united[self.domains[query]].append(found.neurons)
        return {domain: np.unique(np.concatenate(parts)) for domain, parts in united.items()}

    @cached_property
    def weights(self) -> Mapping[str, Mapping[int, float]]:
        """Domain to neuron to the sum of its discounted scores over the domain's queries."""
        sums: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        for query, found in self.relevant.items():
            for neuron, score in zip(found.neurons.tolist(), found.discounted.tolist(), strict=True):
                sums[self.domains[query]][neuron] += score
        return {domain: dict(values) for domain, values in sums.items()}

    def index(self, flat: int) -> NeuronIndex:
        """The unit at a flat index."""
        return self.space.index(flat)

    def layers(self, neurons: NDArray[np.int64]) -> dict[int, int]:
        """Block to how many of some neurons lie in it; blocks of the space without any have 0."""
        counts = dict.fromkeys(self.space.layers, 0)
        for flat in neurons.tolist():
            counts[self.index(flat).layer] += 1
        return counts


def stored_sets(run: Run, results: StoredPrompts, thresholds: Thresholds) -> Sets:
    """Clusters and sets of a finished search, under these thresholds."""
    arrays = results.named(run.id, GROUP)
    prompts: dict[str, list[Prompt]] = {}
    domains: dict[str, str] = {}
    for row in results.items(run.id):
        if row.label == PROMPT:
            neurons, scores = (arrays[f"{row.item}", part] for part in ("neurons", "scores"))
            prompts.setdefault(row.notes["query"], []).append(Prompt(row, Strongest(neurons.astype(np.int64), scores)))
            domains[row.notes["query"]] = row.notes["domain"]
    return Sets(prompts, domains, results.space(run.id), thresholds)


def strongest_of(attribution: Attribution, space: NeuronSpace) -> Strongest:
    """The strongest scores of a prompt, down to a share of its largest, in float32 as they are stored."""
    scores: NDArray[np.float64] = np.concatenate([attribution.neurons[site][0] for site in space.sites])
    found = Strongest.of(scores.astype(np.float32).astype(np.float64), KEPT)
    kept = found.scores > FLOOR * max(0.0, float(found.scores.max(initial=0.0)))
    return Strongest(found.neurons[kept], found.scores[kept])


def read_neurons(host: ModelHost, attributions: Sequence[Attribution], space: NeuronSpace) -> dict[str, Any]:
    """What the strongest neurons of a query write: flat index to the tokens that they raise and lower most."""
    strongest = [strongest_of(attribution, space).neurons[:READ].tolist() for attribution in attributions]
    flat = sorted({number for numbers in strongest for number in numbers})
    reading: dict[str, Any] = {}
    for site, units in space.split(np.asarray(flat, dtype=np.int64)).items():
        logits = host.weights.vocabulary(site.layer, units.tolist())
        for unit, row in zip(units.tolist(), logits, strict=True):
            ends = (row.topk(WORDS).indices.tolist(), row.topk(WORDS, largest=False).indices.tolist())
            words = [[host.tokenizer.decode([token]) for token in tokens] for tokens in ends]
            reading[str(space.offsets[site] + unit)] = words
    return reading
