"""Stieltjes sums along a path, chunk by chunk (``nig.md`` sections 5 and 13).

Axes: R path positions of a chunk, K intervals of the whole path; the trailing axes are those of the site.
"""

from typing import Literal

import torch
from torch import Tensor

Rule = Literal["left", "right", "trap"]


class StieltjesSum:
    """Running sum of gradient times activation difference over consecutive path positions.

    ``left`` is the sum of g[k-1] (y[k] - y[k-1]), ``right`` of g[k] (y[k] - y[k-1]), ``trap`` their mean. The last
    position is carried over, so any chunking of the path gives the same sum (identity I9).
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._value: Tensor | None = None
        self._gradient: Tensor | None = None
        self._total: Tensor | None = None

    def add(self, values: Tensor, gradients: Tensor) -> None:
        """Add a chunk: both [R, ...], path positions ascending and following on those before."""
        if self._value is None or self._gradient is None:
            self._total = torch.zeros_like(values[0])
        else:
            self._sum(values[:1] - self._value, self._gradient, gradients[:1])
        if len(values) > 1:
            self._sum(values[1:] - values[:-1], gradients[:-1], gradients[1:])
        self._value, self._gradient = values[-1:].clone(), gradients[-1:].clone()

    def _sum(self, steps: Tensor, before: Tensor, after: Tensor) -> None:
        weight = {"left": lambda: before, "right": lambda: after, "trap": lambda: (before + after) / 2}[self.rule]()
        assert self._total is not None
        self._total += (steps * weight).sum(0)

    @property
    def total(self) -> Tensor:
        """The sum so far, with the site's trailing axes."""
        if self._total is None:
            raise ValueError("expected at least one chunk; found none; add the path positions first")
        return self._total


def positions(intervals: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[K + 1] path positions k / K from 0 to 1."""
    return torch.arange(intervals + 1, device=device, dtype=dtype) / intervals
