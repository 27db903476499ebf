"""From texts to model inputs: the tokenizer, and the ways in which its model can be read.

Axes: B examples, T tokens of the longest one.
"""

from collections.abc import Sequence
from typing import Any

import torch

from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS, Example, Seen
from app.domain.targets import TargetSpec
from app.models.encoding import Batch, SharedTokenizer
from app.models.tasks.base import Task


class Encoder:
    """A tokenizer with the input forms of its model.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        tasks: the ways in which the model can be read, the default first.
        max_length: the model's own limit in tokens.
        decoder_start: first decoder token of encoder-decoder models.
        causal: a token of the model sees only those before it, so the last one carries the answer.
    """

    def __init__(
        self,
        tokenizer: Any,
        tasks: Sequence[Task],
        max_length: int,
        decoder_start: int | None = None,
        causal: bool = False,
    ) -> None:
        self.tasks, self.max_length = tuple(tasks), max_length
        self.decoder_start, self.causal = decoder_start, causal
        self._shared = SharedTokenizer(tokenizer)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer itself."""
        return self._shared.own

    def task(self, example: Example) -> Task:
        """The way in which an example is read: the first that takes its form.

        Raises:
            BadInput: no way does, or an empty text.
        """
        task = next((task for task in self.tasks if task.form == example.form), self.tasks[0])
        task.check(example)
        return task

    def encode(self, examples: Sequence[Example], max_length: int | None, device: torch.device) -> Batch:
        """Encode and pad on the right.

        Raises:
            BadInput: an empty text, or a form that this model does not read.
        """
        task = self.task(examples[0])
        for example in examples:
            task.check(example)
        rows = [task.row(example, self._shared, self._limit(max_length)) for example in examples]
        width = max(len(row.ids) for row in rows)
        mask = _padded([[1] * len(row.ids) for row in rows], width, 0)
        names = task.segments
        segment = _padded([[names.index(span.segment) for span in row.spans] for row in rows], width, 0)
        inputs: dict[str, torch.Tensor] = {
            "input_ids": _padded([row.ids for row in rows], width, self.tokenizer.pad_token_id or 0),
            "attention_mask": mask,
        }
        if task.typed and "token_type_ids" in self.tokenizer.model_input_names:
            inputs["token_type_ids"] = _padded([row.types for row in rows], width, 0)
        inputs |= task.more_inputs(len(rows), self.decoder_start or 0)
        return Batch(
            tuple(examples),
            {name: tensor.to(device) for name, tensor in inputs.items()},
            mask.bool().to(device),
            segment.to(device),
            names,
            tuple(row.spans for row in rows),
            task.readout(mask.bool(), segment, self.causal).to(device),
            task.key,
        )

    def seen(self, example: Example, max_length: int | None) -> Seen:
        """What the model reads of an example and what does not fit."""
        limit, task = self._limit(max_length), self.task(example)
        spans = task.row(example, self._shared, limit).spans
        texts = task.texts(example, self.tokenizer)
        lengths = [*(self._shared.count(text) for text in texts), 0][:2]
        kept = [sum(span.segment in names for span in spans) for names in ((*FIRST_SEGMENTS, "mask"), SECOND_SEGMENTS)]
        unknown = sum(span.text == self.tokenizer.unk_token for span in spans)
        cut = [max(0, length - have) for length, have in zip(lengths, kept, strict=True)]
        return Seen(spans, lengths[0], lengths[1], cut[0], cut[1], unknown, limit)

    def asked(self, spec: TargetSpec, examples: Sequence[Example]) -> tuple[str, ...]:
        """The tokens of an answer that is asked for by its text, of which the first is explained; none otherwise.

        Raises:
            BadInput: a text that the vocabulary does not have, or examples that do not have one token in common.
        """
        return self.task(examples[0]).asked(spec, examples, self._shared)

    def _limit(self, max_length: int | None) -> int:
        return min(max_length or self.max_length, self.max_length)


def _padded(rows: Sequence[Sequence[int]], width: int, empty: int) -> torch.Tensor:
    """[B, width] of rows of numbers, filled up on the right."""
    return torch.tensor([[*row, *[empty] * (width - len(row))] for row in rows])
