"""An encoder-decoder that answers a template with one of two words: true or false (monoT5), yes or no, ..."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM

from app.domain.examples import Example, Side, TokenSpan
from app.domain.model_card import Readable
from app.domain.targets import TARGETS, ResolvedTarget, TargetName, TargetSpec
from app.models.answer_words import AnswerWords, asked_words, ids_of, words_of
from app.models.architectures.base import Shape
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import UNITS, Target, relevance_of
from app.models.tasks.base import AnswerField, Answers, EncodedRow, Task

TEMPLATE = ("Query: ", " Document: ", " Relevant:")
"""Input template of monoT5; its words count as special (``nig.md`` section 4)."""


class YesNo(Task):
    """Two texts in a template, and the first word of the answer."""

    key: ClassVar[str] = "yes_no"
    title: ClassVar[str] = "re-ranker that answers with one of two words: true or false, yes or no"
    heads: ClassVar[tuple[str, ...]] = ("ForConditionalGeneration",)
    loader: ClassVar[Any] = AutoModelForSeq2SeqLM
    shapes: ClassVar[tuple[Shape, ...]] = ("encoder-decoder",)
    first: ClassVar[str] = "query"
    second: ClassVar[str | None] = "passage"
    segments: ClassVar[tuple[str, ...]] = ("template", "query", "passage", "eos", "decoder")
    targets: ClassVar[tuple[str, ...]] = TARGETS
    typed: ClassVar[bool] = False
    asks: ClassVar[tuple[AnswerField, ...]] = ("token",)
    token_title: ClassVar[str] = "Answer words"
    token_help: ClassVar[str] = "The word that means relevant, then the other one, as yes/no. Empty: the model's own."

    def words(self, name: str, config: Mapping[str, Any], declared: Any) -> AnswerWords | None:
        """Those of ``golgi.json``, or of the published rankers that it is named like."""
        return words_of(name, config, declared)

    def check_words(self, spec: TargetSpec, info: Readable, tokenizer: Any) -> None:
        """Each word is one token."""
        ids_of(_words(spec, info), tokenizer)

    def complete(self, spec: TargetSpec, info: Readable) -> TargetSpec:
        """The words are written out."""
        return super().complete(spec, info).model_copy(update={"token": str(_words(spec, info))})

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """The template with the passage cut so that the words after it stay."""
        head, middle, tail = TEMPLATE
        query, passage = example.query, example.passage or ""
        text = f"{head}{query}{middle}{passage}{tail}"
        encoding = tokenizer(text, return_offsets_mapping=True, truncation=False).encodings[0]
        marks = _marks(len(head), len(query), len(middle), len(passage))
        spans = [_span(encoding, at, marks) for at in range(len(encoding.ids))]
        over = len(encoding.ids) - limit
        drop: set[int] = set()
        for name in ("passage", "query"):
            places = [at for at, span in enumerate(spans) if span.segment == name]
            excess = max(0, over - len(drop))
            drop |= set(places[max(0, len(places) - excess) :])
        keep = [at for at in range(len(encoding.ids)) if at not in drop]
        return EncodedRow(tuple(encoding.ids[at] for at in keep), (0,) * len(keep), tuple(spans[at] for at in keep))

    def loses(self, tokenizer: Any) -> Side:
        """The passage's end; the words behind it stay."""
        return "end"

    def more_inputs(self, rows: int, decoder_start: int) -> dict[str, Tensor]:
        """[B, 1] the first step of the decoder."""
        return {"decoder_input_ids": torch.full((rows, 1), decoder_start)}

    def readout(self, mask: Tensor, segment: Tensor, causal: bool) -> Tensor:
        """[B] the first step of the decoder."""
        return mask.new_zeros(len(mask), dtype=torch.long)

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, V] logits of the first step of the decoder."""
        logits: Tensor = model(**batch.inputs).logits[:, 0]
        return logits

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the word that means relevant against the other one.

        Raises:
            BadInput: words that are not one token each of the vocabulary.
        """
        words = _words(spec, host.card)
        return _target(spec.name, words, ids_of(words, host.tokenizer))

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The words, and where they come from."""
        return _target(spec.name, _words(spec, info), (0, 1)).resolved.sentence


def _words(spec: TargetSpec, info: Readable) -> AnswerWords:
    """The words of a question, else those of the model.

    Raises:
        BadInput: a question that does not name two.
    """
    own = AnswerWords(*info.words, info.words_from) if len(info.words) == 2 else words_of("", {}, None)
    if spec.token is None or spec.token == str(own):
        return own
    return asked_words(spec.token)


def _target(name: TargetName, words: AnswerWords, ids: tuple[int, int]) -> Target:
    """``ids`` are the positive and the negative token."""
    kind: TargetName = "probability" if name == "default" else name
    what = f"token '{words.positive}' against '{words.negative}', first decoder step; {words.why}"
    resolved = ResolvedTarget(
        name=kind,
        unit=UNITS[kind],
        sentence=relevance_of(kind, what),
        label=0,
        token_id=None,
        other_token_id=ids[1],
    )
    return Target(resolved, ids, 0, rows=2 if kind == "pairwise" else 1)


def _marks(head: int, query: int, middle: int, passage: int) -> dict[str, tuple[int, int]]:
    second = head + query + middle
    return {"query": (head, head + query), "passage": (second, second + passage)}


def _span(encoding: Any, at: int, marks: Mapping[str, tuple[int, int]]) -> TokenSpan:
    text, word, (start, end) = encoding.tokens[at], encoding.word_ids[at], encoding.offsets[at]
    if word is None:
        return TokenSpan(text, "eos", -1, 0, 0)
    for name, (first, last) in marks.items():
        if first < end <= last and start >= first - 1:
            return TokenSpan(text, name, word, max(0, start - first), end - first)
    return TokenSpan(text, "template", -1, 0, 0)


TASK = YesNo()
