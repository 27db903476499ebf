"""Settings as edits of activations: many settings, each on several examples, in one batch (``nig.md`` section 10).

Axes: S settings, C examples, T tokens, U units, ``...`` the width of a head where the unit is a head. Row ``s * C + c``
of a batch is example c under setting s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.interventions import Op, Setting
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.models.encoding import Batch
from app.models.trace import Edit

Units = NDArray[np.int64]
WORDS = Site(0, SiteKind.WORDS)


@dataclass(frozen=True)
class Sources:
    """Replacement values for C examples.

    Args:
        mean: site to [C, U, ...] the mean that replaces an activation.
        baseline: site to [C, T, U, ...] activations of the baseline inputs.
        other: site to [C, T, U, ...] activations of another example at the same position.
        real: site to [C, T, U, ...] activations of the inputs themselves.
        start: [C, T, E] word embeddings of the baseline inputs.
    """

    mean: Mapping[Site, Tensor] = field(default_factory=dict)
    baseline: Mapping[Site, Tensor] = field(default_factory=dict)
    other: Mapping[Site, Tensor] = field(default_factory=dict)
    real: Mapping[Site, Tensor] = field(default_factory=dict)
    start: Tensor | None = None

    def of(self, op: Op, site: Site) -> Tensor:
        """[C, T or 1, U, ...] values of a replacing op.

        Raises:
            Unsupported: they were not handed in.
        """
        tables = {Op.MEAN: self.mean, Op.BASELINE: self.baseline, Op.RESAMPLE: self.other, Op.INPUT: self.real}
        table = tables[op]
        if site not in table:
            raise Unsupported(
                f"replacement values for {site}", "none", "Recompute the sources of this example for the edited sites."
            )
        return table[site][:, None] if op is Op.MEAN else table[site]


def chosen(space: NeuronSpace, setting: Setting) -> dict[Site, Units]:
    """Unit numbers that a setting edits, by site; sites without any are left out."""
    if not setting.invert:
        return space.split(setting.members)
    inside = np.ones(len(space), dtype=bool)
    inside[setting.members] = False
    return {site: np.flatnonzero(inside[where]) for site, where in space.slices() if inside[where].any()}


def compile_edits(space: NeuronSpace, settings: Sequence[Setting], sources: Sources) -> dict[Site, tuple[Edit, ...]]:
    """Edits of a batch that holds every example under every setting.

    Raises:
        Unsupported: a replacement needs a source that was not handed in.
    """
    members: dict[Site, dict[int, Units]] = {}
    for number, setting in enumerate(settings):
        for site, units in chosen(space, setting).items():
            members.setdefault(site, {})[number] = units
            if setting.op.replaces:
                sources.of(setting.op, site)
    edits: dict[Site, tuple[Edit, ...]] = {
        site: (_edit(site, settings, units, sources),) for site, units in members.items()
    }
    turned = [number for number, setting in enumerate(settings) if setting.op is Op.INPUT]
    if turned and sources.start is None:
        raise Unsupported("word embeddings of the baseline inputs", "none", "Compute the sources for these settings.")
    return {**edits, WORDS: (_started(turned, len(settings), sources),)} if turned else edits


def _started(turned: Sequence[int], count: int, sources: Sources) -> Edit:
    """The baseline input's words for these settings."""

    def edit(value: Tensor, _: Batch) -> Tensor:
        rows = list(value.unflatten(0, (count, -1)))
        assert sources.start is not None
        for number in turned:
            rows[number] = sources.start.to(value)
        return torch.cat(rows)

    return edit


def _edit(site: Site, settings: Sequence[Setting], members: Mapping[int, Units], sources: Sources) -> Edit:
    """One edit of one site: a multiplication where that is enough, else a replacement as well."""
    everywhere = all(settings[number].segments is None for number in members)
    replaced = {number: units for number, units in members.items() if settings[number].op.replaces}

    def edit(value: Tensor, batch: Batch) -> Tensor:
        whole = value.unflatten(0, (len(settings), -1))
        tail = (1,) * (value.dim() - 3)
        scale = _factors(settings, members, value).view(len(settings), 1, 1, -1, *tail)
        where = None if everywhere and not replaced else _where(batch, settings, value.shape[1])
        out = whole * scale
        if not everywhere and where is not None:
            out = torch.where(where.view(*where.shape, 1, *tail), out, whole)
        if replaced and where is not None:
            rows = list(out)
            for number, units in replaced.items():
                values = sources.of(settings[number].op, site).to(value)
                rows[number] = _replaced(rows[number], units, values, where[number])
            out = torch.stack(rows)
        edited: Tensor = out.flatten(0, 1)
        return edited

    return edit


def _factors(settings: Sequence[Setting], members: Mapping[int, Units], value: Tensor) -> Tensor:
    """[S, U] factors: 0 to clear, λ to scale, 1 where nothing or a replacement is done."""
    factor = torch.ones(len(settings), value.shape[2], dtype=value.dtype)
    for number, units in members.items():
        setting = settings[number]
        factor[number, torch.from_numpy(units)] = {Op.ZERO: 0.0, Op.SCALE: setting.amount}.get(setting.op, 1.0)
    return factor.to(value.device)


def _where(batch: Batch, settings: Sequence[Setting], tokens: int) -> Tensor:
    """[S, C, T] tokens at which each row is edited, on a site's own token axis."""
    by_part = {setting.segments: batch.where(setting.segments, tokens) for setting in settings}
    rows = [by_part[setting.segments].unflatten(0, (len(settings), -1))[n] for n, setting in enumerate(settings)]
    return torch.stack(rows)


def _replaced(row: Tensor, units: Units, values: Tensor, where: Tensor) -> Tensor:
    """[C, T, U, ...] with these units' values taken from a source where ``where`` [C, T] says so (out of place)."""
    inside = torch.zeros(row.shape[2], dtype=torch.bool, device=row.device)
    inside[torch.from_numpy(units).to(row.device)] = True
    mask = where[:, :, None] & inside
    return torch.where(mask.view(*mask.shape, *(1,) * (row.dim() - 3)), values, row)
