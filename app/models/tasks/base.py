"""What a way of reading a model has to tell.

A task says how texts become a row, where the answer is read, which numbers of it can be explained, and what a
self-check feeds it. The head of the model, named in its ``config.json``, decides which tasks fit; the form of an
example chooses among them.

Axes: B rows, T tokens, C logits.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, get_args

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.examples import CONTENT_SEGMENTS, Example, Side, TokenSpan
from app.domain.model_card import ModelCard, Readable
from app.domain.targets import OF_THE_SCORE, TargetSpec
from app.models.answer_words import AnswerWords
from app.models.architectures.base import Shape
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import Target, answer_of_any, check_inner, inner_target

AnswerField = Literal["label", "token", "answer"]
"""Fields of :class:`TargetSpec` that say which answer is explained."""


@dataclass(frozen=True)
class EncodedRow:
    """One encoded example, without padding: token ids, token types and a span for each token."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    spans: tuple[TokenSpan, ...]


class Answered(Protocol):
    """What one pass left."""

    @property
    def logits(self) -> Tensor:
        """[B, C] logits that the target reads."""
        ...


class Answers(Protocol):
    """What a task needs of a loaded model."""

    card: ModelCard

    @property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        ...

    def run(self, batch: Batch, target: None, /) -> Answered:
        """One unedited pass."""
        ...


