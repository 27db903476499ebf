"""One sweep of the path from a baseline to the input: sums at every site, for several examples at once.

Source: ``nig.md`` section 13. Axes: B examples, T tokens, E embedding width, K intervals, U units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from app.domain.sites import Site, SiteKind
from app.models.baselines import words as baseline_words
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.quadrature import Rule, StieltjesSum, positions

WORDS = Site(0, SiteKind.WORDS)
BYTES_PER_CHUNK = {"cpu": 1 << 28, "cuda": 1 << 32}
TOKENS_PER_CHUNK = {"cpu": 1024, "cuda": 32768}


@dataclass(frozen=True)
class Path:
    """Word embeddings [B, T, E] of the baselines, and the way from there to the inputs."""

    start: Tensor
    change: Tensor

    @classmethod
    def of(cls, host: ModelHost, batch: Batch, baseline: str) -> "Path":
        """The straight line from the baseline's word embeddings to the input's."""
        start = baseline_words(host, batch, baseline)
        end = host.run(batch, None, record=[WORDS]).value(WORDS)
        return cls(start, end - start)

    def edit(self, alphas: Tensor) -> Callable[[Tensor, Batch], Tensor]:
        """All examples at each of these path positions, position by position."""

        def edit(value: Tensor, _: Batch) -> Tensor:
            at = alphas[:, None, None, None].to(value.dtype)
            return (self.start + at * self.change).flatten(0, 1)

        return edit

    def take(self, rows: Sequence[int]) -> "Path":
        """The paths of these examples."""
        return Path(self.start[list(rows)], self.change[list(rows)])


@dataclass(frozen=True)
class Sweep:
    """One pass over the paths.

    Args:
        sums: site to [B, T, U...] attribution sums.
        path: [B, K + 1] target values F along the path, float64.
        outcome: [B, 2, 2] relevance score and probability at the baseline and at the input, float64.
        gap: [B] right minus left sum at the word embeddings.
        target: the scalar F; rows that have one F together are added where a sum is compared with ΔF.
    """

    sums: dict[Site, Tensor]
    path: Tensor
    outcome: Tensor
    gap: Tensor
    target: Target

    @property
    def change(self) -> Tensor:
        """[B] ΔF = F(e) - F(e')."""
        return self.path[:, -1] - self.path[:, 0]

    def miss(self, site: Site) -> Tensor:
        """[B] sum of the site's scores - ΔF; of all rows of one F together."""
        sums = self.sums[site].double().flatten(1).sum(1).to(self.change.device)
        return self.target.together(sums) - self.change

    def remainder(self, site: Site) -> Tensor:
        """[B] |sum of the site's scores - ΔF| as a share of |ΔF| (absolute where ΔF is 0)."""
        miss = self.miss(site).abs()
        size = self.change.abs()
        return torch.where(size > 1e-9, miss / size.clamp(min=1e-9), miss)


def sweep_path(
    host: ModelHost, batch: Batch, target: Target, path: Path, steps: int, rule: Rule, sites: set[Site]
) -> Sweep:
    """One forward and one backward row-pass per example and position, all sites at once."""
    count = len(batch.examples)
    sums = {site: StieltjesSum(rule) for site in sorted(sites | {WORDS})}
    ends = {name: StieltjesSum(name) for name in ("left", "right")}
    alphas = positions(steps, path.start.device, path.start.dtype)
    outputs = []
    for chunk in alphas.split(max(1, chunk_rows(host, batch, sites) // count)):
        rows = batch if len(chunk) == 1 else batch.take([*range(count)] * len(chunk))
        trace = host.run(rows, target, record=list(sums), edits={WORDS: (path.edit(chunk),)}, grad=True)
        gradients = trace.gradients(*sums)
        along = partial(Tensor.unflatten, dim=0, sizes=(len(chunk), count))
        for site, running in sums.items():
            running.add(along(trace.value(site)), along(gradients[site]))
        for running in ends.values():
            running.add(along(trace.value(WORDS)), along(gradients[WORDS]))
        outputs.append(along(trace.outputs.detach()))
    points = torch.cat(outputs).double()
    gap = (ends["right"].total - ends["left"].total).double().flatten(1).sum(1)
    return Sweep(
        {site: running.total for site, running in sums.items()},
        points[..., 0].T,
        torch.stack([points[0], points[-1]], dim=1)[..., 1:],
        target.together(gap),
        target,
    )


def chunk_rows(host: ModelHost, batch: Batch, sites: set[Site]) -> int:
    """Rows per forward pass: bounded by tokens and by the bytes of the recorded tensors and gradients."""
    tokens = batch.mask.shape[1]
    known = host.card.widths
    widths = sum(known[site.kind][site.layer] if site.kind in known else host.card.hidden for site in sites)
    bytes_per_row = max(1, tokens * widths * 2 * 4)
    device = host.device.type if host.device.type in TOKENS_PER_CHUNK else "cpu"
    return max(1, int(host.room * min(TOKENS_PER_CHUNK[device] // tokens, BYTES_PER_CHUNK[device] // bytes_per_row)))


def complete_sites(host: ModelHost, target: Target | None = None) -> tuple[Site, ...]:
    """Sites that every path from the word embeddings to F crosses (I1); the last one drives the step doubling.

    For an inner neuron they are those of the blocks below it.
    """
    top = None if target is None or target.neuron is None else target.neuron.layer
    return (WORDS, *(Site(layer, SiteKind.RESID) for layer in host.complete_layers() if top is None or layer < top))
