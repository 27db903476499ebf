"""Causal tracing by block: a prompt's words are made unreadable, and one block's feed-forward values are put back.

Source: ``qrnca.md`` section 18, 3. Axes: T tokens, L blocks, B rows of a pass, U units, E embedding width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.sites import NeuronSpace, Site
from app.interventions.edits import WORDS
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.models.trace import Edit

SPREAD = 3.0
"""Standard deviation of the noise, in standard deviations of the word embeddings."""
TOKENS_PER_PASS = {"cpu": 2048, "cuda": 65536}


def traced(
    host: ModelHost, batch: Batch, target: Target, space: NeuronSpace, seeds: Sequence[int]
) -> tuple[float, NDArray[np.float64]]:
    """What a target is on one prompt, and what it is with noise on its words.

    Noise goes to every token of the prompt but special ones and the last, at which the answer is read.

    Args:
        host: a model. batch: one row. target: its first column is told.
        space: one site a block; all of its units are put back together, at all tokens.
        seeds: of the noise, one draw each.

    Returns:
        The intact value; and [seeds, 1 + L] values under noise, with nothing put back first, then with each block.
    """
    trace = host.run(batch, target, record=space.sites)
    clean = {site: trace.value(site)[0] for site in space.sites}
    rows = [(seed, site) for seed in seeds for site in (None, *space.sites)]
    width = batch.mask.shape[1]
    per_pass = max(1, TOKENS_PER_PASS.get(host.device.type, 2048) // width)
    told: list[float] = []
    for start in range(0, len(rows), per_pass):
        part = rows[start : start + per_pass]
        edits: dict[Site, tuple[Edit, ...]] = {WORDS: (_noisy(host, batch, [seed for seed, _ in part]),)}
        for site in {site for _, site in part if site is not None}:
            edits[site] = (_restored([at for at, (_, one) in enumerate(part) if one == site], clean[site]),)
        outputs = host.run(batch.take([0] * len(part)), target, edits=edits).outputs
        told += outputs[:, 0].double().cpu().tolist()
    return float(trace.outputs[0, 0]), np.asarray(told).reshape(len(seeds), -1)


def noise(host: ModelHost, tokens: int, seed: int) -> Tensor:
    """[T, E] what a seed adds to the word embeddings."""
    table: Any = host.places[WORDS].module
    weight: Tensor = table.weight
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(tokens, weight.shape[1], generator=generator, dtype=torch.float64)
    return drawn.to(weight) * SPREAD * weight.std()


def _noisy(host: ModelHost, batch: Batch, seeds: Sequence[int]) -> Edit:
    """Noise on the words of each row by its own seed."""
    special = [batch.segments.index(name) for name in batch.special if name in batch.segments]
    meant = batch.mask[0] & ~torch.isin(batch.segment[0], torch.tensor(special, device=host.device))
    meant = meant & (torch.arange(len(meant), device=host.device) != batch.readout[0])
    known = {seed: noise(host, len(meant), seed) * meant[:, None] for seed in set(seeds)}

    def edit(value: Tensor, _: Batch) -> Tensor:
        return value + torch.stack([known[seed] for seed in seeds]).to(value)

    return edit


def _restored(rows: Sequence[int], values: Tensor) -> Edit:
    """The clean run's values [T, U] in these rows."""

    def edit(value: Tensor, _: Batch) -> Tensor:
        out = value.clone()
        out[list(rows)] = values.to(value)
        return out

    return edit
