"""The work of one query: scores of its wordings, its neurons, and its answers with them scaled (``qrnca.md`` sections 4
to 9). It is one shard, since the neurons come from all wordings together."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import Wording
from app.domain.results import ItemRow, Row
from app.domain.roles import POOL
from app.domain.scores import RunningScores
from app.domain.sites import NeuronSpace
from app.interventions.edits import Cell, Sources
from app.interventions.responses import responses
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.locate.question import LocateQuestion
from app.kinds.locate.sets import Located, located, located_among
from app.kinds.prompt_scores import read_neurons, strongest_of
from app.kinds.queries import stored_sets
from app.kinds.rankings import score_facts, score_rows
from app.methods.base import Attribution, method_of
from app.models.chat import as_read
from app.models.continuations import OUTPUTS, Continuations, answer_target, answers_of, explained_answer
from app.models.host import ModelHost

ROWS = {"cpu": 64, "cuda": 1024}
OWN, RANDOM = "its neurons", "random, same blocks"
TOLD = ("probability", "best_other", "mass")
"""Outputs that are stored of an answer, in order."""
Members = NDArray[np.int64]


class LocateWork:
    """The work of one query."""

    def __init__(self, question: LocateQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.method = method_of(question.method, question.params)

    @cached_property
    def space(self) -> NeuronSpace:
        """The neurons that get a score."""
        return self.method.space(self.host)

    @cached_property
    def query(self) -> tuple[Wording, ...]:
        """The wordings as the model reads them."""
        return as_read(self.host.tokenizer, self.question.query, self.question.chat)

    @cached_property
    def answers(self) -> tuple[Continuations, ...]:
        """What may follow each wording, and which of it is right."""
        asked = self.question
        return tuple(answers_of(self.host, wording, asked.blank, asked.max_length) for wording in self.query)

    def plan(self) -> dict[str, Any]:
        """Wordings, and what they take.

        Raises:
            BadInput: an answer that is no single token, or no letter of the options.
        """
        answers, factors = self.answers, len(self.question.factors)
        passes = self.method.passes(self.host.card.layers) * self.question.finding
        return {
            "items": len(answers),
            "finding": self.question.finding,
            "passes": passes + len(answers) * (1 + factors * (1 + self.question.seeds)),
            "neurons": len(self.space),
            "parts": ["all"],
            "special": [],
            "target": {"unit": "probability", "sentence": "probability of each wording's right token"},
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """All wordings together."""
        return (Shard(0, 0, plan["items"], plan["passes"]),)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Scores, neurons, and answers."""
        finding = range(plan["finding"])
        every = [self._attributed(self.query[at], self.answers[at]) for at in finding]
        found = self._located(every)
        settings = list(self._settings(found.found.neurons))
        rows: list[Row] = [self._wording(at, at in finding, settings) for at in range(plan["items"])]
        rows.append(self._neurons(0, found, read_neurons(self.host, every, self.space)))
        scores = {site: np.stack([one.neurons[site][:1] for one in every]) for site in self.space.sites}
        return Partial(RunningScores.of(("all",), scores), tuple(rows))

    def _attributed(self, wording: Wording, answers: Continuations) -> Attribution:
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.question.max_length)
        return self.method.attribute(self.host, batch, explained_answer(answers))[0]

    def _located(self, every: Sequence[Attribution]) -> Located:
        strongest = [strongest_of(attribution, self.space) for attribution in every]
        thresholds = self.question.thresholds
        if POOL not in self.given.runs:
            return located(strongest, thresholds)
        others = stored_sets(self.given.runs[POOL], self.given.results, thresholds)
        return located_among(strongest, frozenset(w.prompt for w in self.query), others, thresholds)

    def _settings(self, members: Members) -> Iterator[Setting]:
        """Every factor: the query's neurons, then random sets with as many neurons of the same blocks."""
        first = self.question.seed
        for factor in self.question.factors if len(members) else ():
            yield _scaled(members, factor, OWN)
            for seed in range(first, first + self.question.seeds):
                yield _scaled(random_matched(members, self.space, seed), factor, RANDOM, seed)

    def _wording(self, at: int, finds: bool, settings: Sequence[Setting]) -> ItemRow:
        """One wording: its answer intact and under every setting, shares in the order of the outputs."""
        wording, answers = self.query[at], self.answers[at]
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.question.max_length)
        cells = [Cell(0, setting) for setting in (Setting(), *settings)]
        prefix = self.host.prefill(batch) if int(batch.mask.sum()) > 1 else None
        rows, target = ROWS.get(self.host.device.type, 64), answer_target(answers)
        told = responses(self.host, batch, target, cells, self.space, Sources(), rows=rows, prefix=prefix)
        shares = told[:, [OUTPUTS.index(name) for name in TOLD]].tolist()
        values = {"probability": answers.target.probability, "mass": answers.mass, "known": float(answers.known)}
        notes = {
            "finds": finds,
            "token": answers.target.token,
            "word": answers.target.word,
            "likeliest": answers.likeliest[1],
            "options": len(answers.options),
            "intact": shares[0],
            "scaled": [[s.amount, s.label, s.seed, one] for s, one in zip(settings, shares[1:], strict=True)],
        }
        return ItemRow(at, "wording", [], values, notes)

    def _neurons(self, item: int, located_set: Located, words: Mapping[str, Any]) -> ItemRow:
        """The query's neurons, strongest first, with what they write."""
        found = located_set.found
        lines = [
            {
                "neuron": str(self.space.index(flat)),
                "na": float(found.scores[rank]),
                "naica": float(found.discounted[rank]),
                "clusters": located_set.frequency[rank] if located_set.frequency else None,
                "words": words.get(str(flat), [[], []]),
            }
            for rank, flat in enumerate(found.neurons.tolist())
        ]
        notes = {
            "neurons": lines,
            "dropped": [str(self.space.index(flat)) for flat in found.dropped],
            "queries": located_set.queries,
            "common": located_set.common,
            "left_out": list(located_set.left_out),
            "doubts": list(located_set.doubts),
        }
        return ItemRow(item, "neurons", [], {"cluster": float(located_set.cluster)}, notes)

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Mean scores over the wordings that find neurons."""
        if total is None or total.n == 0:
            return Finished((), {"n": 0}, ())
        scores = total.scores(self.space)
        return Finished(tuple(score_rows(scores)), {**score_facts(scores), "outputs": list(TOLD)}, ())


def _scaled(members: Members, factor: float, label: str, seed: int | None = None) -> Setting:
    """Some neurons times a factor at the token that carries the answer."""
    family = "target" if seed is None else "random"
    count = len(members)
    return Setting(family, members, op=Op.SCALE, amount=factor, seed=seed, count=count, label=label, readout=True)
