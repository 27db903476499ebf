"""A masked language model: the token at the one mask of a text."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.model_card import Readable
from app.domain.targets import TargetSpec
from app.models.architectures.base import Shape
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import Target, token_target
from app.models.tasks.base import AnswerField, Answers, EncodedRow, Task, agreed

WRITTEN = ("[MASK]", "<mask>")
"""What a user may write for the mask, besides the model's own mask token."""


class Mask(NamedTuple):
    """The mask in a user's text: the text before and after it, and how it was written there."""

    before: str
    written: str
    after: str


class Masked(Task):
    """A text with one mask, and the token that belongs there."""

    key: ClassVar[str] = "masked"
    title: ClassVar[str] = "masked language model: the token at the mask of a text"
    heads: ClassVar[tuple[str, ...]] = ("ForMaskedLM",)
    loader: ClassVar[Any] = AutoModelForMaskedLM
    shapes: ClassVar[tuple[Shape, ...]] = ("encoder",)
    first: ClassVar[str] = "text"
    segments: ClassVar[tuple[str, ...]] = ("special", "text", "mask")
    asks: ClassVar[tuple[AnswerField, ...]] = ("token",)

    def check_tokenizer(self, tokenizer: Any) -> None:
        """See that the vocabulary has a mask token."""
        if tokenizer.mask_token is None:
            raise Unsupported(
                "a tokenizer with a mask token", "none", "Copy the model's tokenizer again, with its settings.", "model"
            )

    def texts(self, example: Example, tokenizer: Any) -> tuple[str, ...]:
        """The text, with the mask as the model writes it."""
        mask = _mask_of(example.query, tokenizer)
        return (f"{mask.before}{tokenizer.mask_token}{mask.after}",)

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """The text; spans are those of the text as the user wrote it.

        Raises:
            BadInput: no mask or several, or one behind the last token that fits.
        """
        mask, own = _mask_of(example.query, tokenizer.own), tokenizer.own
        row = super().row(example, tokenizer, limit)
        if own.mask_token_id not in row.ids:
            raise BadInput(
                f"the mask among the first {limit} tokens of the text",
                "a mask behind them",
                "Shorten the text before the mask, or raise the longest input.",
                "query",
            )
        at, start = row.ids.index(own.mask_token_id), len(mask.before)
        longer = len(mask.written) - len(own.mask_token)
        after = start + len(own.mask_token)
        spans = [
            replace(span, start=span.start + longer, end=span.end + longer) if span.start >= after else span
            for span in row.spans
        ]
        spans[at] = replace(spans[at], segment="mask", word=-1, start=start, end=start + len(mask.written))
        return replace(row, spans=tuple(spans))

    def readout(self, mask: Tensor, segment: Tensor, causal: bool) -> Tensor:
        """[B] the mask."""
        return (mask & (segment == self.segments.index("mask"))).int().argmax(1)

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, V] logits of the token at the mask."""
        rows = torch.arange(len(batch.readout), device=batch.readout.device)
        logits: Tensor = model(**batch.inputs).logits[rows, batch.readout]
        return logits

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the token asked for, or of the one that the model predicts.

        Raises:
            BadInput: a word that the vocabulary lacks, or inputs of one batch that do not have one token in common.
        """
        if spec.token is not None:
            return _asked(spec, spec.token, host, batch)
        if batch is None:
            return token_target(spec.name, 0, host.tokenizer.decode([0]), "at the mask, to be predicted")
        predicted = agreed(host.run(batch, None).logits.argmax(1).tolist(), "token")
        word = host.tokenizer.decode([predicted])
        return token_target(spec.name, predicted, word, "at the mask, predicted by the model")

    def asked(self, spec: TargetSpec, examples: Sequence[Example], tokenizer: SharedTokenizer) -> tuple[str, ...]:
        """The tokens of the word that is asked for, as it is written in place of the mask.

        Raises:
            BadInput: a word that the vocabulary lacks.
        """
        if spec.token is None:
            return ()
        return tuple(tokenizer.own.decode([i]) for i in _written(spec.token, examples, tokenizer.own, tokenizer))

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The token, if it was asked for."""
        return (
            f"the token {spec.token!r} at the mask" if spec.token else "the token that the model predicts at the mask"
        )

    def probes(self) -> tuple[Example, Example]:
        """Two texts with a mask."""
        return Example("0", "a b [MASK] d e f"), Example("1", "a [MASK]")


def _mask_of(text: str, tokenizer: Any) -> Mask:
    """The one mask of a text.

    Raises:
        BadInput: none, or several.
    """
    known = "|".join(map(re.escape, dict.fromkeys((tokenizer.mask_token, *WRITTEN))))
    places = list(re.finditer(known, text))
    if len(places) != 1:
        raise BadInput(
            "a text with one mask",
            f"{len(places) or 'none'} in it",
            f"Write {tokenizer.mask_token} or [MASK] once, in place of the word that the model is to find.",
            "query",
        )
    start, end = places[0].span()
    return Mask(text[:start], text[start:end], text[end:])


def _asked(spec: TargetSpec, word: str, host: Answers, batch: Batch | None) -> Target:
    """The token of a word as the tokenizer would write it in place of the mask."""
    ids = _written(word, () if batch is None else batch.examples, host.tokenizer, host.tokenizer)
    why = "as asked" if len(ids) == 1 else f"the first of {len(ids)} tokens asked for"
    return token_target(spec.name, ids[0], host.tokenizer.decode([ids[0]]), f"at the mask, {why}")


def _written(word: str, examples: Sequence[Example], own: Any, tokenizer: Callable[..., Any]) -> list[int]:
    """Token ids of a word as it is written in place of the mask of every text, of which the first agrees.

    Raises:
        BadInput: a word that the vocabulary lacks, or texts that write it differently.
    """
    spaced = {_spaced(_mask_of(example.query, own).before) for example in examples} or {True}
    texts = [f" {word.strip()}" if space else word.strip() for space in sorted(spaced)]
    choices = [_ids(text, tokenizer, own.unk_token_id) for text in texts]
    agreed([ids[0] for ids in choices], "token")
    return choices[0]


def _spaced(before: str) -> bool:
    """Whether a word after this text begins behind a space, which some vocabularies make a part of it."""
    return before != before.rstrip()


def _ids(text: str, tokenizer: Callable[..., Any], unknown: int | None) -> list[int]:
    """Token ids of a word, the first of them not the ``unknown`` one.

    Raises:
        BadInput: it has no token, or an unknown one.
    """
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids or ids[0] == unknown:
        way = "Name a word of its vocabulary, or leave the field empty for the predicted one."
        raise BadInput("a word that the model's vocabulary has", f"'{text.strip()}'", way, "token")
    return ids


TASK = Masked()
