"""The work of a comparison: scores of the same neurons by several locators, and the effect of each one's own set.

Source: ``qrnca.md`` section 18, 3 and 4. A shard is one query. Axes: n tested neurons, N neurons of the space, S
settings.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.analysis.clusters import relevant
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.interventions.activity import last_activity
from app.interventions.edits import Cell, Sources
from app.interventions.responses import responses
from app.interventions.tracing import traced
from app.jobs.base import Finished, Partial, Shard
from app.kinds.locators.measures import COMMON, RANDOM, RELEVANT
from app.kinds.locators.pairs import pairs
from app.kinds.locators.question import BASELINE, LocatorsQuestion
from app.kinds.queries import finding
from app.kinds.search_work import SearchWork
from app.methods import DEFAULT
from app.methods.base import Method, method_of
from app.models.continuations import answers_of, contrast_target, explained_answer
from app.models.targets import Target

ROWS = {"cpu": 64, "cuda": 1024}
Members = NDArray[np.int64]
Floats = NDArray[np.float64]


class LocatorsWork(SearchWork[LocatorsQuestion]):
    """The work of one comparison."""

    @cached_property
    def attribution(self) -> Method:
        """The search's own method."""
        return method_of(self.search.method, self.search.params)

    @cached_property
    def gradients(self) -> Method:
        """Integrated gradients of feed-forward neurons, from a baseline that causal models have."""
        pooled = "cls" if self.question.tokens == "last" else "sum"
        settings = {"steps": self.question.steps, "baseline": BASELINE, "aggregation": pooled, "adaptive": False}
        return method_of(DEFAULT, settings)

    def plan(self) -> dict[str, Any]:
        """The queries and their partners.

        Raises:
            BadInput: fewer than four have one.
        """
        question = self.question
        found = pairs(self.sets.queries, self.queries, question.queries, question.seed)
        layers = self.host.card.layers
        passes = self.attribution.passes(layers) + 6 * question.k + question.seeds + question.steps
        passes += question.noise * (1 + layers)
        return {
            "items": len(found.partner),
            "partner": dict(found.partner),
            "alone": len(found.alone),
            "refused": self.gradients.refuses(self.host.card),
            "passes": passes,
            "neurons": len(self.sets.space),
            "target": {"unit": "probability", "sentence": "probability of each prompt's right token"},
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """A query each."""
        return tuple(Shard(number, number, 1, plan["passes"]) for number in range(plan["items"]))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """One query: scores over all neurons, single neurons one by one, and sets."""
        key, partner = list(plan["partner"].items())[shard.number]
        query, question = self.queries[key], self.question
        whole, remainder = self._whole(query.wordings[0], plan["refused"])
        groups = self.tested(key)
        tested = np.concatenate(list(groups.values())) if groups else np.zeros(0, np.int64)
        single = self._single(query.wordings[0], self.queries[partner].wordings[0], tested)
        scores = {name: values[tested] for name, values in whole.items()} | single
        tops = {name: _top(values, question.k) for name, values in whole.items()}
        notes = {
            "query": key,
            "domain": self.sets.domains[key],
            "partner": partner,
            "neurons": tested.tolist(),
            "groups": [name for name, members in groups.items() for _ in members],
            "scores": {name: values.tolist() for name, values in scores.items()},
            "tops": {name: members.tolist() for name, members in tops.items()},
            "relevant": self.sets.relevant[key].neurons.tolist(),
            "swap": self._swap(query, whole),
            "remainder": remainder,
            "tracing": self._traced(query.wordings[0]) if question.noise else None,
        }
        return Partial(None, (ItemRow(shard.first, "locators", [], {"tested": float(len(tested))}, notes),))

    def tested(self, key: str) -> dict[str, Members]:
        """Group to neurons: the first of the cluster by discounted score, common ones, random ones; each once."""
        k, at = self.question.k, self.sets.queries.index(key)
        own = relevant(self.sets.pool, at, k).neurons
        frequency = self.sets.pool.frequency
        ordered = sorted(self.sets.pool.common, key=lambda flat: (-frequency[flat], flat))[:k]
        common = np.setdiff1d(np.asarray(ordered, dtype=np.int64), own)
        drawn = random_matched(own, self.sets.space, self.question.seed) if len(own) else own
        random = np.setdiff1d(drawn, np.concatenate([own, common]))
        return {RELEVANT: own, COMMON: common, RANDOM: random}

    def _whole(self, wording: Wording, refused: str | None) -> tuple[dict[str, Floats], dict[str, float]]:
        """Locator to [N] scores of all neurons of a prompt's right token, and to the unexplained share of its sum."""
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.search.max_length)
        answers = answers_of(self.host, wording, self.search.sample.blank, self.search.max_length)
        target = explained_answer(answers)
        scored = [self.attribution] if refused else [self.attribution, self.gradients]
        told: dict[str, Floats] = {}
        remainder: dict[str, float] = {}
        for method in scored:
            found = method.attribute(self.host, batch, target)[0]
            told[method.title] = np.concatenate([found.neurons[site][0] for site in self.sets.space.sites])
            remainder[method.title] = found.remainder
        return told, remainder

    def _single(self, wording: Wording, other: Wording, tested: Members) -> dict[str, Floats]:
        """Locator to [n] what the right token loses when each neuron alone is edited at the last token: patched with
        its value in the partner's run, or switched off."""
        longest, blank = self.search.max_length, self.search.sample.blank
        answers = answers_of(self.host, wording, blank, longest)
        against = answers_of(self.host, other, blank, longest).target.token
        values = last_activity(self.host, [other.prompt], self.sets.space, longest)[0]
        put = {site: torch.from_numpy(values[where])[None, None] for site, where in self.sets.space.slices()}
        settings = [Setting()]
        for op in (Op.RESAMPLE, Op.ZERO):
            settings += [Setting("target", np.asarray([n]), op=op, count=1, readout=True) for n in tested.tolist()]
        told = self._answers(wording, contrast_target(answers, against), settings, Sources(other=put))
        lost = told[0] - told[1:]
        patched, off = lost[: len(tested)], lost[len(tested) :]
        names = ("patched, probability", "patched, logit difference")
        others = ("switched off, probability", "switched off, logit difference")
        return dict(zip((*names, *others), (*patched.T, *off.T), strict=True))

    def _swap(self, query: QuestionQuery, whole: Mapping[str, Floats]) -> dict[str, Any]:
        """Relative change of the right token's probability with sets of one size switched off, at a wording that found
        no neurons where there is one: the query-relevant ones, the top of each locator, random ones."""
        own = self.sets.relevant[query.key].neurons
        if not len(own):
            return {"size": 0, "changes": {}, "random": []}
        named = {RELEVANT: own, **{name: _top(values, len(own)) for name, values in whole.items()}}
        seeds = range(self.question.seed, self.question.seed + self.question.seeds)
        members = [*named.values(), *(random_matched(own, self.sets.space, seed) for seed in seeds)]
        found = len(finding(self.search.sample, query))
        at = found if found < len(query.wordings) else 0
        wording = query.wordings[at]
        answers = answers_of(self.host, wording, self.search.sample.blank, self.search.max_length)
        settings = [Setting(), *(Setting("target", one, count=len(one), readout=True) for one in members)]
        target = contrast_target(answers, answers.target.token)
        intact, *edited = self._answers(wording, target, settings, Sources())[:, 0].tolist()
        changes = [(after - intact) / intact for after in edited]
        return {
            "size": len(own),
            "wording": at,
            "held_out": at >= found,
            "changes": dict(zip(named, changes, strict=False)),
            "random": changes[len(named) :],
        }

    def _traced(self, wording: Wording) -> dict[str, Any]:
        """Causal tracing of a prompt's right token: its probability intact, under noise, and with each block put back;
        means over the draws."""
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.search.max_length)
        answers = answers_of(self.host, wording, self.search.sample.blank, self.search.max_length)
        target = explained_answer(answers)
        seeds = range(self.question.seed, self.question.seed + self.question.noise)
        intact, told = traced(self.host, batch, target, self.sets.space, seeds)
        noised, *restored = told.mean(0).tolist()
        return {"intact": intact, "noised": noised, "restored": restored}

    def _answers(self, wording: Wording, target: Target, settings: list[Setting], sources: Sources) -> Floats:
        """[S, 2] answers of a prompt under settings; only the last token runs."""
        batch = self.host.encode([Example("0", wording.prompt)], max_length=self.search.max_length)
        return responses(
            self.host,
            batch,
            target,
            [Cell(0, setting) for setting in settings],
            self.sets.space,
            sources,
            rows=ROWS.get(self.host.device.type, 64),
            prefix=self.host.prefill(batch) if int(batch.mask.sum()) > 1 else None,
        )

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many queries, and what was left out."""
        facts = {"n": plan["items"], "attribution": self.attribution.title, "gradients": self.gradients.title}
        return Finished((), facts, tuple(self._warnings(plan)))

    def _warnings(self, plan: Mapping[str, Any]) -> Iterator[str]:
        if plan["alone"]:
            yield (
                f"{plan['alone']} queries of the search have no other of their domain with another answer and as many "
                "options, so nothing can be patched in: left out."
            )
        if plan["refused"]:
            yield f"{self.gradients.title} is left out: {plan['refused']}"


def _top(values: Floats, count: int) -> Members:
    """[count] flat indices of the largest scores."""
    return np.argsort(-values, kind="stable")[:count].astype(np.int64)
