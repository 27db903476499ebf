"""Encoded inputs, with every token's part, word and character span kept.

Axes: B examples, T tokens of the longest one.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import CONTENT_SEGMENTS, Example, TokenSpan
from app.domain.positions import GENERATED, Positions


@dataclass(frozen=True)
class Batch:
    """Encoded examples.

    Args:
        examples: one per row.
        inputs: forward arguments, [B, ...] each.
        mask: [B, T] True at tokens that are not padding.
        segment: [B, T] number of the part, an index into ``segments``.
        segments: names of the parts.
        spans: per row, one span per token that is not padding.
        readout: [B] position that carries the answer: [CLS], the mask, or the last token.
        task: key of the way in which the model is read.
        answer: [B, 2] first and last token of the answer, where the unedited model's own is explained; else None.
        written: of the end of longer rows, [B] tokens in front of it that the model wrote itself; else None.
        cut: of the beginning of longer rows, [B] True where the token that carries the answer lies behind it, and
            ``readout`` is only its last one; else None.
    """

    examples: tuple[Example, ...]
    inputs: Mapping[str, Tensor]
    mask: Tensor
    segment: Tensor
    segments: tuple[str, ...]
    spans: tuple[tuple[TokenSpan, ...], ...]
    readout: Tensor
    task: str
    answer: Tensor | None = None
    written: Tensor | None = None
    cut: Tensor | None = None

    @property
    def special(self) -> frozenset[str]:
        """Parts that are not the user's text."""
        return frozenset(self.segments) - CONTENT_SEGMENTS

    def take(self, rows: Sequence[int]) -> "Batch":
        """These rows, repeated and reordered."""
        index = torch.as_tensor(rows, device=self.mask.device)
        return Batch(
            tuple(self.examples[row] for row in rows),
            {name: tensor.index_select(0, index) for name, tensor in self.inputs.items()},
            self.mask.index_select(0, index),
            self.segment.index_select(0, index),
            self.segments,
            tuple(self.spans[row] for row in rows),
            self.readout.index_select(0, index),
            self.task,
            *(None if part is None else part.index_select(0, index) for part in (self.answer, self.written, self.cut)),
        )

    def with_answer(self, answer: Tensor) -> "Batch":
        """The same rows with [B, 2] the first and last token of each one's answer."""
        return replace(self, answer=answer)

    def before(self, lengths: Tensor) -> "Batch":
        """The first ``lengths`` [B] tokens of each row, read at the last of them."""
        width = int(lengths.max())
        return self._window(torch.zeros_like(lengths), lengths, width)

    def after(self, lengths: Tensor) -> "Batch":
        """The tokens behind the first ``lengths`` [B] of each row, moved to the left, with their positions in it."""
        counts = self.mask.sum(1) - lengths
        return self._window(lengths, counts, int(counts.max()))

    def followed(self, ids: Tensor, texts: Sequence[str]) -> "Batch":
        """Each row with one more token, ``ids`` [B] and its ``texts``, of the part ``generated``; read at it."""
        at = self.mask.sum(1, keepdim=True)
        segments = tuple(dict.fromkeys((*self.segments, GENERATED)))
        mask = _with_column(self.mask, at, 1)
        inputs = {name: _with_column(tensor, at, 0) for name, tensor in self.inputs.items()}
        inputs |= {
            "input_ids": _with_column(self.inputs["input_ids"], at, ids[:, None]),
            "attention_mask": mask.to(self.inputs["attention_mask"].dtype),
        }
        return replace(
            self,
            inputs=inputs,
            mask=mask,
            segment=_with_column(self.segment, at, segments.index(GENERATED)),
            segments=segments,
            spans=tuple(
                (*spans, TokenSpan(text, GENERATED, -1, 0, 0)) for spans, text in zip(self.spans, texts, strict=True)
            ),
            readout=at[:, 0],
        )

    def _window(self, first: Tensor, counts: Tensor, width: int) -> "Batch":
        """``counts`` [B] tokens of each row from ``first`` [B] on, as wide as the most of them."""
        step = torch.arange(width, device=self.mask.device)
        mask, position = step < counts[:, None], first[:, None] + step
        index = position.clamp(max=self.mask.shape[1] - 1)
        inputs = {
            name: tensor.gather(1, index) if tensor.shape == self.mask.shape else tensor
            for name, tensor in self.inputs.items()
        }
        inputs |= {"attention_mask": mask.to(inputs["attention_mask"].dtype), "position_ids": position}
        ends = zip(first.tolist(), (first + counts).tolist(), self.spans, strict=True)
        behind = self.readout - first >= counts
        return replace(
            self,
            inputs=inputs,
            mask=mask,
            segment=self.segment.gather(1, index),
            spans=tuple(spans[start:end] for start, end, spans in ends),
            readout=torch.minimum(self.readout - first, counts - 1),
            answer=None if self.answer is None else self.answer - first[:, None],
            written=self._written(first),
            cut=behind if self.cut is None else behind | self.cut,
        )

    def _written(self, first: Tensor) -> Tensor | None:
        """[B] tokens that the model wrote itself in front of token ``first`` [B]; None where it wrote none."""
        if GENERATED not in self.segments:
            return None
        front = torch.arange(self.mask.shape[1], device=first.device) < first[:, None]
        here = (self.where(Positions((GENERATED,))) & front).sum(1)
        return here if self.written is None else here + self.written

    def axis(self, tokens: int) -> tuple[Tensor, Tensor]:
        """([B, tokens] mask, [B, tokens] part numbers) of a site by the length of its token axis.

        It is the input's own, or that of the decoder's steps, whose part is ``decoder``.
        """
        if tokens == self.mask.shape[1]:
            return self.mask, self.segment
        mask = self.mask.new_ones(len(self.examples), tokens)
        return mask, self.segment.new_full(mask.shape, self.segments.index("decoder"))

    def where(self, positions: Positions, tokens: int | None = None) -> Tensor:
        """[B, T] tokens that are meant, padding excluded.

        Args:
            positions: which ones.
            tokens: length of the site's token axis; that of the input unless it is given.

        Raises:
            BadInput: a part that this batch does not have.
        """
        mask, segment = self.axis(self.mask.shape[1] if tokens is None else tokens)
        if positions.everywhere:
            return mask
        meant = mask & False if positions.parts is None else mask & self._inside(segment, positions.parts)
        if positions.readout:
            steps = torch.arange(mask.shape[1], device=mask.device)
            carries = steps == self.readout[:, None]
            meant = meant | (mask & (carries if self.cut is None else carries & ~self.cut[:, None]))
        if positions.generated and GENERATED in self.segments:
            own = mask & self._inside(segment, (GENERATED,))
            earlier = 0 if self.written is None else self.written[:, None]
            meant = meant | (own & ((own.cumsum(1) - 1 + earlier) % positions.generated == 0))
        return meant

    def _inside(self, segment: Tensor, parts: Collection[str]) -> Tensor:
        """[B, T] whether a token's part is one of these."""
        unknown = sorted(set(parts) - set(self.segments))
        if unknown:
            raise BadInput(f"parts among {', '.join(self.segments)}", ", ".join(unknown), "Choose one of them.", "part")
        numbers = torch.tensor([self.segments.index(name) for name in parts], device=segment.device)
        return torch.isin(segment, numbers)