class Task(ABC):
    """One way in which a model is read.

    ``title`` says so in words. ``heads`` are ends of the class names in config.json that it claims, ``shapes`` the
    block lists below such a head that it can read, ``loader`` the Auto class. ``first`` and ``second`` name the texts
    (``second`` is None where there is one), ``segments`` the parts of a row. ``targets`` are the names of
    :class:`TargetSpec` that make sense, ``asks`` the fields of it that say which answer; ``token_title`` and
    ``token_help`` are words at the field ``token``. ``labelled``: the logits
    have names. ``typed``: the row has token types. ``continues``: a pass may begin behind known tokens. ``order``:
    lower comes first where several fit a head.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    heads: ClassVar[tuple[str, ...]]
    loader: ClassVar[Any]
    shapes: ClassVar[tuple[Shape, ...]] = ("encoder", "decoder")
    first: ClassVar[str]
    second: ClassVar[str | None] = None
    segments: ClassVar[tuple[str, ...]]
    targets: ClassVar[tuple[str, ...]] = (*OF_THE_SCORE, "activation")
    asks: ClassVar[tuple[AnswerField, ...]] = ()
    token_title: ClassVar[str] = "Continuation"
    token_help: ClassVar[str] = "Empty: the token the model predicts. A leading space counts."
    labelled: ClassVar[bool] = False
    typed: ClassVar[bool] = True
    continues: ClassVar[bool] = False
    order: ClassVar[int] = 0

    @property
    def form(self) -> Literal["pair", "prompt"]:
        """The form of the examples it takes."""
        return "prompt" if self.second is None else "pair"

    @property
    def content(self) -> tuple[str, ...]:
        """Parts that hold the user's text."""
        return tuple(part for part in self.segments if part in CONTENT_SEGMENTS)

    def claims(self, names: Sequence[str]) -> bool:
        """Whether a head of one of these class names can be read so."""
        return any(name.endswith(self.heads) for name in names)

    def check(self, example: Example) -> None:
        """See that an example has the form, and no empty text.

        Raises:
            BadInput: it has not; the field is ``query`` or ``passage``.
        """
        if example.form != self.form:
            raise BadInput(
                f"a {self.first} for this model" if self.second is None else f"a {self.first} with a {self.second}",
                "one text" if example.passage is None else "two texts",
                "Choose the other input form, or another model.",
                "passage",
            )
        for field, name, text in (("query", self.first, example.query), ("passage", self.second, example.passage)):
            if text is not None and not text.strip():
                raise BadInput(f"some text as the {name}", "an empty text", f"Type or paste the {name}.", field)

    def check_tokenizer(self, tokenizer: Any) -> None:
        """See that a tokenizer has what this way of reading needs.

        Raises:
            Unsupported: it has not.
        """
        return

    def words(self, name: str, config: Mapping[str, Any], declared: Any) -> AnswerWords | None:
        """The words of the answer, for models that answer with one of two; see :func:`words_of`.

        Raises:
            Unsupported: declared words that are none.
        """
        return None

    def check_words(self, spec: TargetSpec, info: Readable, tokenizer: Any) -> None:
        """See that the vocabulary has the words that a target names.

        Raises:
            BadInput: it has not, with the field's name.
        """
        return

    def texts(self, example: Example, tokenizer: Any) -> tuple[str, ...]:
        """The texts as the tokenizer gets them."""
        return (example.query,) if example.passage is None else (example.query, example.passage)

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """An example as one row of at most ``limit`` tokens; of two texts the second is cut first.

        Raises:
            BadInput: texts that cannot be read so.
        """
        texts = self.texts(example, tokenizer.own)
        special = tokenizer.own.num_special_tokens_to_add(pair=len(texts) == 2)
        room = limit - special - (tokenizer.count(texts[0]) if len(texts) == 2 else 0)
        how = "only_second" if len(texts) == 2 and room > 0 else "longest_first"
        answer = tokenizer(*texts, truncation=how, max_length=limit, return_offsets_mapping=True)
        encoding = answer.encodings[0]
        types = answer.get("token_type_ids") or [0] * len(encoding.ids)
        return EncodedRow(tuple(encoding.ids), tuple(types), self._spans(encoding))

    def loses(self, tokenizer: Any) -> Side:
        """Which end of a text goes where it is too long: as the tokenizer was told."""
        return "beginning" if tokenizer.truncation_side == "left" else "end"

    def _spans(self, encoding: Any) -> tuple[TokenSpan, ...]:
        """Spans of one or two texts; special tokens get their part by position."""
        special = self.segments[::2]
        spans, last = [], -1
        for text, sequence, word, (start, end) in zip(
            encoding.tokens, encoding.sequence_ids, encoding.word_ids, encoding.offsets, strict=True
        ):
            if sequence is None:
                spans.append(TokenSpan(text, special[last + 1 if self.second else 0], -1, 0, 0))
            else:
                last = sequence
                spans.append(TokenSpan(text, self.content[sequence], -1 if word is None else word, start, end))
        return tuple(spans)

    def more_inputs(self, rows: int, decoder_start: int) -> dict[str, Tensor]:
        """Forward arguments [B, ...] beyond the row's own."""
        return {}

    def readout(self, mask: Tensor, segment: Tensor, causal: bool) -> Tensor:
        """[B] the token that carries the answer, from [B, T] mask and part numbers: the first one, or the last one in
        a model whose tokens see only those before them."""
        return mask.sum(1) - 1 if causal else mask.new_zeros(len(mask), dtype=torch.long)

    @abstractmethod
    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, C] logits that a target reads, from one forward pass."""

    def continued(self, model: Any, batch: Batch, cache: Any) -> Tensor:
        """[B, C] logits of one forward pass behind tokens whose keys and values the library's cache holds; it grows.

        Raises:
            NotImplementedError: a way of reading without ``continues``.
        """
        raise NotImplementedError(self.key)

    def settled(self, batch: Batch, run: Callable[[Batch], Tensor]) -> Batch:
        """The batch with all that is read off the unedited model once; ``run`` gives the logits of one such pass."""
        return batch

    def target(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """The number that is explained, with nothing left open.

        Raises:
            BadInput: a target that this way of reading does not have, with the field's name.
            Unsupported: a vocabulary that lacks what the target needs.
        """
        self._check_name(spec)
        if spec.inner is None:
            return self.answer(spec, host, batch)
        check_inner(host.card, spec.inner)
        self._check_part(spec)
        answer_spec = TargetSpec(label=spec.label, token=spec.token, answer=spec.answer)
        return inner_target(self.answer(answer_spec, host, batch), spec.inner, spec.tokens)

    @abstractmethod
    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A target that is a number of the model's answer."""

    def sentence(self, spec: TargetSpec, info: Readable) -> str:
        """The line 'explaining ...' as far as it can be told without weights.

        Raises:
            BadInput: a target that this way of reading does not have, with the field's name.
        """
        self._check_name(spec)
        if spec.inner is None:
            return self.foretold(spec, info)
        self._check_part(spec)
        return inner_target(answer_of_any(), spec.inner, spec.tokens).resolved.sentence

    @abstractmethod
    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The line of a target that is a number of the model's answer."""

    def complete(self, spec: TargetSpec, info: Readable) -> TargetSpec:
        """The same question in one spelling: without what this way of reading does not ask."""
        return spec.model_copy(update={name: None for name in get_args(AnswerField) if name not in self.asks})

    def asked(self, spec: TargetSpec, examples: Sequence[Example], tokenizer: SharedTokenizer) -> tuple[str, ...]:
        """The tokens of an answer that is asked for by its text, of which the first is explained; none otherwise.

        Raises:
            BadInput: a text that the vocabulary does not have.
        """
        return ()

    def probes(self) -> tuple[Example, Example]:
        """Two inputs for self-checks, a longer and a shorter one."""
        if self.second is None:
            return Example("0", "a b c d e f"), Example("1", "a b")
        return Example("0", "a b c", "d e a f b"), Example("1", "a", "b")

    def _check_name(self, spec: TargetSpec) -> None:
        if spec.name not in self.targets:
            known = ", ".join(self.targets)
            raise BadInput(f"one of the targets {known}", f"'{spec.name}'", "Choose another target.", "target")

    def _check_part(self, spec: TargetSpec) -> None:
        if spec.tokens is not None and spec.tokens not in self.segments:
            known = ", ".join(self.segments)
            raise BadInput(f"one of the parts {known}", f"'{spec.tokens}'", "Choose one of them.", "tokens")


def agreed(values: Sequence[int], what: AnswerField) -> int:
    """The one value that the rows of a batch have in common.

    Raises:
        BadInput: they differ.
    """
    if len(set(values)) > 1:
        raise BadInput(
            f"inputs with one and the same {what}",
            f"{len(set(values))} among {len(values)} inputs",
            f"Explain them one at a time, or name the {what}.",
            what,
        )
    return values[0]
