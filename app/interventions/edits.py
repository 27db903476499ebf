"""Settings as edits of activations, one setting per row of a batch (``nig.md`` section 10).

Axes: R rows, T tokens, U units, ``...`` the width of a head where the unit is a head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.interventions import Op, Setting
from app.domain.sites import NeuronSpace, Site
from app.models.encoding import Batch
from app.models.trace import Edit


@dataclass(frozen=True)
class Sources:
    """Replacement values for one example.

    Args:
        mean: site to [U, ...] mean over the example's content tokens.
        baseline: site to [T, U, ...] activations of the baseline input.
    """

    mean: Mapping[Site, Tensor] = field(default_factory=dict)
    baseline: Mapping[Site, Tensor] = field(default_factory=dict)


def chosen(space: NeuronSpace, setting: Setting) -> dict[Site, NDArray[np.int64]]:
    """Unit numbers that a setting edits, by site; sites without any are left out."""
    if not setting.invert:
        return space.split(setting.members)
    inside = np.ones(len(space), dtype=bool)
    inside[setting.members] = False
    return {site: np.flatnonzero(inside[where]) for site, where in space.slices() if inside[where].any()}


def compile_edits(
    space: NeuronSpace, rows: Sequence[Setting], sources: Sources, batch: Batch
) -> dict[Site, tuple[Edit, ...]]:
    """Edits of a batch whose row i is under ``rows[i]``.

    Raises:
        Unsupported: a replacement needs a source that was not handed in.
    """
    members: dict[Site, dict[int, NDArray[np.int64]]] = {}
    for row, setting in enumerate(rows):
        for site, units in chosen(space, setting).items():
            members.setdefault(site, {})[row] = units
    return {site: (_edit(site, rows, by_row, sources),) for site, by_row in members.items()}


def _edit(site: Site, rows: Sequence[Setting], by_row: Mapping[int, NDArray[np.int64]], sources: Sources) -> Edit:
    """One edit of one site for all rows: a multiplication where that is enough, else a replacement as well."""
    everywhere = all(rows[row].segments is None for row in by_row)
    replaced = {row: units for row, units in by_row.items() if rows[row].op in (Op.MEAN, Op.BASELINE)}

    def edit(value: Tensor, batch: Batch) -> Tensor:
        where = _where(batch, rows, value.shape[1])
        factor = torch.ones(len(rows), value.shape[2], dtype=value.dtype, device=value.device)
        for row, units in by_row.items():
            factor[row, torch.from_numpy(units).to(value.device)] = _amount(rows[row])
        tail = (1,) * (value.dim() - 3)
        scale = factor.view(len(rows), 1, -1, *tail)
        if everywhere:
            out = value * scale
        else:
            at = where.to(value.device).view(*where.shape, 1, *tail)
            out = torch.where(at, value * scale, value)
        for row, units in replaced.items():
            out = _replaced(out, row, units, site, rows[row], where, sources)
        return out

    return edit


def _where(batch: Batch, rows: Sequence[Setting], tokens: int) -> Tensor:
    """[R, T] tokens at which each row is edited, on a site's own token axis."""
    return torch.stack([batch.where(setting.segments, tokens)[row] for row, setting in enumerate(rows)])


def _amount(setting: Setting) -> float:
    """The factor of an op: 0 to clear, λ to scale, 1 where a replacement follows."""
    return {Op.ZERO: 0.0, Op.SCALE: setting.amount}.get(setting.op, 1.0)


def _replaced(
    out: Tensor, row: int, units: NDArray[np.int64], site: Site, setting: Setting, where: Tensor, sources: Sources
) -> Tensor:
    """``out`` with row ``row`` taking its units' values from a source at the setting's tokens (out of place)."""
    table = sources.mean if setting.op is Op.MEAN else sources.baseline
    if site not in table:
        raise Unsupported(
            f"replacement values for {site}", "none", "Recompute the sources of this example for the edited sites."
        )
    source = table[site].to(out)
    at = torch.from_numpy(units).to(out.device)
    pick = source[at] if setting.op is Op.MEAN else source[:, at]
    mask = torch.zeros(out.shape[1:3], dtype=torch.bool, device=out.device)
    mask[:, at] = where[row].to(out.device)[:, None]
    filled = torch.zeros_like(out[row])
    filled[:, at] = pick
    mask = mask.view(*mask.shape, *(1,) * (out.dim() - 3))
    new = torch.where(mask, filled, out[row])
    return torch.cat([out[:row], new[None], out[row + 1 :]])