def _with_column(rows: Tensor, at: Tensor, value: Tensor | int) -> Tensor:
    """[B, T] numbers with ``value`` [B, 1] put in at ``at`` [B, 1], one column wider where a row has no room left."""
    missing = max(0, int(at.max()) + 1 - rows.shape[1])
    filled = torch.as_tensor(value, device=rows.device, dtype=rows.dtype).expand_as(at)
    return torch.nn.functional.pad(rows, (0, missing)).scatter(1, at, filled)


class SharedTokenizer:
    """A fast tokenizer that several threads may use: it keeps how to cut in itself, so one at a time gets in."""

    def __init__(self, tokenizer: Any) -> None:
        self.own = tokenizer
        self._lock = threading.Lock()

    def __call__(self, *texts: str, **how: Any) -> Any:
        """The tokenizer's answer.

        Raises:
            Unsupported: its files do not fit together, so that it cannot cut these texts.
        """
        with self._lock:
            try:
                return self.own(*texts, verbose=False, **how)
            except Exception as error:
                if type(error) is not Exception:
                    raise
                raise Unsupported(
                    "a tokenizer that cuts any text",
                    "one that stops at this one: its vocabulary lacks the token for unknown words, or is not its own",
                    "Copy the model's tokenizer again, or save it anew with save_pretrained.",
                    "model",
                ) from error

    def count(self, text: str) -> int:
        """Tokens of a text by itself, special ones excluded."""
        return len(self(text, add_special_tokens=False, truncation=False)["input_ids"])


def fast_tokenizer(tokenizer: Any) -> Any:
    """The tokenizer itself, if it keeps character spans.

    Raises:
        Unsupported: a tokenizer without a fast version.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise Unsupported(
            "a tokenizer with a fast version (tokenizer.json)",
            type(tokenizer).__name__,
            "Convert the tokenizer with transformers and save it beside the weights.",
        )
    return tokenizer
