"""Extractive question answering: where in a context the answer stands.

The answer is the unedited model's own: the best pair of a first and a last token of the context. It is found once,
when the input is encoded, and stays what is explained under every edit. Its logits stand against those of all other
answers, so that a softmax over the two is the softmax over the context's tokens.

Axes: B rows, T tokens.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoModelForQuestionAnswering

from app.domain.errors import BadInput
from app.domain.examples import ANSWER_SEGMENTS, Example
from app.domain.model_card import Readable
from app.domain.positions import Positions
from app.domain.targets import AnswerPart, ResolvedTarget, TargetName, TargetSpec
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import UNITS, Target
from app.models.tasks.base import AnswerField, Answers, EncodedRow, Task

LONGEST = 30
"""Tokens of an answer, at most."""
COLUMNS: dict[AnswerPart, tuple[int, int]] = {"span": (0, 1), "start": (2, 3), "end": (4, 5)}
"""Logits of an answer, and of all others."""
SENTENCES: dict[AnswerPart, str] = {
    "span": "the answer {}, start and end together",
    "start": "the start of the answer {}",
    "end": "the end of the answer {}",
}


class Span(Task):
    """A question with a context, and the predicted answer in it."""

    key: ClassVar[str] = "span"
    title: ClassVar[str] = "extractive question answering: where the answer stands in a context"
    heads: ClassVar[tuple[str, ...]] = ("ForQuestionAnswering",)
    loader: ClassVar[Any] = AutoModelForQuestionAnswering
    first: ClassVar[str] = "question"
    second: ClassVar[str | None] = "context"
    segments: ClassVar[tuple[str, ...]] = ANSWER_SEGMENTS
    asks: ClassVar[tuple[AnswerField, ...]] = ("answer",)

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """The question, then as much of the context as fits.

        Raises:
            BadInput: fewer than two tokens of the context, so that there is no choice to explain.
        """
        row = super().row(example, tokenizer, limit)
        count = sum(span.segment == "context" for span in row.spans)
        if count < 2:
            raise BadInput(
                "two tokens of the context at least",
                str(count),
                "Lengthen the context, or shorten the question so that more of it fits.",
                "passage",
            )
        return row

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, 6] logits of the span, its start and its end, each beside that of all others (``COLUMNS``).

        Before the answer is known (``batch.answer``): [B, 2T] start and end logits, -inf outside of the context.
        """
        output = model(**batch.inputs)
        outside = ~batch.where(Positions(("context",)))
        start, end = (
            (logits if logits.dtype is torch.float64 else logits.float()).masked_fill(outside, -torch.inf)
            for logits in (output.start_logits, output.end_logits)
        )
        if batch.answer is None:
            return torch.cat([start, end], dim=1)
        first, others_first = _against(start, batch.answer[:, 0])
        last, others_last = _against(end, batch.answer[:, 1])
        others = torch.logaddexp(others_first + torch.logsumexp(end, 1), first + others_last)
        return torch.stack([first + last, others, first, others_first, last, others_last], dim=1)

    def settled(self, batch: Batch, run: Callable[[Batch], Tensor]) -> Batch:
        """The batch with the predicted answer of each row."""
        start, end = run(batch).chunk(2, dim=1)
        answer = torch.stack([_best(row, other) for row, other in zip(start, end, strict=True)])
        return batch.with_answer(answer)

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the predicted answer, by default its logits' sum."""
        name, part = _resolved(spec)
        places: tuple[tuple[int, int], ...] = ()
        named = "that the model predicts"
        if batch is not None and batch.answer is not None:
            places = tuple((int(first), int(last)) for first, last in batch.answer.tolist())
            named = ", ".join(_quoted(batch, row) for row in range(len(places)))
        sentence = f"{UNITS[name]} of {SENTENCES[part].format(named)}"
        return Target(ResolvedTarget(name=name, unit=UNITS[name], sentence=sentence, answers=places), COLUMNS[part], 0)

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """Which answer it is, the model has to tell."""
        name, part = _resolved(spec)
        return f"{UNITS[name]} of {SENTENCES[part].format('that the model predicts')}"

    def probes(self) -> tuple[Example, Example]:
        """Two questions with a context; the shorter context still leaves a choice."""
        return Example("0", "a b c", "d e a f b"), Example("1", "a", "b c")


def _resolved(spec: TargetSpec) -> tuple[TargetName, AnswerPart]:
    name: TargetName = "logit" if spec.name == "default" else spec.name
    return name, spec.answer or "span"


def _against(logits: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """([B] logit of the chosen token, [B] log of the summed exponentials of all others), from [B, T]."""
    others = logits.scatter(1, chosen[:, None], -torch.inf)
    return logits.gather(1, chosen[:, None])[:, 0], torch.logsumexp(others, dim=1)


def _best(start: Tensor, end: Tensor) -> Tensor:
    """[2] first and last token of the best answer of at most ``LONGEST`` tokens, from [T] logits of each."""
    allowed = torch.ones(len(start), len(end), dtype=torch.bool, device=start.device).triu().tril(LONGEST - 1)
    best = (start[:, None] + end).masked_fill(~allowed, -torch.inf).argmax()
    return torch.stack([best // len(end), best % len(end)])


def _quoted(batch: Batch, row: int) -> str:
    """An answer in the words of the context, with the numbers of its tokens."""
    first, last = (int(at) for at in batch.answer[row]) if batch.answer is not None else (0, 0)
    spans, context = batch.spans[row], batch.examples[row].passage or ""
    places = f"token {first}" if first == last else f"tokens {first} to {last}"
    return f"'{context[spans[first].start : spans[last].end]}' ({places})"


TASK = Span()
