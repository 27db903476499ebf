"""A model that was just loaded: its sizes, labels and complete places, measured by passes over a short input.

Axes: B rows, T tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.model_card import ModelCard
from app.domain.sites import Site, SiteKind
from app.models.architectures.base import Architecture
from app.models.encoder import Encoder
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.selfcheck import WORDS, checked
from app.models.tasks import tasks
from app.models.trace import Edit

SAME = 1e-4
"""Share of the answer's size that two passes over the same rows may differ by."""


def encoder_of(
    tokenizer: Any,
    keys: Sequence[str],
    family: Architecture,
    limit: int,
    decoder_start: int | None = None,
    vocabulary: int | None = None,
) -> Encoder:
    """A tokenizer with the ways (keys, the default first) in which a model of this family is read.

    Raises:
        Unsupported: a tokenizer that lacks what one of them needs.
    """
    ways = [tasks()[key] for key in keys]
    for task in ways:
        task.check_tokenizer(tokenizer)
    return Encoder(tokenizer, ways, limit, decoder_start, family.shape == "decoder", vocabulary)


def host_of(model: Any, encoder: Encoder, family: Architecture, card: ModelCard) -> ModelHost:
    """A host with its sizes and labels measured by a probing pass and its self-checks run.

    Raises:
        Unsupported: logits that are not those of the labels, or are no numbers.
    """
    host = ModelHost(model, encoder, family, card)
    layers = 1 + max(site.layer for site in host.places)
    host.card = card.model_copy(update={"layers": layers, "hidden": 0, "heads": host.heads})
    host.card = host.card.model_copy(update={"widths": _widths(host, layers)})
    host.card = host.card.model_copy(update={"hidden": host.card.widths[SiteKind.RESID][0]})
    check_answer(host)
    host.card = host.card.model_copy(update={"complete": complete_blocks(host)})
    rows, off = checked(host)
    host.card = host.card.model_copy(update={"checks": rows, "off": off})
    return host


def _widths(host: ModelHost, layers: int) -> dict[SiteKind, tuple[int, ...]]:
    """Units per site kind and block, read off one forward pass; 0 where a block has no such site."""
    trace = host.run(host.encode([host.encoder.tasks[0].probes()[0]]), None, record=list(host.places))
    widths: dict[SiteKind, list[int]] = {}
    for site in host.places:
        widths.setdefault(site.kind, [0] * layers)[site.layer] = int(trace.value(site).shape[2])
    return {kind: tuple(sizes) for kind, sizes in widths.items() if kind not in (SiteKind.WORDS, SiteKind.EMBED)}


def check_answer(host: ModelHost) -> None:
    """See that a model's logits are numbers, one for each label where they have names.

    Raises:
        Unsupported: they are not.
    """
    task = tasks()[host.card.task]
    logits = host.run(host.encode([task.probes()[0]]), None).logits
    if task.labelled and logits.shape[1] != len(host.card.labels):
        raise Unsupported(
            f"{len(host.card.labels)} logits, for the labels {', '.join(host.card.labels)}",
            f"{logits.shape[1]} in the model's answer",
            "Correct num_labels and id2label in config.json.",
            "model",
        )
    if bool(logits.isnan().any()):
        raise Unsupported(
            "an answer of finite numbers",
            f"logits that are NaN in {host.card.dtype}",
            "Use the precision float32 (GOLGI_DTYPE), or copy the weights again.",
            "model",
        )


def complete_blocks(host: ModelHost) -> tuple[int, ...]:
    """Blocks whose output every path from the words to the answer crosses: of those that the family declares, the ones
    for which it is so in this model.

    One pass: a row as it is, and a row for each block that has other words, but the first row's output of that block.
    Where the answer is another one, something of the words goes past the block.
    """
    declared = host.declared_complete()
    batch = host.encode([tasks()[host.card.task].probes()[0]])
    rows = batch.take([0] * (len(declared) + 2))
    edits: dict[Site, tuple[Edit, ...]] = {WORDS: (_other_words,)}
    for row, layer in enumerate(declared, start=2):
        edits[Site(layer, SiteKind.RESID)] = (_of_first_row(row),)
    logits = host.run(rows, None, edits=edits).logits.double()
    gaps = (logits - logits[0]).nan_to_num(posinf=0.0, neginf=0.0).abs().flatten(1).amax(1)
    size = float(logits[0].nan_to_num(posinf=0.0, neginf=0.0).abs().max())
    loose = max(SAME, 4 * torch.finfo(host.model.dtype).eps) * max(size, float(gaps[1]))
    return tuple(layer for row, layer in enumerate(declared, start=2) if float(gaps[row]) <= loose)


def _other_words(value: Tensor, _: Batch) -> Tensor:
    """[B, T, D] the first row as it is, the others with their words in the opposite order, and halved."""
    return torch.cat([value[:1], 0.5 * value[1:].flip(1)])


def _of_first_row(row: int) -> Edit:
    """[B, T, D] with the first row's values in another row."""

    def edit(value: Tensor, _: Batch) -> Tensor:
        return torch.cat([value[:row], value[:1], value[row + 1 :]])

    return edit
