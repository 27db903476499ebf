"""Inputs on which the model has nothing to go on (``nig.md`` section 4).

Every baseline is a tensor of word embeddings [1, T, E]; positions, token types and mask stay those of the real input.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import CONTENT_SEGMENTS, FIRST_SEGMENTS, SECOND_SEGMENTS
from app.domain.positions import Positions
from app.domain.sites import Site, SiteKind
from app.models.encoding import Batch
from app.models.host import ModelHost

Filler = Literal["pad", "unk", "mask", "zero", "mean"]
BOTH = tuple(sorted(CONTENT_SEGMENTS))


class Baseline(NamedTuple):
    """What the tokens of some parts are replaced by; ``parts`` None for those of every part."""

    filler: Filler
    parts: tuple[str, ...] | None


BASELINES: Mapping[str, Baseline] = {
    "pad_query_and_passage": Baseline("pad", BOTH),
    "pad_query": Baseline("pad", FIRST_SEGMENTS),
    "pad_passage": Baseline("pad", SECOND_SEGMENTS),
    "pad_all": Baseline("pad", None),
    "unk_query_and_passage": Baseline("unk", BOTH),
    "mask_query_and_passage": Baseline("mask", BOTH),
    "zero_embedding": Baseline("zero", BOTH),
    "mean_embedding": Baseline("mean", BOTH),
}
"""Every baseline by its name; query and passage stand for the first and the second text of any way of reading."""
TOKENS: Mapping[str, str] = {"pad": "pad_token_id", "unk": "unk_token_id", "mask": "mask_token_id"}
NEVER = frozenset({"mask", "decoder"})
"""Parts that no baseline fills: the mask, at which the answer is read, and the decoder's own steps."""


def words(host: ModelHost, batch: Batch, baseline: str) -> Tensor:
    """[B, T, E] word embeddings of the baseline.

    Raises:
        Unsupported: the vocabulary lacks the filler token.
        BadInput: a baseline that fills the second of two texts, where there is one.
    """
    site = Site(0, SiteKind.WORDS)
    real = host.run(batch, None, record=[site]).value(site)
    filler, filled = BASELINES[baseline]
    parts = tuple(part for part in batch.segments if part not in NEVER and (filled is None or part in filled))
    if not parts:
        way = "Choose one that fills the query, query_and_passage, or all."
        raise BadInput("a baseline that fills some text", f"'{baseline}', and no passage", way, "baseline")
    fill = _filler(host, filler, real)
    return torch.where(batch.where(Positions(parts))[..., None], fill, real)


def _filler(host: ModelHost, filler: Filler, real: Tensor) -> Tensor:
    """[E] embedding of a filler token, the zero vector, or the mean of the vocabulary."""
    if filler == "zero":
        return torch.zeros_like(real[0, 0])
    table: Any = host.places[Site(0, SiteKind.WORDS)].module
    if filler == "mean":
        ids = torch.arange(table.weight.shape[0], device=host.device)
        return torch.as_tensor(table(ids).mean(0))
    token = getattr(host.tokenizer, TOKENS[filler], None)
    if token is None:
        known = [name for name, attribute in TOKENS.items() if getattr(host.tokenizer, attribute, None) is not None]
        raise Unsupported(
            f"a {filler} token in the vocabulary",
            "none",
            f"Choose a baseline that starts with {', '.join([*known, 'zero', 'mean'])}.",
            "baseline",
        )
    if token >= table.weight.shape[0]:
        raise Unsupported(
            f"a {filler} token that the model has a word embedding for, 0 to {table.weight.shape[0] - 1}",
            f"'{host.tokenizer.convert_ids_to_tokens(token)}' (token {token}), added to the tokenizer alone",
            "Choose a baseline that starts with zero or mean; or resize the model's embeddings with its tokenizer.",
            "baseline",
        )
    return torch.as_tensor(table(torch.tensor(token, device=host.device)))
