"""The work on free text: gold answers read, texts written, and an unrelated text read, with neurons scaled.

Source: ``qrnca.md`` section 18, 2. A shard is one text. Axes: R rows (one intact, then every factor with its sets), n
tokens of an answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.analysis.texts import begins_with, rouge_l
from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import QuestionQuery
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.variants import BLANKS
from app.interventions.edits import Cell, Sources, compile_edits
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.search_work import SearchWork
from app.kinds.writing.question import DOMAIN, OWN, WritingQuestion
from app.kinds.writing.texts import FreeText, texts
from app.models.continuations import added_tokens
from app.models.encoding import Batch
from app.models.generation import forced
from app.models.host import ModelHost

TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Tokens of a pass at most."""
Members = NDArray[np.int64]


@dataclass(frozen=True)
class Scaled:
    """Neurons under a factor; ``seed`` of random ones."""

    factor: float
    members: Members
    seed: int | None = None


class WritingWork(SearchWork[WritingQuestion]):
    """The work of one run."""

    def __init__(self, question: WritingQuestion, given: Inputs, host: ModelHost) -> None:
        super().__init__(question, given, host)
        self._neutral: dict[bytes, list[float]] = {}

    @cached_property
    def queries(self) -> Mapping[str, QuestionQuery]:
        """The stored set's queries by key; none where texts are given."""
        if self.question.prompts:
            return {}
        return super().queries

    @cached_property
    def texts(self) -> tuple[FreeText, ...]:
        """What is read and written."""
        return texts(self.question, self.search, self.queries, self.sets.queries)

    def plan(self) -> dict[str, Any]:
        """The texts whose answers the model can read.

        Raises:
            BadInput: none is left, or one by hand cannot be read.
        """
        kept, unreadable, cut, limit = [], [], 0, self.search.max_length
        neutral = self._encoded(self.question.neutral).mask.shape[1]
        if neutral < 2:
            way = "Write a longer one, or none for the built-in one."
            raise BadInput("an unrelated text of at least two tokens", f"{neutral}", way, "neutral")
        for number, text in enumerate(self.texts):
            try:
                batch = self._encoded(text.prompt)
                self._room(batch, max(self.question.max_new, *map(len, self._ways(text))))
            except BadInput as error:
                if self.question.prompts:
                    raise
                unreadable.append(f"{text.query}: {error.found}")
                continue
            cut += self.host.seen(Example("0", text.prompt), max_length=limit).cut_query > 0
            kept.append(number)
        if not kept:
            way = "Choose another search, or type prompts and answers."
            raise BadInput("a text whose answer the model can read", f"{len(unreadable)} left out", way, "prompts")
        return {
            "items": len(kept),
            "texts": kept,
            "unreadable": unreadable,
            "cut": cut,
            "neutral": neutral,
            "neutral_cut": self.host.seen(Example("0", self.question.neutral), max_length=limit).cut_query > 0,
            "neurons": len(self.sets.space),
            "target": {"unit": "log probability", "sentence": "mean log probability of the gold answer's tokens"},
        }

    def _encoded(self, text: str) -> Batch:
        return self.host.encode([Example("0", text)], max_length=self.search.max_length)

    def _room(self, batch: Batch, more: int) -> None:
        room = self.host.encoder.max_length - batch.mask.shape[1]
        if more > room:
            wanted = f"at most {room} tokens behind a prompt of {batch.mask.shape[1]}"
            raise BadInput(wanted, f"{more}", "Shorten the texts, or write fewer tokens.", "max_new")

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """A text each."""
        rows = 2 * (1 + len(self.question.factors) * (1 + self.question.seeds))
        return tuple(Shard(number, number, 1, rows) for number in range(plan["items"]))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """One text: its gold answer, what is written, and the unrelated text, under every factor."""
        text = self.texts[plan["texts"][shard.number]]
        members = self.members(text)
        states = self.states(members)
        batch = self._encoded(text.prompt)
        gold, logs = self._gold(text, batch, states)
        neutral = self._perplexities(members, states)
        written = self._written(batch, [state for state in states if state.seed is None])
        notes = {
            "prompt": text.prompt,
            "gold": text.gold,
            "query": text.query,
            "domain": text.domain,
            "tokens": [self.host.tokenizer.decode([token]) for token in gold],
            "intact": {"logs": logs[0], "perplexity": neutral[0], "written": written[0], **_met(written[0], text.gold)},
            "states": [
                {"factor": state.factor, "seed": state.seed, "logs": row, "perplexity": perplexity}
                for state, row, perplexity in zip(states, logs[1:], neutral[1:], strict=True)
            ],
            "written": [{"text": one, **_met(one, text.gold)} for one in written[1:]],
        }
        return Partial(None, (ItemRow(shard.first, "text", [], {"neurons": float(len(members))}, notes),))

    def members(self, text: FreeText) -> Members:
        """The neurons that are scaled for a text."""
        whose = self.question.whose
        if whose == OWN and text.query:
            return self.sets.relevant[text.query].neurons
        if whose == DOMAIN and text.domain:
            return self.sets.by_domain[text.domain]
        return self.sets.by_domain[whose] if whose in self.sets.by_domain else self.sets.relevant[whose].neurons

    def states(self, members: Members) -> list[Scaled]:
        """Every factor: the neurons, then random ones of the same blocks."""
        seeds = range(self.question.seed, self.question.seed + self.question.seeds) if len(members) else range(0)
        random = [(random_matched(members, self.sets.space, seed), seed) for seed in seeds]
        states = []
        for factor in self.question.factors:
            states.append(Scaled(factor, members))
            states += [Scaled(factor, drawn, seed) for drawn, seed in random]
        return states

    def setting(self, state: Scaled, everywhere: bool = False) -> Setting:
        """What is done: at the tokens that were asked for, or at all of them."""
        ways: dict[str, dict[str, Any]] = {
            "last": {"readout": True},
            "prompt": {"segments": self._parts},
            "generated": {"generated": self.question.every},
            "all": {},
        }
        where = ways["all" if everywhere else self.question.positions]
        count = len(state.members)
        return Setting("target", state.members, op=Op.SCALE, amount=state.factor, count=count, **where)

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        return self._encoded(self.texts[0].prompt).segments

    def _ways(self, text: FreeText) -> list[list[int]]:
        """The answer's tokens in each way that was asked for and is possible.

        Raises:
            BadInput: none is.
        """
        ways = BLANKS if self.question.blank == "auto" else (self.question.blank,)
        found, fault = [], None
        for way in ways:
            try:
                found.append(added_tokens(self.host.tokenizer, text.prompt, text.gold, way))
            except BadInput as error:
                fault = fault or error
        if not found and fault is not None:
            raise fault
        return found

    def _gold(self, text: FreeText, batch: Batch, states: Sequence[Scaled]) -> tuple[list[int], list[list[float]]]:
        """The answer's tokens, in the way that the intact model finds likelier, and [1 + S][n] log probabilities."""
        ways = self._ways(text)
        sums = [float(forced(self.host, batch, tokens).sum()) for tokens in ways] if len(ways) > 1 else [0.0]
        tokens = ways[int(np.argmax(sums))]
        return tokens, self._read(batch, tokens, [Setting(), *(self.setting(state) for state in states)])

    def _read(self, batch: Batch, tokens: Sequence[int], settings: Sequence[Setting]) -> list[list[float]]:
        """[S][n] log probabilities of tokens behind one prompt, under each setting."""
        at_once = max(1, TOKENS.get(self.host.device.type, 2048) // batch.mask.shape[1])
        rows: list[list[float]] = []
        for first in range(0, len(settings), at_once):
            cells = [Cell(0, setting) for setting in settings[first : first + at_once]]
            edits = compile_edits(self.sets.space, cells, Sources())
            rows += forced(self.host, batch.take([0] * len(cells)), tokens, edits).double().tolist()
        return rows

    def _perplexities(self, members: Members, states: Sequence[Scaled]) -> list[float]:
        """[1 + S] perplexity of the unrelated text, all of its tokens edited; once for the same neurons."""
        key = members.tobytes()
        if key not in self._neutral:
            whole = self._encoded(self.question.neutral)
            tokens = whole.inputs["input_ids"][0].tolist()
            first = whole.before(torch.ones_like(whole.readout))
            settings = [Setting(), *(self.setting(state, everywhere=True) for state in states)]
            rows = self._read(first, tokens[1:], settings)
            self._neutral[key] = [float(np.exp(-np.mean(row))) for row in rows]
        return self._neutral[key]

    def _written(self, batch: Batch, states: Sequence[Scaled]) -> list[str]:
        """[1 + F] what the model writes, intact and under every factor."""
        cells = [Cell(0, Setting()), *(Cell(0, self.setting(state)) for state in states)]
        edits = compile_edits(self.sets.space, cells, Sources())
        return list(self.host.generate(batch.take([0] * len(cells)), self.question.max_new, edits=edits).texts)

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many texts, and what was left out."""
        return Finished((), {"n": plan["items"], "factors": list(self.question.factors)}, tuple(self._warnings(plan)))

    def _warnings(self, plan: Mapping[str, Any]) -> Iterator[str]:
        if plan["unreadable"]:
            examples = "; ".join(plan["unreadable"][:3])
            yield f"{len(plan['unreadable'])} texts were left out: the model cannot read their answers ({examples})."
        if plan["cut"]:
            yield f"{plan['cut']} prompts are longer than {self.search.max_length} tokens and were cut."
        if plan["neutral_cut"]:
            yield f"The unrelated text is longer than {self.search.max_length} tokens and was cut."
        if any(wording.options for query in self.queries.values() for wording in query.wordings):
            yield "The prompts ask for a letter; what is read behind them is the answer in words."
        kept = [self.texts[number] for number in plan["texts"]]
        empty = sum(not len(self.members(text)) for text in kept)
        if empty:
            yield f"{empty} texts have no neuron under these thresholds; nothing is edited for them."


def _met(written: str, gold: str) -> dict[str, Any]:
    return {"exact": begins_with(written, gold), "rouge": rouge_l(written, gold)}
