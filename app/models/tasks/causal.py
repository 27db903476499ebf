"""A causal language model: the next token of a prompt."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from app.domain.errors import BadInput
from app.domain.examples import Example, Side
from app.domain.model_card import Readable
from app.domain.targets import TargetSpec
from app.models.architectures.base import Shape
from app.models.encoding import Batch, SharedTokenizer
from app.models.targets import Target, token_target
from app.models.tasks.base import AnswerField, Answers, EncodedRow, Task

CACHE_NAMES = ("cache", "past_key_values")
"""What the library calls a cache: since 5.24, and before."""


class Causal(Task):
    """A prompt, and the token that comes next."""

    key: ClassVar[str] = "causal"
    title: ClassVar[str] = "causal language model: the next token of a prompt"
    heads: ClassVar[tuple[str, ...]] = ("ForCausalLM", "LMHeadModel")
    loader: ClassVar[Any] = AutoModelForCausalLM
    shapes: ClassVar[tuple[Shape, ...]] = ("decoder",)
    first: ClassVar[str] = "prompt"
    segments: ClassVar[tuple[str, ...]] = ("special", "prompt")
    asks: ClassVar[tuple[AnswerField, ...]] = ("token",)
    typed: ClassVar[bool] = False
    continues: ClassVar[bool] = True

    def row(self, example: Example, tokenizer: SharedTokenizer, limit: int) -> EncodedRow:
        """The prompt; one that is too long loses its beginning, since the next token is asked for at its end."""
        encoding = tokenizer(example.query, return_offsets_mapping=True, truncation=False).encodings[0]
        spans = self._spans(encoding)
        own = [at for at, span in enumerate(spans) if span.segment == self.first]
        gone = set(own[: max(0, len(spans) - limit)])
        keep = [at for at in range(len(spans)) if at not in gone]
        return EncodedRow(tuple(encoding.ids[at] for at in keep), (0,) * len(keep), tuple(spans[at] for at in keep))

    def loses(self, tokenizer: Any) -> Side:
        """Its beginning."""
        return "beginning"

    def logits(self, model: Any, batch: Batch) -> Tensor:
        """[B, V] logits of the token after the prompt."""
        return _next(model, batch, use_cache=False)

    def continued(self, model: Any, batch: Batch, cache: Any) -> Tensor:
        """[B, V] logits of the token after the prompt, whose first tokens are in the cache."""
        known = inspect.signature(model.forward).parameters
        return _next(model, batch, use_cache=True, **{next(name for name in CACHE_NAMES if name in known): cache})

    def answer(self, spec: TargetSpec, host: Answers, batch: Batch | None) -> Target:
        """A number of the token asked for, or of the one that the model predicts for the first input.

        Raises:
            BadInput: a continuation without a token.
        """
        if spec.token is not None:
            ids = _ids(spec.token, host.tokenizer)
            why = "as asked" if len(ids) == 1 else f"the first of {len(ids)} tokens asked for"
            return token_target(spec.name, ids[0], host.tokenizer.decode([ids[0]]), why)
        if batch is None:
            return token_target(spec.name, 0, host.tokenizer.decode([0]), "to be predicted")
        predicted = int(host.run(batch.take([0]), None).logits[0].argmax())
        return token_target(spec.name, predicted, host.tokenizer.decode([predicted]), "predicted by the model")

    def asked(self, spec: TargetSpec, examples: Sequence[Example], tokenizer: SharedTokenizer) -> tuple[str, ...]:
        """The tokens of the continuation that is asked for.

        Raises:
            BadInput: it has none.
        """
        return () if spec.token is None else tuple(tokenizer.own.decode([i]) for i in _ids(spec.token, tokenizer))

    def foretold(self, spec: TargetSpec, info: Readable) -> str:
        """The token, if it was asked for."""
        return f"the token {spec.token!r}" if spec.token else "the next token that the model predicts"


def _ids(text: str, tokenizer: Callable[..., Any]) -> list[int]:
    """Token ids of a continuation.

    Raises:
        BadInput: it has no token.
    """
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids:
        raise BadInput("a continuation of at least one token", "none", "Type the expected next word.", "token")
    return ids


def _next(model: Any, batch: Batch, **more: Any) -> Tensor:
    """[B, V] logits at each row's read-out token; no others are computed, but for those of other rows."""
    places, column = batch.readout.unique(return_inverse=True)
    logits: Tensor = model(**batch.inputs, logits_to_keep=places, **more).logits
    return logits[torch.arange(len(column), device=column.device), column]


TASK = Causal()
