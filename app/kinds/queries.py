"""What kinds share that ask question sets: their queries, and stored scores of prompts as clusters and sets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import Cluster, Pool, Relevant, Strongest, cluster_of, relevant
from app.domain.errors import BadInput, Conflict, NotFound
from app.domain.query_sampling import QuerySample, Thresholds
from app.domain.question_sets import QuestionQuery, QuestionReader, Wording
from app.domain.results import ItemRow
from app.domain.runs import Run, RunState
from app.domain.seeded import place
from app.domain.sites import NeuronIndex, NeuronSpace
from app.kinds.desk import Desk
from app.methods.base import method_of
from app.models.chat import as_read
from app.models.host import ModelHost

GROUP = "prompts"
"""Arrays of a search: the strongest neurons and scores of each prompt."""
NEGATIVE_NEURONS, NEGATIVE_SCORES = "negative neurons", "negative scores"
"""Parts of that group: the neurons of the scores furthest below zero, and these scores, signed; searches of older
versions have none."""


def parts_at(points: str = "") -> tuple[str, str]:
    """Names of the parts that hold a prompt's strongest neurons and their scores: those of the search itself, or of
    another number of ``points`` that it scored with, too."""
    return (f"{points} neurons", f"{points} scores") if points else ("neurons", "scores")


PROMPT = "prompt"
"""Label of a prompt's row."""


def search_of(text: str, kind: str, desk: Desk) -> Run:
    """The finished search that a form names, by number or fingerprint; ``kind`` is the key of searches.

    Raises:
        BadInput: none was named. Conflict: a run of another kind, or one that is not finished.
    """
    if not text:
        raise BadInput("a search for query-relevant neurons", "none", "Choose one.", "run")
    source = desk.run(text)
    if source.spec.kind != kind or source.state is not RunState.DONE:
        found = f"run {source.id}, {source.spec.kind}, {source.state}"
        raise Conflict("a finished search for query-relevant neurons", found, "Choose another run, or wait.")
    return source


def sampled(sample: QuerySample, queries: Sequence[QuestionQuery]) -> tuple[QuestionQuery, ...]:
    """Queries of the sample's part and domains, by domain and in the seed's order; not limited yet."""
    wanted = [query for query in queries if not sample.domains or query.domain in sample.domains]
    fitting = [query for query in wanted if sample.part in ("all", sample.split.part(query.key))]
    domains = list(dict.fromkeys(query.domain for query in queries))
    return tuple(sorted(fitting, key=lambda query: (domains.index(query.domain), place(sample.seed, query.key))))


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


def in_title(factors: Sequence[float]) -> str:
    """Factors in a run's title: ``× 0 and × 2``, ``8 factors``."""
    if len(factors) > 3:
        return f"{len(factors)} factors"
    return " and ".join(f"× {factor:g}" for factor in factors)


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
    """One stored prompt: its row, its strongest scores, and its most negative ones, negated, where they are stored."""

    row: ItemRow
    strongest: Strongest
    negative: Strongest | None = None


class Sets:
    """Clusters and sets of all queries of a run.

    Args:
        prompts: query to its prompts, in the order of the plan.
        domains: query to its domain.
        space: the neurons that were scored.
        thresholds: how scores become sets.
        negative: take the neurons whose scores are far enough below zero, instead; all prompts must have them.
    """

    def __init__(
        self,
        prompts: Mapping[str, Sequence[Prompt]],
        domains: Mapping[str, str],
        space: NeuronSpace,
        thresholds: Thresholds,
        negative: bool = False,
    ) -> None:
        self.prompts, self.domains, self.space, self.thresholds = prompts, domains, space, thresholds
        self.queries, self.negative = tuple(prompts), negative

    @cached_property
    def mirrored(self) -> "Sets | None":
        """The same of scores below zero: clusters, common neurons and sets of their own (``qrnca.md`` section 18, 5).

        None where the search is of an older version, which did not keep these scores.
        """
        if any(prompt.negative is None for prompts in self.prompts.values() for prompt in prompts):
            return None
        return Sets(self.prompts, self.domains, self.space, self.thresholds, negative=True)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """[Q] one a query."""
        return tuple(self._cluster(prompts) for prompts in self.prompts.values())

    def _cluster(self, prompts: Sequence[Prompt]) -> Cluster:
        positive = [prompt.strongest for prompt in prompts]
        if not self.negative:
            return cluster_of(positive, self.thresholds.threshold, self.thresholds.how)
        below = [prompt.negative for prompt in prompts if prompt.negative is not None]
        return cluster_of(below, self.thresholds.threshold, self.thresholds.how, positive)

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


def stored_sets(run: Run, results: StoredPrompts, thresholds: Thresholds, points: str = "") -> Sets:
    """Clusters and sets of a finished search, under these thresholds; with other ``points`` see :func:`parts_at`."""
    arrays = results.named(run.id, GROUP)
    prompts: dict[str, list[Prompt]] = {}
    domains: dict[str, str] = {}
    for row in results.items(run.id):
        if row.label == PROMPT:
            prompts.setdefault(row.notes["query"], []).append(_prompt(row, arrays, points))
            domains[row.notes["query"]] = row.notes["domain"]
    return Sets(prompts, domains, results.space(run.id), thresholds)


def _prompt(row: ItemRow, arrays: Mapping[tuple[str, str], NDArray[np.float64]], points: str) -> Prompt:
    """A prompt's row with its stored scores; those below zero are kept with the search's own points alone."""
    name = f"{row.item}"
    neurons, scores = (arrays[name, part] for part in parts_at(points))
    positive = Strongest(neurons.astype(np.int64), scores)
    if points or (name, NEGATIVE_NEURONS) not in arrays:
        return Prompt(row, positive)
    below = Strongest(arrays[name, NEGATIVE_NEURONS].astype(np.int64), -arrays[name, NEGATIVE_SCORES])
    return Prompt(row, positive, below)


def cited(source: Run | None) -> str:
    """BibTeX of the method of a search; empty where the search is not in this database."""
    return "" if source is None else method_of(source.spec.settings["method"], source.spec.settings["params"]).citation
