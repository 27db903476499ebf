"""The work of a test: every query's answers, and other queries', with its neurons scaled and with baselines.

Source: ``qrnca.md`` sections 7 to 9. A shard is one query.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.analysis.clusters import knowledge_neurons, relevant
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import random_global, random_matched
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.seeded import place
from app.domain.sites import NeuronSpace
from app.interventions.edits import Cell, Sources
from app.interventions.responses import responses
from app.jobs.base import Finished, Partial, Shard
from app.kinds.effects.measures import MATCHED, MATCHED_NEGATIVE, NEGATIVE, RELEVANT
from app.kinds.effects.question import EffectsQuestion
from app.kinds.queries import Sets, finding
from app.kinds.search_work import SearchWork
from app.models.continuations import OUTPUTS, Continuations, answer_target, answers_of

ROWS = {"cpu": 64, "cuda": 1024}
FEW = 10
"""Random sets that section 8 asks for at least."""
Members = NDArray[np.int64]
RELATIONS = ("own", "same domain", "other domain")
"""Whose prompts are answered: the query's, another one's of its domain, another one's of another domain."""


@dataclass(frozen=True)
class TestedSet:
    """Neurons of one query under one name; ``seed`` of a random set."""

    name: str
    members: Members
    seed: int | None = None


class EffectsWork(SearchWork[EffectsQuestion]):
    """The work of one test."""

    @property
    def space(self) -> NeuronSpace:
        """The neurons that the search scored."""
        return self.sets.space

    def plan(self) -> dict[str, Any]:
        """The queries, and the ones that answer beside each."""
        keys = list(self.sets.queries)
        others = {key: [self._other(key, same) for same in (True, False)] for key in keys}
        prompts = [1 + sum(other is not None for other in others[key]) for key in keys]
        negative = (1 + self.question.seeds) * (self.negative is not None)
        each = negative + 5 + 2 * self.question.seeds + (1 + self.question.seeds) * len(self.question.sizes)
        settings = each * len(self.question.factors)
        held_out = sum(
            len(self.queries[key].wordings) > len(finding(self.search.sample, self.queries[key])) for key in keys
        )
        return {
            "items": len(keys),
            "queries": keys,
            "others": others,
            "held_out": held_out,
            "passes": settings * max(prompts),
            "neurons": len(self.space),
            "target": {"unit": "relative change", "sentence": "relative change of the right token's probability"},
        }

    def _other(self, key: str, same: bool) -> str | None:
        """Another query of the same domain, or of another one; the seed decides which."""
        own = self.sets.domains[key]
        fitting = [k for k in self.sets.queries if k != key and (self.sets.domains[k] == own) == same]
        return min(fitting, key=lambda other: place(self.question.seed, key, other)) if fitting else None

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """A query each."""
        return tuple(Shard(number, number, 1, plan["passes"]) for number in range(plan["items"]))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """One query's sets, and what is answered under them."""
        key = plan["queries"][shard.number]
        tested, doses = self.tested(key), self.doses(key)
        prompts = []
        for relation, other in zip(RELATIONS, (key, *plan["others"][key]), strict=True):
            for at, wording in enumerate(self._measured(self.queries[other])) if other is not None else ():
                answered = self._answered(wording, tested, doses)
                prompts.append({"relation": relation, "query": other, "wording": at, **answered})
        notes = {
            "query": key,
            "domain": self.sets.domains[key],
            "sets": {one.name: one.members.tolist() for one in tested if one.seed is None},
            "prompts": prompts,
        }
        return Partial(None, (ItemRow(shard.first, "effects", [], {"neurons": float(len(tested[0].members))}, notes),))

    def _measured(self, query: QuestionQuery) -> tuple[Wording, ...]:
        """The wordings at which a query's answer is read."""
        found = finding(self.search.sample, query)
        if self.question.measured == "all":
            return query.wordings
        rest = query.wordings[len(found) :]
        return rest if self.question.measured == "held_out" and rest else found

    def tested(self, key: str) -> list[TestedSet]:
        """The query-relevant neurons, and every baseline with as many (section 9)."""
        at = self.sets.queries.index(key)
        own = self.sets.relevant[key].neurons
        count = len(own)
        thresholds = self.question.thresholds
        plain = relevant(self.sets.pool, at, thresholds.size, discount=False)
        common = relevant(self.sets.pool, at, thresholds.size, common=True)
        strongest = [prompt.strongest for prompt in self.sets.prompts[key]]
        tested = [
            TestedSet(RELEVANT, own),
            TestedSet("without discount", plain.neurons),
            TestedSet("with common ones", common.neurons),
            TestedSet("knowledge neurons", knowledge_neurons(strongest, count, thresholds.threshold)),
            TestedSet("largest activations", self._active(key, count)),
        ]
        for seed in self._seeds:
            everywhere = random_global(count, self.space, seed) if count else own
            tested += [self._matched(MATCHED, own, seed), TestedSet("random, all blocks", everywhere, seed)]
        return tested + (self._negative(key) if self.negative is not None else [])

    def _negative(self, key: str) -> list[TestedSet]:
        """The query's negative neurons, beside random ones of their blocks."""
        below = self.negative.relevant[key].neurons if self.negative is not None else np.empty(0, np.int64)
        return [TestedSet(NEGATIVE, below), *(self._matched(MATCHED_NEGATIVE, below, seed) for seed in self._seeds)]

    def _matched(self, name: str, members: Members, seed: int) -> TestedSet:
        """As many random neurons of the same blocks; none for none, so that nothing is edited there, either."""
        return TestedSet(name, random_matched(members, self.space, seed) if len(members) else members, seed)

    def doses(self, key: str) -> list[tuple[int, TestedSet]]:
        """The query's strongest neurons alone, by how many, beside random ones of the same blocks (section 18, 1)."""
        doses = []
        for size in self.question.sizes:
            first = self.sets.relevant[key].neurons[:size]
            doses.append((size, TestedSet(RELEVANT, first)))
            doses += [(size, self._matched(MATCHED, first, seed)) for seed in self._seeds]
        return doses

    @property
    def _seeds(self) -> range:
        return range(self.question.seed, self.question.seed + self.question.seeds)

    @property
    def negative(self) -> Sets | None:
        """The search's negative neurons; None where they are not asked for, or not stored."""
        return self.sets.mirrored if self.question.negative else None

    def _active(self, key: str, count: int) -> Members:
        """Neurons of the largest mean magnitude at the last token, over the prompts that found the query's."""
        total: NDArray[np.float64] = np.zeros(len(self.space))
        for wording in finding(self.search.sample, self.queries[key]):
            batch = self.host.encode([Example("0", wording.prompt)], max_length=self.search.max_length)
            trace = self.host.run(batch, None, record=self.space.sites)
            last = [trace.value(site)[0, int(batch.readout[0])] for site in self.space.sites]
            total += torch.cat(last).abs().double().cpu().numpy()
        return np.sort(np.argsort(-total, kind="stable")[:count]).astype(np.int64)

    def _answered(
        self, wording: Wording, tested: Sequence[TestedSet], doses: Sequence[tuple[int, TestedSet]]
    ) -> dict[str, Any]:
        """A prompt's answers: intact, and under every set and factor; ``doses`` those of a set's strongest alone."""
        answers = answers_of(self.host, wording, self.search.sample.blank, self.search.max_length)
        sets, factors = [*tested, *(one for _, one in doses)], self.question.factors
        settings = [Setting(), *(self._setting(one, factor) for factor in factors for one in sets)]
        intact, *rest = self._shares(wording, answers, settings).tolist()
        rows = [rest[at * len(sets) : (at + 1) * len(sets)] for at in range(len(factors))]
        told = {
            "word": answers.target.word,
            "intact": intact,
            "answers": [[[one.name, one.seed, a] for one, a in zip(tested, row, strict=False)] for row in rows],
        }
        if doses:
            behind = [row[len(tested) :] for row in rows]
            told["doses"] = [
                [[size, one.name, one.seed, shares] for (size, one), shares in zip(doses, row, strict=True)]
                for row in behind
            ]
        return told

    def _setting(self, one: TestedSet, factor: float) -> Setting:
        readout = self.question.positions == "last"
        return Setting(
            "target", one.members, op=Op.SCALE, amount=factor, count=len(one.members), label=one.name, readout=readout
        )

    def _shares(self, wording: Wording, answers: Continuations, settings: Sequence[Setting]) -> NDArray[np.float64]:
        """[S, 4] answers of a prompt under settings; only the last token runs where no other is edited."""
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.search.max_length)
        behind = self.question.positions == "last" and int(batch.mask.sum()) > 1
        return responses(
            self.host,
            batch,
            answer_target(answers),
            [Cell(0, setting) for setting in settings],
            self.space,
            Sources(),
            rows=ROWS.get(self.host.device.type, 64),
            prefix=self.host.prefill(batch) if behind else None,
        )

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many queries, and where no wording was held out."""
        facts = {"n": plan["items"], "outputs": list(OUTPUTS), "factors": list(self.question.factors)}
        return Finished((), facts, tuple(self._warnings(plan)))

    def _warnings(self, plan: Mapping[str, Any]) -> Iterator[str]:
        if self.question.measured == "held_out" and plan["held_out"] < plan["items"]:
            seen = plan["items"] - plan["held_out"]
            yield f"{seen} of {plan['items']} queries have no wording left that found no neurons: theirs found them."
        elif self.negative is not None:
            none = sum(not len(found.neurons) for found in self.negative.relevant.values())
            if none:
                yield f"{none} of {plan['items']} queries have no negative neuron under these thresholds."
        empty = sum(not len(found.neurons) for found in self.sets.relevant.values())
        if self.question.seeds < FEW:
            yield f"{self.question.seeds} random sets a query stand beside each set; fewer than {FEW} are few."
        if self.question.negative and self.negative is None:
            yield "The search is of an older version and kept no scores below zero: negative neurons were not tested."
        if empty:
            yield f"{empty} queries have no query-relevant neuron under these thresholds; nothing is edited for them."
