"""The work of a prediction: activity while options are proposed, learned on old queries, read on new ones.

Source: ``qrnca.md`` sections 10 and 18. A shard is one domain. Axes: Q queries, R rows (prompts with an option), P
prompts, M members of a set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.prediction import Predictor, credit
from app.domain.errors import BadInput
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import QuestionQuery
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.interventions.activity import last_activity
from app.jobs.base import Finished, Partial, Shard
from app.kinds.predict.activity import Read, cut_rows
from app.kinds.predict.choices import Choice, Choices
from app.kinds.predict.question import LEAST_FOUND, WRONG, PredictQuestion
from app.kinds.predict.split import DomainSplit, split_of, splits
from app.kinds.search_work import SearchWork
from app.models.continuations import continuations

Members = NDArray[np.int64]


@dataclass(frozen=True)
class Judge:
    """A set of neurons and what it learned; ``columns`` are its members among those that were read."""

    columns: Members
    predictor: Predictor

    def said(self, read: Read) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """([O] weighted sums, [O] log-odds of the probe, the signal at the prompt) of a wording."""
        options, prompt = read.options[:, self.columns], read.prompt[self.columns]
        return self.predictor.weighted(options), self.predictor.probed(options), self.predictor.signal(prompt)


class PredictWork(SearchWork[PredictQuestion]):
    """The work of one prediction."""

    @cached_property
    def choices(self) -> Choices:
        """What makes the options of queries."""
        question = self.question
        return Choices(self.host.tokenizer, self.search.sample.blank, question.proposed, question.seed)

    def plan(self) -> dict[str, Any]:
        """The queries of each domain, old and new.

        Raises:
            BadInput: no domain has neurons, two old queries and a new one.
        """
        left: list[str] = []
        taken = []
        for split in splits(self.search.sample, list(self.queries.values()), self.sets.queries, self.question.seed):
            kept = self._readable(split)
            found, new = len(kept.found), len(kept.new)
            if not len(self.sets.by_domain[split.name]):
                left.append(f"{split.name}: no query-relevant neuron under these thresholds")
            elif not kept.serves:
                left.append(f"{split.name}: {found} of the search's queries and {new} new ones can be read")
            else:
                taken.append(kept)
        if not taken:
            wanted = f"a domain with neurons, {LEAST_FOUND} queries that found them, and a new query"
            raise BadInput(wanted, "; ".join(left) or "no domain", "Search again with fewer queries a domain.", "run")
        prompts = [len(split.found) + len(split.new) for split in taken]
        return {
            "items": sum(len(split.new) for split in taken),
            "domains": [split.stored() for split in taken],
            "left": left,
            "passes": [count * self.question.wordings * (WRONG + 2) for count in prompts],
            "neurons": len(self.sets.space),
            "target": {"unit": "share of queries", "sentence": "the right option of new queries"},
        }

    def _readable(self, split: DomainSplit) -> DomainSplit:
        """The split with the queries whose answers can be told apart; new ones up to the limit."""
        found = tuple(key for key in split.found if self._options(key, split))
        new: list[str] = []
        for key in split.new:
            if len(new) < self.question.limit and self._options(key, split):
                new.append(key)
        return DomainSplit(split.name, found, tuple(new), tuple(key for key in split.passed if key in new))

    def _options(self, key: str, split: DomainSplit) -> dict[int, Choice]:
        """Number of each readable wording of a query to its options.

        Wrong candidates come from its own side of the split first, so that what was right for a query that taught is
        seldom wrong for one that tests.
        """
        sides = (split.found, split.new) if key in split.found else (split.new, split.found)
        others = self.choices.drawn(key, [[self.queries[other] for other in side] for side in sides])
        known: dict[int, Choice] = {}
        for at in range(min(self.question.wordings, len(self.queries[key].wordings))):
            try:
                known[at] = self.choices.of(self.queries[key], at, others)
            except BadInput:
                continue
        return known

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """A domain each; its items are the new queries."""
        shards, first = [], 0
        for number, domain in enumerate(plan["domains"]):
            shards.append(Shard(number, first, len(domain["new"]), plan["passes"][number]))
            first += len(domain["new"])
        return tuple(shards)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """One domain: what its old queries teach, and what that says of the new ones."""
        split = split_of(plan["domains"][shard.number])
        own, weights = self._weighted(split.name)
        seeds = range(self.question.seed, self.question.seed + self.question.seeds)
        members = [own, *(random_matched(own, self.sets.space, seed) for seed in seeds)]
        needed = np.unique(np.concatenate(members))
        taught = [read for key in split.found for read in self._reads(key, split, needed)]
        judges = [self._judge(np.searchsorted(needed, one), weights, taught) for one in members]
        rows = []
        for at, key in enumerate(split.new):
            prompts = [self._told(read, judges) for read in self._reads(key, split, needed)]
            notes = {"query": key, "domain": split.name, "passed": key in split.passed, "prompts": prompts}
            rows.append(ItemRow(shard.first + at, "predict", [], {"neurons": float(len(own))}, notes))
        return Partial(None, tuple(rows))

    def _weighted(self, domain: str) -> tuple[Members, NDArray[np.float64]]:
        """([M], [M]) a domain's neurons, ascending, with their weights: summed discounted scores."""
        own = self.sets.by_domain[domain]
        return own, np.asarray([self.sets.weights[domain][int(flat)] for flat in own])

    def _reads(self, key: str, split: DomainSplit, needed: Members) -> Iterator[Read]:
        """Every readable wording of a query."""
        for at, choice in self._options(key, split).items():
            yield self._read(self.queries[key], at, choice, needed)

    def _read(self, query: QuestionQuery, at: int, choice: Choice, needed: Members) -> Read:
        """The model's own choice, and the activity under each proposed answer and at the prompt's end."""
        prompt, longest = query.wordings[at].prompt, self.search.max_length
        told = continuations(self.host, prompt, choice.texts, choice.right, self.choices.blank, longest)
        blank = "" if told.target.blank == "bare" else " "
        proposals = [prompt + blank + text for text in choice.proposals]
        options = last_activity(self.host, proposals, self.sets.space, longest)
        alone = last_activity(self.host, [prompt], self.sets.space, longest)
        shares = tuple(option.probability for option in told.options)
        cut = cut_rows(self.host, [prompt, *proposals], longest)
        return Read(at, choice.right, choice.proposals, shares, options[:, needed], alone[0, needed], cut)

    def _judge(self, columns: Members, weights: NDArray[np.float64], taught: Sequence[Read]) -> Judge:
        """What a set learns of the old queries; a random one takes the weights of neurons of the same blocks."""
        rows = np.concatenate([read.options for read in taught])[:, columns]
        right = np.concatenate([np.arange(len(read.options)) == read.right for read in taught])
        prompts = np.stack([read.prompt for read in taught])[:, columns]
        return Judge(columns, Predictor.fit(rows, right, prompts, weights))

    def _told(self, read: Read, judges: Sequence[Judge]) -> dict[str, Any]:
        """What each judge says of a prompt: the domain's neurons in full, random ones by their credit."""
        (weighted, probed, signal), *random = [one.said(read) for one in judges]
        right = read.right
        return {
            "wording": read.wording,
            "options": list(read.texts),
            "right": read.right,
            "shares": list(read.shares),
            "weighted": weighted.tolist(),
            "probed": probed.tolist(),
            "signal": signal,
            "random": [[credit(sums, right), credit(odds, right), other] for sums, odds, other in random],
            "cut": read.cut,
        }

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many queries, and what was left out."""
        return Finished((), {"n": plan["items"]}, tuple(self._warnings(plan)))

    def _warnings(self, plan: Mapping[str, Any]) -> Iterator[str]:
        if plan["left"]:
            yield f"Left out: {'; '.join(plan['left'])}."
        passed = sum(len(domain["passed"]) for domain in plan["domains"])
        if passed:
            yield (
                f"{passed} of the {plan['items']} new queries are ones that the search passed over, mostly because the "
                "model does not know them: the model's own choice looks worse for it."
            )
        keys = [key for domain in plan["domains"] for key in (*domain["found"], *domain["new"])]
        bare = sum(not self.queries[key].choices for key in keys)
        if bare:
            yield (
                f"{bare} of {len(keys)} queries have no options: their wrong candidates are answers of other queries "
                f"of the domain, at most {WRONG} each, drawn with the seed."
            )
