"""The work of a read-out: columns of the down-projection on the unembedding (``qrnca.md`` section 10)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.results import ItemRow
from app.domain.scores import RunningScores
from app.domain.sites import NeuronIndex
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.readings.question import ReadoutQuestion
from app.models.host import ModelHost

AT_ONCE = 32


class ReadoutWork:
    """The work of one read-out."""

    def __init__(self, question: ReadoutQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.host = question, host

    def plan(self) -> dict[str, Any]:
        """How many neurons.

        Raises:
            BadInput: a neuron that the model does not have. Unsupported: it has no head of tokens.
        """
        space = self.host.space("ffn")
        flat = [space.flat(NeuronIndex.parse(text)) for text in self.question.neurons]
        self._plain(space.index(flat[0]))
        return {"items": len(flat), "vocabulary": int(self._plain(space.index(flat[0])).shape[-1])}

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Some neurons each."""
        starts = range(0, plan["items"], AT_ONCE)
        counts = [min(AT_ONCE, plan["items"] - first) for first in starts]
        return tuple(Shard(at, first, n, n) for at, (first, n) in enumerate(zip(starts, counts, strict=True)))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """A row for each neuron: its tokens without and with the final norm."""
        rows = []
        for item in range(shard.first, shard.first + shard.count):
            self.host.between()
            index = NeuronIndex.parse(self.question.neurons[item])
            notes: dict[str, Any] = {"neuron": str(index), "without": self._ends(self._plain(index), None)}
            try:
                normed = self._normed(index)
                notes["with"] = self._ends(normed, torch.softmax(normed, dim=-1))
            except Unsupported as error:
                notes["no_norm"] = f"{error.expected}; found {error.found}"
            rows.append(ItemRow(item, "reading", [], {}, notes))
        return Partial(None, tuple(rows))

    def _plain(self, index: NeuronIndex) -> Tensor:
        """[V] logits of one unit of activation, straight from the block's output."""
        return self.host.weights.vocabulary(index.layer, [index.unit])[0].double()

    def _normed(self, index: NeuronIndex) -> Tensor:
        """[V] logits of the column alone, through the final norm and the head."""
        with torch.no_grad():
            return self.host.weights.decode(self.host.weights.write(index.layer)[index.unit]).double()

    def _ends(self, logits: Tensor, shares: Tensor | None) -> list[list[list[Any]]]:
        """Tokens raised most, and lowered most: id, text, logit, share of the softmax where there is one."""
        most = min(self.question.tokens, len(logits))
        ends = (logits.topk(most).indices.tolist(), logits.topk(most, largest=False).indices.tolist())
        decode = self.host.tokenizer.decode
        told = [None] * len(logits) if shares is None else shares
        return [
            [[t, decode([t]), float(logits[t]), None if told[t] is None else float(told[t])] for t in tokens]
            for tokens in ends
        ]

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """How many were read."""
        return Finished((), {"n": plan["items"]}, ())
