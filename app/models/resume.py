"""Going on from a block's input that is already known, for families where the blocks are a plain loop.

The block list is shortened inside a ``with`` and put back when it is left, whatever happens (DESIGN section 1.1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Resume:
    """``hidden`` [B, T, D] enters block ``layer``; the blocks below it are not run."""

    layer: int
    hidden: Tensor


@contextmanager
def shortened(base: Any, path: str, layer: int) -> Iterator[None]:
    """The block list at ``path`` below the base model without its first ``layer`` blocks."""
    where, _, name = path.rpartition(".")
    owner = base.get_submodule(where)
    whole = getattr(owner, name)
    setattr(owner, name, torch.nn.ModuleList(list(whole)[layer:]))
    try:
        yield
    finally:
        setattr(owner, name, whole)
