"""The work of a look at what a model would write: one forward pass a prompt.

Source: ``qrnca.md`` section 3, letter tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.targets import TargetSpec
from app.domain.variants import BLANKS, Variant
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.writes.question import WritesQuestion
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.tasks import tasks
from app.models.variants import variant, variants

LIKELIEST = 10


class WritesWork:
    """The likeliest tokens of each prompt, and those of the proposed answers."""

    def __init__(self, question: WritesQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.host = question, host

    def plan(self) -> dict[str, Any]:
        """How many prompts."""
        sentence = "probability of the next token, softmax over the whole vocabulary"
        return {"items": len(self.question.prompts), "target": {"unit": "probability", "sentence": sentence}}

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One prompt each."""
        return tuple(Shard(number, number, 1, 1) for number in range(plan["items"]))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """The tokens of one prompt."""
        example = self.question.examples[shard.first]
        batch = self.host.encode([example], max_length=self.question.max_length)
        shares = torch.softmax(self.host.run(batch, None).logits[0].double(), dim=0)
        likeliest = [
            self._token(batch, token, float(shares[token])) for token in shares.topk(LIKELIEST).indices.tolist()
        ]
        read = [self._read(batch, answer) for answer in self.question.answers]
        taken = self._taken(read, shares)
        answers = [
            self._answer(answer, ways, way, shares)
            for answer, ways, way in zip(self.question.answers, read, taken, strict=True)
        ]
        seen = self.host.seen(example, max_length=self.question.max_length)
        values = {"probability": likeliest[0]["probability"], "together": sum(row["probability"] for row in likeliest)}
        notes = {"likeliest": likeliest, "answers": answers, "cut": seen.cut_query, "tokens": len(seen.tokens)}
        return Partial(None, (ItemRow(shard.first, "prompt", [], values, notes),))

    def _token(self, batch: Batch, token: int, probability: float) -> dict[str, Any]:
        """One likely token: also what to write so that it is meant, alone as a target and behind the prompt."""
        text = self.host.tokenizer.decode([token])
        return {
            "token": token,
            "text": text,
            "probability": probability,
            "alone": self._alone(batch, token, text),
            "behind": self._behind(batch.examples[0], token, text.strip()),
        }

    def _alone(self, batch: Batch, token: int, text: str) -> str:
        """The text that a target of this model reads as the token; empty where there is none."""
        for written in dict.fromkeys((text, text.strip())):
            spec = TargetSpec(token=written)
            try:
                one = len(self.host.encoder.asked(spec, batch.examples)) == 1
                if one and self.host.target(spec, batch).resolved.token_id == token:
                    return str(written)
            except BadInput:
                continue
        return ""

    def _behind(self, example: Example, token: int, text: str) -> str:
        """The text that is this token behind the prompt, blank or not; empty where there is none."""
        ways = variants(self.host.tokenizer, example.query, text) if text else ()
        return text if any(way.single and way.ids == (token,) for way in ways) else ""

    def _read(self, batch: Batch, answer: str) -> tuple[Variant, ...]:
        """A proposed answer, in every way that this model reads one."""
        if tasks()[batch.task].continues:
            return tuple(variant(self.host.tokenizer, batch.examples[0].query, answer, blank) for blank in BLANKS)
        spec = TargetSpec(token=answer)
        try:
            pieces = self.host.encoder.asked(spec, batch.examples)
            token = self.host.target(spec, batch).resolved.token_id
        except BadInput:
            return (Variant("mask", answer, (), ()),)
        return (Variant("mask", answer, () if token is None else (token,), pieces),)

    def _taken(self, read: Sequence[tuple[Variant, ...]], shares: Tensor) -> list[str]:
        """The way that ``auto`` takes for each answer; empty where no way is one token. Options of one question are all
        read in one way, that whose tokens have more probability together."""
        groups = [list(read)] if self.question.options else [[ways] for ways in read]
        taken: list[str] = []
        for group in groups:
            mass = {}
            for blank in dict.fromkeys(one.blank for ways in group for one in ways):
                same = [one for ways in group for one in ways if one.blank == blank]
                if all(one.single for one in same):
                    mass[blank] = float(sum(shares[one.ids[0]] for one in same))
            taken += [max(mass, key=lambda blank: mass[blank]) if mass else ""] * len(group)
        return taken

    def _answer(self, answer: str, ways: Sequence[Variant], taken: str, shares: Tensor) -> dict[str, Any]:
        """A proposed answer: each way with the probability of its first token, and the way that is taken."""
        rows = [
            {
                **asdict(way),
                "single": way.single,
                "fault": "" if way.fault is None else f"Expected {way.fault.expected}. Found {way.fault.found}.",
                "probability": float(shares[way.ids[0]]) if way.ids else None,
            }
            for way in ways
        ]
        return {"text": answer, "taken": taken, "ways": rows}

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many prompts were read."""
        return Finished((), {"n": plan["items"], "answers": len(self.question.answers)}, ())
