"""From texts to model inputs, with every token's part, word and character span kept.

Axes: B examples, T tokens of the longest one.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import CONTENT_SEGMENTS, PAIR_SEGMENTS, Example, Seen, TokenSpan
from app.domain.model_card import Task

TEMPLATE = ("Query: ", " Document: ", " Relevant:")
"""Input template of monoT5; its words count as special (``nig.md`` section 4)."""

SEGMENTS: Mapping[Task, tuple[str, ...]] = {
    "ranker": PAIR_SEGMENTS,
    "yes_no": ("template", "query", "passage", "eos", "decoder"),
    "causal_lm": ("special", "prompt"),
}


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
        readout: [B] position that carries the answer: [CLS], or the last prompt token.
    """

    examples: tuple[Example, ...]
    inputs: Mapping[str, Tensor]
    mask: Tensor
    segment: Tensor
    segments: tuple[str, ...]
    spans: tuple[tuple[TokenSpan, ...], ...]
    readout: Tensor

    @property
    def special(self) -> frozenset[str]:
        """Parts that are not the user's text."""
        return frozenset(self.segments) - CONTENT_SEGMENTS

    def take(self, rows: Sequence[int]) -> "Batch":
        """These rows, repeated and reordered."""
        index = torch.as_tensor(rows, device=self.mask.device)
        pick = lambda tensor: tensor.index_select(0, index)  # noqa: E731
        return Batch(
            tuple(self.examples[row] for row in rows),
            {name: pick(tensor) for name, tensor in self.inputs.items()},
            pick(self.mask),
            pick(self.segment),
            self.segments,
            tuple(self.spans[row] for row in rows),
            pick(self.readout),
        )

    def axis(self, tokens: int) -> tuple[Tensor, Tensor]:
        """([B, tokens] mask, [B, tokens] part numbers) of a site by the length of its token axis.

        It is the input's own, or that of the decoder's steps, whose part is ``decoder``.
        """
        if tokens == self.mask.shape[1]:
            return self.mask, self.segment
        mask = self.mask.new_ones(len(self.examples), tokens)
        return mask, self.segment.new_full(mask.shape, self.segments.index("decoder"))

    def where(self, segments: Collection[str] | None, tokens: int | None = None) -> Tensor:
        """[B, T] tokens of these parts, padding excluded; None for every token.

        ``tokens`` is the length of the site's token axis, that of the input unless it is given.

        Raises:
            BadInput: a part that this batch does not have.
        """
        mask, segment = self.axis(self.mask.shape[1] if tokens is None else tokens)
        if segments is None:
            return mask
        unknown = sorted(set(segments) - set(self.segments))
        if unknown:
            raise BadInput(f"parts among {', '.join(self.segments)}", ", ".join(unknown), "Choose one of them.", "part")
        numbers = torch.tensor([self.segments.index(name) for name in segments], device=mask.device)
        return mask & torch.isin(segment, numbers)


