"""Inputs on which the model has nothing to go on (``nig.md`` section 4).

Every baseline is a tensor of word embeddings [1, T, E]; positions, token types and mask stay those of the real input.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.examples import CONTENT_SEGMENTS
from app.domain.sites import Site, SiteKind
from app.models.encoding import Batch
from app.models.host import ModelHost

FILLED: Mapping[str, tuple[str, ...] | None] = {
    "query": ("query", "prompt"),
    "passage": ("passage",),
    "query_and_passage": tuple(sorted(CONTENT_SEGMENTS)),
    "all": None,
}


def words(host: ModelHost, batch: Batch, baseline: str) -> Tensor:
    """[B, T, E] word embeddings of the baseline.

    Raises:
        Unsupported: the vocabulary lacks the filler token.
    """
    site = Site(0, SiteKind.WORDS)
    real = host.run(batch, None, record=[site]).value(site)
    filler, _, where = baseline.partition("_")
    if filler in ("zero", "mean"):
        where = "query_and_passage"
    names = FILLED[where]
    parts = None if names is None else [name for name in names if name in batch.segments]
    fill = _filler(host, filler, real)
    return torch.where(batch.where(parts)[..., None], fill, real)


def _filler(host: ModelHost, filler: str, real: Tensor) -> Tensor:
    """[E] embedding of a filler token, the zero vector, or the mean of the vocabulary."""
    if filler == "zero":
        return torch.zeros_like(real[0, 0])
    table: Any = host.places[Site(0, SiteKind.WORDS)].module
    if filler == "mean":
        ids = torch.arange(table.weight.shape[0], device=host.device)
        return torch.as_tensor(table(ids).mean(0))
    names = {"pad": "pad_token_id", "unk": "unk_token_id", "mask": "mask_token_id"}
    token = getattr(host.tokenizer, names[filler], None)
    if token is None:
        known = [name for name, attribute in names.items() if getattr(host.tokenizer, attribute, None) is not None]
        raise Unsupported(
            f"a {filler} token in the vocabulary",
            "none",
            f"Choose a baseline that starts with {', '.join([*known, 'zero', 'mean'])}.",
            "baseline",
        )
    return torch.as_tensor(table(torch.tensor(token, device=host.device)))
