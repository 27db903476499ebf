"""From tokens to one number per neuron and part of the input (``nig.md`` section 7).

Axes: T tokens, P parts (``all`` first, then the segments), U units.
"""

from typing import Literal

import torch
from torch import Tensor

Aggregation = Literal["sum", "mean", "max_abs", "l2", "cls"]


def parts_of(segment: Tensor, mask: Tensor, count: int) -> Tensor:
    """[P, T] membership: row 0 every token that is not padding, then one row per segment number."""
    rows = [mask] + [mask & (segment == number) for number in range(count)]
    return torch.stack(rows)


def pool(scores: Tensor, parts: Tensor, how: Aggregation, readout: int) -> Tensor:
    """[P, U] from ``scores`` [T, U] and ``parts`` [P, T].

    ``sum`` keeps the identities; ``mean`` divides by the tokens of the part; ``max_abs`` keeps the signed score of the
    strongest token; ``l2`` is the unsigned Euclidean norm over tokens; ``cls`` keeps the read-out token only. An
    empty part scores 0.
    """
    member = parts.to(scores.dtype)
    if how == "sum":
        return member @ scores
    if how == "mean":
        return (member @ scores) / member.sum(1, keepdim=True).clamp(min=1)
    if how == "l2":
        return (member @ scores**2).sqrt()
    if how == "cls":
        return member[:, readout, None] * scores[readout]
    return torch.stack([_strongest(scores[row]) for row in parts])


def _strongest(scores: Tensor) -> Tensor:
    if not len(scores):
        return torch.zeros(scores.shape[1], dtype=scores.dtype, device=scores.device)
    return scores.gather(0, scores.abs().argmax(0, keepdim=True))[0]
