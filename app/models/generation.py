"""Text written by an edited model, one most probable token after another, through the same hooks as every other pass.

Axes: B prompts, n tokens written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from app.domain.errors import BadInput, Unsupported
from app.models.encoder import Encoder
from app.models.encoding import Batch
from app.models.start import Prefix, Start
from app.models.tasks import tasks
from app.models.trace import Edits, Trace


@dataclass(frozen=True)
class Generation:
    """What a model wrote behind each prompt.

    Args:
        tokens: [B, n] token ids; behind a row's end the filler that the model's settings name.
        texts: one per row, without special tokens.
        log_probabilities: [B, n] natural logarithm of each token's probability among all; 0 behind a row's end.
        lengths: [B] tokens written, one that ends the text included.
    """

    tokens: Tensor
    texts: tuple[str, ...]
    log_probabilities: Tensor
    lengths: Tensor


class Runs(Protocol):
    """What writing needs of a loaded model."""

    model: Any
    encoder: Encoder

    def run(self, batch: Batch, target: None, /, *, edits: Edits | None, start: Start) -> Trace:
        """One pass behind known tokens."""
        ...


def generate(host: Runs, batch: Batch, max_new: int, edits: Edits | None = None) -> Generation:
    """See :meth:`ModelHost.generate`."""
    _check(host, batch, max_new)
    ends, filler = _special(host.model.generation_config, host.encoder.tokenizer, batch.mask.device)
    prefix, unfinished = Prefix.none(batch), torch.ones_like(batch.mask[:, 0])
    tokens: list[Tensor] = []
    logs: list[Tensor] = []
    while len(tokens) < max_new and bool(unfinished.any()):
        trace = host.run(batch, None, edits=edits, start=Start(prefix=prefix))
        log, token = _log_probabilities(trace.logits).max(1)
        tokens.append(torch.where(unfinished, token, filler))
        logs.append(torch.where(unfinished, log, 0.0))
        unfinished = unfinished & ~torch.isin(token, ends)
        prefix = trace.prefix
        pieces = host.encoder.tokenizer.convert_ids_to_tokens(tokens[-1].tolist())
        batch = batch.followed(tokens[-1], pieces)
    written = torch.stack(tokens, dim=1)
    lengths = _lengths(written, ends)
    rows = zip(written.tolist(), lengths.tolist(), strict=True)
    texts = [host.encoder.tokenizer.decode(row[:length], skip_special_tokens=True) for row, length in rows]
    return Generation(written, tuple(texts), torch.stack(logs, dim=1), lengths)


def forced(host: Runs, batch: Batch, tokens: Sequence[int], edits: Edits | None = None) -> Tensor:
    """[B, n] natural logarithm of the probability of each of n tokens behind each prompt, those before it given.

    Token by token, as :func:`generate` writes, so that edits see the same batches: the prompts first, then one token at
    a time, of the part ``generated``.

    Args:
        host: a loaded causal language model.
        batch: [B, T] encoded prompts.
        tokens: [n] what is put in, the same behind every prompt.
        edits: replacements of sites at every step.

    Raises:
        Unsupported: a way of reading that does not go on.
        BadInput: no token, or more than the model's positions hold.
    """
    _check(host, batch, len(tokens))
    prefix, logs = Prefix.none(batch), []
    for token in tokens:
        trace = host.run(batch, None, edits=edits, start=Start(prefix=prefix))
        logs.append(_log_probabilities(trace.logits)[:, token])
        prefix = trace.prefix
        ids = torch.full_like(batch.readout, token)
        batch = batch.followed(ids, host.encoder.tokenizer.convert_ids_to_tokens(ids.tolist()))
    return torch.stack(logs, dim=1)


def _check(host: Runs, batch: Batch, max_new: int) -> None:
    """See that a batch can be written on.

    Raises:
        Unsupported: a way of reading that does not go on.
        BadInput: no token to write, or more than the model's positions hold.
    """
    if not tasks()[batch.task].continues:
        way = "Choose a causal language model."
        raise Unsupported("a causal language model, which can write", tasks()[batch.task].title, way)
    room = host.encoder.max_length - batch.mask.shape[1]
    if not 0 < max_new <= room:
        raise BadInput(
            f"between 1 and {room} new tokens behind {batch.mask.shape[1]}", str(max_new), "Ask for fewer.", "max_new"
        )


def _special(settings: Any, tokenizer: Any, device: torch.device) -> tuple[Tensor, int]:
    """([E] ids that end a text, the id that fills up rows that ended), by the model's settings for writing."""
    given = tokenizer.eos_token_id if settings.eos_token_id is None else settings.eos_token_id
    ends = torch.as_tensor([] if given is None else given, dtype=torch.long, device=device).flatten()
    fillers = (settings.pad_token_id, tokenizer.pad_token_id, *ends.tolist(), 0)
    return ends, next(filler for filler in fillers if filler is not None)


def _log_probabilities(logits: Tensor) -> Tensor:
    """[B, V] of [B, V] logits, in float32 or wider."""
    wide = logits if logits.dtype is torch.float64 else logits.float()
    return torch.log_softmax(wide, dim=1)


def _lengths(written: Tensor, ends: Tensor) -> Tensor:
    """[B] tokens of each row up to the first that ends it."""
    before = torch.isin(written, ends).int().cumsum(1).roll(1, 1)
    before[:, 0] = 0
    return (before == 0).sum(1)