class Encoder:
    """A tokenizer with the input form of its model.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        task: decides the form: pair, template, or prompt.
        max_length: the model's own limit in tokens.
        decoder_start: first decoder token of encoder-decoder models.
    """

    def __init__(self, tokenizer: Any, task: Task, max_length: int, decoder_start: int | None = None) -> None:
        self.tokenizer, self.task = tokenizer, task
        self._lock = threading.Lock()
        self.max_length, self.decoder_start = max_length, decoder_start

    def encode(self, examples: Sequence[Example], max_length: int | None, device: torch.device) -> Batch:
        """Encode and pad on the right.

        Raises:
            BadInput: an empty text, or a form that this model does not read.
        """
        rows = [self._row(example, self._limit(max_length)) for example in examples]
        width = max(len(ids) for ids, _, _ in rows)
        pad = self.tokenizer.pad_token_id or 0
        names = SEGMENTS[self.task]
        filled = lambda values, empty: [*values, *[empty] * (width - len(values))]  # noqa: E731
        ids = torch.tensor([filled(ids, pad) for ids, _, _ in rows])
        mask = torch.tensor([filled([1] * len(ids), 0) for ids, _, _ in rows])
        segment = torch.tensor([filled([names.index(s.segment) for s in spans], 0) for _, _, spans in rows])
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.tokenizer.model_input_names and self.task == "ranker":
            inputs["token_type_ids"] = torch.tensor([filled(types, 0) for _, types, _ in rows])
        if self.task == "yes_no":
            inputs["decoder_input_ids"] = torch.full((len(rows), 1), self.decoder_start or 0)
        readout = mask.sum(1) - 1 if self.task == "causal_lm" else torch.zeros(len(rows), dtype=torch.long)
        return Batch(
            tuple(examples),
            {name: tensor.to(device) for name, tensor in inputs.items()},
            mask.bool().to(device),
            segment.to(device),
            names,
            tuple(tuple(spans) for _, _, spans in rows),
            readout.to(device),
        )

    def seen(self, example: Example, max_length: int | None) -> Seen:
        """What the model reads of an example and what does not fit."""
        limit = self._limit(max_length)
        _, _, spans = self._row(example, limit)
        lengths = [self._count(example.query), self._count(example.passage or "")]
        kept = [sum(s.segment in names for s in spans) for names in (("query", "prompt"), ("passage",))]
        unknown = sum(s.text == self.tokenizer.unk_token for s in spans)
        cut = [max(0, length - have) for length, have in zip(lengths, kept, strict=True)]
        return Seen(tuple(spans), lengths[0], lengths[1], cut[0], cut[1], unknown, limit)

    def _limit(self, max_length: int | None) -> int:
        return min(max_length or self.max_length, self.max_length)

    def _count(self, text: str) -> int:
        return len(self._tokens(text, add_special_tokens=False, truncation=False)["input_ids"])

    def _tokens(self, *texts: str, **how: Any) -> Any:
        """The tokenizer's answer. It keeps how to cut in itself, so two threads must not use it at once."""
        with self._lock:
            return self.tokenizer(*texts, verbose=False, **how)

    def _row(self, example: Example, limit: int) -> tuple[list[int], list[int], list[TokenSpan]]:
        _check_form(example, self.task)
        if self.task == "yes_no":
            return self._template_row(example, limit)
        texts = (example.query,) if example.passage is None else (example.query, example.passage)
        special = self.tokenizer.num_special_tokens_to_add(pair=len(texts) == 2)
        room = limit - special - (self._count(example.query) if len(texts) == 2 else 0)
        how = "only_second" if len(texts) == 2 and room > 0 else "longest_first"
        found = self._tokens(*texts, truncation=how, max_length=limit, return_offsets_mapping=True)
        encoding = found.encodings[0]
        types = found.get("token_type_ids") or [0] * len(encoding.ids)
        return list(encoding.ids), list(types), _spans(encoding, self.task)

    def _template_row(self, example: Example, limit: int) -> tuple[list[int], list[int], list[TokenSpan]]:
        """The template with the passage cut so that the words after it stay."""
        head, middle, tail = TEMPLATE
        query, passage = example.query, example.passage or ""
        text = f"{head}{query}{middle}{passage}{tail}"
        found = self._tokens(text, return_offsets_mapping=True, truncation=False).encodings[0]
        marks = _marks(len(head), len(query), len(middle), len(passage))
        spans = [_template_span(found, at, marks) for at in range(len(found.ids))]
        over = len(found.ids) - limit
        drop: set[int] = set()
        for name in ("passage", "query"):
            places = [at for at, span in enumerate(spans) if span.segment == name]
            drop |= set(places[max(0, len(places) - max(0, over - len(drop))) :]) if over > len(drop) else set()
        keep = [at for at in range(len(found.ids)) if at not in drop]
        return [found.ids[at] for at in keep], [0] * len(keep), [spans[at] for at in keep]


def _check_form(example: Example, task: Task) -> None:
    wanted = "prompt" if task == "causal_lm" else "pair"
    if example.form != wanted:
        raise BadInput(
            f"a {'prompt' if wanted == 'prompt' else 'query with a passage'} for this model",
            f"a {example.form}",
            "Choose the other input form, or another model.",
            "passage",
        )
    for field, text in (("query", example.query), ("passage", example.passage)):
        if text is not None and not text.strip():
            raise BadInput(f"some text as the {field}", "an empty text", f"Type or paste the {field}.", field)


def _spans(encoding: Any, task: Task) -> list[TokenSpan]:
    """Spans of a pair or prompt; special tokens get their part by position."""
    names = {0: "prompt" if task == "causal_lm" else "query", 1: "passage"}
    spans, last = [], -1
    for text, sequence, word, (start, end) in zip(
        encoding.tokens, encoding.sequence_ids, encoding.word_ids, encoding.offsets, strict=True
    ):
        if sequence is None:
            part = "special" if task == "causal_lm" else {-1: "cls", 0: "sep1", 1: "sep2"}[last]
            spans.append(TokenSpan(text, part, -1, 0, 0))
        else:
            last = sequence
            spans.append(TokenSpan(text, names[sequence], -1 if word is None else word, start, end))
    return spans


def _marks(head: int, query: int, middle: int, passage: int) -> dict[str, tuple[int, int]]:
    second = head + query + middle
    return {"query": (head, head + query), "passage": (second, second + passage)}


def _template_span(encoding: Any, at: int, marks: Mapping[str, tuple[int, int]]) -> TokenSpan:
    text, word, (start, end) = encoding.tokens[at], encoding.word_ids[at], encoding.offsets[at]
    if word is None:
        return TokenSpan(text, "eos", -1, 0, 0)
    for name, (first, last) in marks.items():
        if first < end <= last and start >= first - 1:
            return TokenSpan(text, name, word, max(0, start - first), end - first)
    return TokenSpan(text, "template", -1, 0, 0)


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
