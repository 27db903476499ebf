"""Straight paths of a block's feed-forward units, from zero to their values, block by block or all together.

Source: ``qrnca.md`` sections 4 and 12 (Chen, Dejl, Toni 2025; Dai et al. 2022). A pass holds many rows of one example;
each row scales the units of one block (or of all) by one position of the path, at the read-out token or at all tokens,
and recomputes what lies above. Causal language models run the read-out token only, behind the keys and values of the
tokens before it; models whose blocks are a plain loop begin a pass at the lowest block that its rows scale.

Axes: L blocks, M points of a path, R rows of a pass, T tokens that run, U units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from app.domain.positions import ALL_TOKENS, Positions
from app.domain.sites import Site, SiteKind
from app.methods.sweep import BYTES_PER_CHUNK, TOKENS_PER_CHUNK
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.start import Prefix, Start
from app.models.targets import Target
from app.models.tasks import tasks

Where = Literal["readout", "all"]
JOINT = -1
"""In place of a block's number: the units of all blocks are scaled together."""
Point = tuple[float, float]
"""Position on the path, and its weight in the sum."""


@dataclass(frozen=True)
class PathSums:
    """What the paths of one example gave.

    Args:
        sums: site to [T, U] scores of every token and unit.
        starts: block number to F where that block's units are zero; one entry, ``JOINT``, for the joint path.
        outcome: F, relevance score and probability of the example itself.
        meant: site to [T] whether its units are scaled at a token.
        tokens: how many of the input's first tokens did not run again.
    """

    sums: dict[Site, Tensor]
    starts: dict[int, float]
    outcome: tuple[float, float, float]
    meant: dict[Site, Tensor]
    tokens: int


class ReadoutPaths:
    """The paths of one example.

    Args:
        host, batch, target: a loaded model, an encoded batch of one row, what is explained.
        sites: whose units are scaled, one of a block.
        where: at which tokens.
        cached: whether tokens before the read-out may be read once; off for a test's slow twin.
    """

    def __init__(
        self,
        host: ModelHost,
        batch: Batch,
        target: Target,
        sites: Sequence[Site],
        where: Where = "readout",
        *,
        cached: bool = True,
    ) -> None:
        self.host, self.batch, self.target, self.sites = host, batch, target, tuple(sorted(sites))
        self.positions = Positions(readout=True) if where == "readout" else ALL_TOKENS
        self.prefix = self._prefix(where) if cached else None
        self.enters = host.resumes and cached
        self._read()

    def _prefix(self, where: Where) -> Prefix | None:
        """Keys and values of all tokens but the last, where those are not scaled and the model reads forwards."""
        behind = where == "readout" and tasks()[self.batch.task].continues and int(self.batch.mask.sum()) > 1
        return self.host.prefill(self.batch) if behind and self.target.site is None else None

    def _read(self) -> None:
        """The unedited pass: values of the units, what enters each block, the answer."""
        below = {site.layer: Site(site.layer - 1, SiteKind.RESID) for site in self.sites if site.layer and self.enters}
        trace = self.host.run(
            self.batch, self.target, record=[*self.sites, *below.values()], start=Start(prefix=self.prefix)
        )
        self.entries = {layer: trace.value(site) for layer, site in below.items()}
        self.values = {site: trace.value(site)[0] for site in self.sites}
        self.outcome = tuple(trace.outputs[0].double().tolist())
        self.meant = {site: self._meant(len(value)) for site, value in self.values.items()}

    def _meant(self, tokens: int) -> Tensor:
        """[T] whether a token that runs is scaled: behind a prefix, the only one is."""
        if self.prefix is not None:
            return torch.ones(tokens, dtype=torch.bool, device=self.host.device)
        return self.batch.where(self.positions, tokens)[0]

    def sums(self, points: Sequence[Point], *, joint: bool = False) -> PathSums:
        """Scores of every unit: its value times the weighted sum of the gradients along its block's path.

        Args:
            points: positions and weights of the sum; F at position 0 is computed besides.
            joint: scale the units of all blocks together, along one path.
        """
        layers = [JOINT] if joint else [site.layer for site in self.sites]
        rows = [(layer, point) for layer in layers for point in ((0.0, 0.0), *points)]
        totals = {site: torch.zeros_like(value, dtype=torch.float64) for site, value in self.values.items()}
        starts: dict[int, float] = {}
        size = self._rows_a_pass(joint)
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            self._pass(part, totals, starts)
        sums = {site: total * self.values[site] * self.meant[site][:, None] for site, total in totals.items()}
        score, relevance, probability = self.outcome
        before = 0 if self.prefix is None else int(self.prefix.lengths[0])
        return PathSums(sums, starts, (score, relevance, probability), self.meant, before)

    def _pass(self, rows: Sequence[tuple[int, Point]], totals: dict[Site, Tensor], starts: dict[int, float]) -> None:
        """One forward and one backward pass; what it gives is added to the sums of gradients and to the starts."""
        layers = torch.tensor([layer for layer, _ in rows], device=self.host.device)
        scales = torch.tensor([at for _, (at, _) in rows], device=self.host.device, dtype=torch.float64)
        weights = torch.tensor([weight for _, (_, weight) in rows], device=self.host.device, dtype=torch.float64)
        touched = {site: (layers == site.layer) | (layers == JOINT) for site in self.sites}
        touched = {site: on for site, on in touched.items() if bool(on.any())}
        edits = {site: (partial(self._scaled, site, on, scales),) for site, on in touched.items()}
        trace = self.host.run(
            self.batch.take([0] * len(rows)),
            self.target,
            record=list(touched),
            edits=edits,
            grad=True,
            start=self._start(min(site.layer for site in touched), len(rows)),
        )
        for site, gradient in trace.gradients(*touched).items():
            totals[site] += torch.einsum("r,rtu->tu", weights * touched[site], gradient.double())
        answers = trace.outputs[:, 0].detach().double().tolist()
        starts |= {layer: answer for (layer, (position, _)), answer in zip(rows, answers, strict=True) if position == 0}

    def _scaled(self, site: Site, on: Tensor, scales: Tensor, value: Tensor, _: Batch) -> Tensor:
        """[R, T, U] with the scaled values in the rows and at the tokens where they belong."""
        own = self.values[site]
        along = scales.to(own.dtype)[:, None, None] * own
        return torch.where((on[:, None] & self.meant[site])[..., None], along, value)

    def _start(self, layer: int, rows: int) -> Start:
        """Where a pass of so many rows begins, when no row scales a block below ``layer``."""
        behind = () if self.prefix is None else (0,) * rows
        if layer not in self.entries:
            return Start(prefix=self.prefix, rows=behind)
        return Start(layer, self.entries[layer].expand(rows, -1, -1), self.prefix, behind)

    def _rows_a_pass(self, joint: bool) -> int:
        """Rows that one pass may have: bounded by tokens, and by the bytes of recorded tensors, keys and values."""
        kind = self.host.device.type if self.host.device.type in TOKENS_PER_CHUNK else "cpu"
        tokens = max(len(value) for value in self.values.values())
        widest = [value.nbytes for value in self.values.values()]
        known = () if self.prefix is None else (*self.prefix.keys, *self.prefix.values)
        row = 2 * (sum(widest) if joint else max(widest)) + sum(part.nbytes for part in known)
        return max(1, int(self.host.room * min(TOKENS_PER_CHUNK[kind] // tokens, BYTES_PER_CHUNK[kind] // max(1, row))))
