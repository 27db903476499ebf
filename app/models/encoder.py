"""From texts to model inputs: the tokenizer, and the ways in which its model can be read.

Axes: B examples, T tokens of the longest one.
"""

from collections.abc import Sequence
from typing import Any

import torch

from app.domain.errors import BadInput
from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS, Example, Seen
from app.domain.targets import TargetSpec
from app.domain.variants import Variant
from app.models.encoding import Batch, SharedTokenizer
from app.models.tasks.base import EncodedRow, Task
from app.models.variants import variants


class Encoder:
    """A tokenizer with the input forms of its model.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        tasks: the ways in which the model can be read, the default first.
        max_length: the model's own limit in tokens.
        decoder_start: first decoder token of encoder-decoder models.
        causal: a token of the model sees only those before it, so the last one carries the answer.
        vocabulary: tokens that the model has word embeddings for; None where that is not known.
    """

    def __init__(
        self,
        tokenizer: Any,
        tasks: Sequence[Task],
        max_length: int,
        decoder_start: int | None = None,
        causal: bool = False,
        vocabulary: int | None = None,
    ) -> None:
        self.tasks, self.max_length = tuple(tasks), max_length
        self.decoder_start, self.causal, self.vocabulary = decoder_start, causal, vocabulary
        self._shared = SharedTokenizer(tokenizer)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer itself."""
        return self._shared.own

    @property
    def padding(self) -> int:
        """The token that fills up shorter rows: the tokenizer's own where the model has an embedding for it, else the
        first one; it is masked, so any will do."""
        own = self.tokenizer.pad_token_id
        return own if own is not None and (self.vocabulary is None or own < self.vocabulary) else 0

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
        rows = [self._row(task, example, self._limit(max_length)) for example in examples]
        width = max(len(row.ids) for row in rows)
        mask = _padded([[1] * len(row.ids) for row in rows], width, 0)
        names = task.segments
        segment = _padded([[names.index(span.segment) for span in row.spans] for row in rows], width, 0)
        inputs: dict[str, torch.Tensor] = {
            "input_ids": _padded([row.ids for row in rows], width, self.padding),
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
        spans = self._row(task, example, limit).spans
        texts = task.texts(example, self.tokenizer)
        lengths = [*(self._shared.count(text) for text in texts), 0][:2]
        kept = [sum(span.segment in names for span in spans) for names in ((*FIRST_SEGMENTS, "mask"), SECOND_SEGMENTS)]
        unknown = sum(span.text == self.tokenizer.unk_token for span in spans)
        cut = [max(0, length - have) for length, have in zip(lengths, kept, strict=True)]
        return Seen(spans, lengths[0], lengths[1], cut[0], cut[1], unknown, limit, task.loses(self.tokenizer))

    def _row(self, task: Task, example: Example, limit: int) -> EncodedRow:
        """An example as one row of tokens that the model knows.

        Raises:
            BadInput: a token without a word embedding, or texts that cannot be read so.
        """
        row = task.row(example, self._shared, limit)
        if not row.ids:
            raise BadInput("a text of at least one token", "none in this one", "Type or paste some words.", "query")
        strange = [at for at, token in enumerate(row.ids) if self.vocabulary is not None and token >= self.vocabulary]
        if strange:
            token, text = row.ids[strange[0]], row.spans[strange[0]].text
            raise BadInput(
                f"tokens that the model has word embeddings for, 0 to {(self.vocabulary or 0) - 1}",
                f"'{text}' (token {token}), which was added to the tokenizer and not to the model",
                "Leave it out of the text, or take a model whose embeddings were resized with its tokenizer.",
                "query",
            )
        return row

    def asked(self, spec: TargetSpec, examples: Sequence[Example]) -> tuple[str, ...]:
        """The tokens of an answer that is asked for by its text, of which the first is explained; none otherwise.

        Raises:
            BadInput: a text that the vocabulary does not have, or examples that do not have one token in common.
        """
        return self.task(examples[0]).asked(spec, examples, self._shared)

    def variants(self, example: Example, text: str) -> tuple[Variant, ...]:
        """A text behind a prompt with a blank in front and without; none where the model does not go on with texts."""
        if not self.task(example).continues:
            return ()
        return variants(self.tokenizer, example.query, text, self._shared)

    def _limit(self, max_length: int | None) -> int:
        return min(max_length or self.max_length, self.max_length)


def _padded(rows: Sequence[Sequence[int]], width: int, empty: int) -> torch.Tensor:
    """[B, width] of rows of numbers, filled up on the right."""
    return torch.tensor([[*row, *[empty] * (width - len(row))] for row in rows])
