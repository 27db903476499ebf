"""The work of a search for query-relevant neurons: the strongest scores of every prompt (``qrnca.md`` section 4).

A shard is one query. Thresholds are not applied here: a page applies them to what is stored.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import LEAST_QUERIES
from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ArrayRow, ItemRow, Row
from app.domain.scores import RunningScores
from app.domain.sites import NeuronSpace
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.clusters.points import other_methods, passes_of
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.prompt_scores import most_negative_of, read_neurons, strongest_of
from app.kinds.queries import GROUP, NEGATIVE_NEURONS, NEGATIVE_SCORES, PROMPT, asked, finding, parts_at, sampled
from app.kinds.rankings import score_facts, score_rows
from app.methods.base import Attribution, Method, method_of
from app.models.continuations import Continuations, answers_of, explained_answer
from app.models.host import ModelHost


class ClustersWork:
    """The work of one search."""

    def __init__(self, question: ClustersQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.method, self.others = method_of(question.method, question.params), other_methods(question)

    @cached_property
    def queries(self) -> Mapping[str, QuestionQuery]:
        """The stored set's queries by key, as the model reads them."""
        return asked(self.question.sample, self.given.questions, self.host)

    @cached_property
    def space(self) -> NeuronSpace:
        """The neurons that get a score."""
        return self.method.space(self.host)

    def plan(self) -> dict[str, Any]:
        """The queries: of each domain the first ones that the model knows.

        Raises:
            BadInput: fewer than four are left, or an answer that is no single token in a set that keeps all.
        """
        sample = self.question.sample
        taken: list[str] = []
        of_domain: dict[str, int] = {}
        unknown, unreadable = 0, []
        for query in sampled(sample, list(self.queries.values())):
            if of_domain.get(query.domain, 0) >= sample.limit:
                continue
            try:
                known = sum(self.answers(wording).known for wording in finding(sample, query))
            except BadInput as error:
                unreadable.append(f"{query.key}: {error.found}")
                continue
            if known < sample.known:
                unknown += 1
                continue
            taken.append(query.key)
            of_domain[query.domain] = of_domain.get(query.domain, 0) + 1
        if len(taken) < LEAST_QUERIES:
            raise self._too_few(len(taken), unknown, len(unreadable))
        prompts = sum(len(finding(sample, self.queries[key])) for key in taken)
        return {
            "items": len(taken),
            "prompts": prompts,
            "queries": taken,
            "domains": of_domain,
            "unknown": unknown,
            "unreadable": unreadable,
            "passes": passes_of(self.question, self.host.card.layers),
            "neurons": len(self.space),
            "parts": ["all"],
            "special": [],
            "target": {"unit": "probability", "sentence": "probability of each prompt's right token"},
        }

    def _too_few(self, taken: int, unknown: int, unreadable: int) -> BadInput:
        left = []
        if unknown:
            left.append(f"{unknown} answered right in fewer than {self.question.sample.known} wordings")
        if unreadable:
            left.append(f"{unreadable} whose answer is not one token")
        found = f"{taken}" + (f"; left out: {', '.join(left)}" if left else "")
        way = "Choose more queries or domains, or keep queries that the model does not know."
        return BadInput(f"at least {LEAST_QUERIES} queries", found, way, "limit")

    def answers(self, wording: Wording) -> Continuations:
        """What may follow a prompt, and which of it is right."""
        return answers_of(self.host, wording, self.question.sample.blank, self.question.max_length)

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """A query each."""
        shards, first = [], 0
        for number, key in enumerate(plan["queries"]):
            count = len(finding(self.question.sample, self.queries[key]))
            shards.append(Shard(number, first, count, count * plan["passes"]))
            first += count
        return tuple(shards)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Scores of one query's prompts, each by itself."""
        query = self.queries[plan["queries"][shard.number]]
        rows: list[Row] = []
        every: list[Attribution] = []
        for at, wording in enumerate(finding(self.question.sample, query)):
            answers = self.answers(wording)
            attribution = self._attributed(self.method, wording, answers)
            rows += self._rows(shard.first + at, query, at, answers, attribution)
            for name, method in self.others.items():
                strongest = strongest_of(self._attributed(method, wording, answers), self.space)
                rows += _arrays(shard.first + at, zip(parts_at(name), strongest.both, strict=True))
            every.append(attribution)
        read = read_neurons(self.host, every, self.space)
        rows.append(ItemRow(shard.number, "reading", [], {}, {"query": query.key, "neurons": read}))
        means = {site: np.mean([a.neurons[site][:1] for a in every], axis=0)[None] for site in self.space.sites}
        return Partial(RunningScores.of(("all",), means), tuple(rows))

    def _attributed(self, method: Method, wording: Wording, answers: Continuations) -> Attribution:
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.question.max_length)
        return method.attribute(self.host, batch, explained_answer(answers))[0]

    def _rows(
        self, item: int, query: QuestionQuery, wording: int, answers: Continuations, attribution: Attribution
    ) -> Iterator[Row]:
        """One prompt: its numbers, and its strongest scores."""
        values = {
            "target": attribution.score,
            "probability": answers.target.probability,
            "mass": answers.mass,
            "known": float(answers.known),
            "remainder": attribution.remainder,
        }
        notes: dict[str, Any] = {
            "query": query.key,
            "domain": query.domain,
            "wording": wording,
            "prompt": query.wordings[wording].prompt,
            "token": answers.target.token,
            "word": answers.target.word,
            "likeliest": answers.likeliest[1],
            "likeliest_probability": answers.likeliest_probability,
            "options": [[option.word, option.probability] for option in answers.options],
            "warnings": list(attribution.warnings),
        }
        yield ItemRow(item, PROMPT, [], values, notes)
        strongest, negative = strongest_of(attribution, self.space), most_negative_of(attribution, self.space)
        yield from _arrays(item, zip(parts_at(), strongest.both, strict=True))
        yield from _arrays(item, zip((NEGATIVE_NEURONS, NEGATIVE_SCORES), negative.both, strict=True))

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Mean scores over queries, and what was left out."""
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(self.space)
        return Finished(tuple(score_rows(scores)), score_facts(scores), tuple(self._warnings(plan)))

    def _warnings(self, plan: Mapping[str, Any]) -> Iterator[str]:
        """What was left out of the sample."""
        if plan["unknown"]:
            yield (
                f"{plan['unknown']} queries were left out: the model answers them right in fewer than "
                f"{self.question.sample.known} of the wordings that find neurons."
            )
        if plan["unreadable"]:
            examples = "; ".join(plan["unreadable"][:3])
            yield f"{len(plan['unreadable'])} queries were left out: their answer is not one token ({examples})."
        short = [name for name, count in plan["domains"].items() if count < self.question.sample.limit]
        if short:
            yield f"Fewer than {self.question.sample.limit} queries were left of {', '.join(short)}."


def _arrays(item: int, parts: Iterable[tuple[str, NDArray[Any]]]) -> Iterator[Row]:
    """What is stored of a prompt: names of parts, and their numbers."""
    for name, numbers in parts:
        yield ArrayRow(GROUP, f"{item}", name, "mid", 0, 1, numbers.astype(np.float64))
