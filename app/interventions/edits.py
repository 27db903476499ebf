"""Settings as edits of activations, each row of a batch under its own (``nig.md`` section 10).

Axes: B rows, C examples, T tokens, U units, M members over all rows; ``...`` is the width of a head where the unit is a
head. Row i of a batch is one cell: an example under a setting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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


class Cell(NamedTuple):
    """One row of a batch: the number of an example, and the setting it is answered under."""

    example: int
    setting: Setting


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

    def words(self) -> Tensor:
        """[C, T, E] word embeddings of the baseline inputs.

        Raises:
            Unsupported: they were not handed in.
        """
        if self.start is None:
            wanted, way = "word embeddings of the baseline inputs", "Compute the sources for these settings."
            raise Unsupported(wanted, "none", way)
        return self.start


def members_of(space: NeuronSpace, setting: Setting) -> dict[Site, Units]:
    """Units that a setting names, by site; of an inverted one every site, since the others of it are edited."""
    named = space.split(setting.members)
    return {site: named.get(site, np.zeros(0, dtype=np.int64)) for site in space.sites} if setting.invert else named


def first_layer(space: NeuronSpace, setting: Setting) -> int:
    """The first block that a setting changes; 0 where the input itself is another one, or nothing is changed."""
    if setting.op is Op.INPUT:
        return 0
    widths = dict(zip(space.sites, space.widths, strict=True))
    edited = members_of(space, setting).items()
    return min((site.layer for site, units in edited if not setting.invert or len(units) < widths[site]), default=0)


def compile_edits(space: NeuronSpace, cells: Sequence[Cell], sources: Sources) -> dict[Site, tuple[Edit, ...]]:
    """Edits of a batch whose rows are these cells.

    Raises:
        Unsupported: a replacement needs a source that was not handed in.
    """
    by_site: dict[Site, dict[int, Units]] = {}
    distinct = {id(cell.setting): cell.setting for cell in cells}
    members = {key: members_of(space, setting) for key, setting in distinct.items()}
    for row, cell in enumerate(cells):
        for site, units in members[id(cell.setting)].items():
            by_site.setdefault(site, {})[row] = units
    edits: dict[Site, tuple[Edit, ...]] = {
        site: (_edit(site, cells, units, sources),) for site, units in by_site.items()
    }
    turned = [row for row, cell in enumerate(cells) if cell.setting.op is Op.INPUT]
    return {**edits, WORDS: (_turned(turned, cells, sources.words()),)} if turned else edits


def _turned(rows: Sequence[int], cells: Sequence[Cell], words: Tensor) -> Edit:
    """The baseline input's words in these rows."""
    examples = [cells[row].example for row in rows]

    def edit(value: Tensor, _: Batch) -> Tensor:
        out = value.clone()
        out[list(rows)] = words[examples].to(value)
        return out

    return edit


@dataclass(frozen=True)
class _Group:
    """Rows of one site that the same kind of edit goes to.

    Args:
        op: what is done. rows: [R] the rows. factors: [R] of an op that multiplies. examples: [R] of each row.
        at, units: [M] row and unit of every member. of: [M] place of a member's row in ``rows``.
        invert: every unit but the members is edited.
    """

    op: Op
    rows: Tensor
    factors: Tensor
    examples: Tensor
    at: Tensor
    units: Tensor
    of: Tensor
    invert: bool

    @classmethod
    def make(cls, op: Op, invert: bool, cells: Mapping[int, Cell], units: Mapping[int, Units]) -> "_Group":
        """The group of these rows."""
        rows, counts = list(cells), [len(units[row]) for row in cells]
        flat = np.concatenate([units[row] for row in rows])
        factors = [cell.setting.amount if op is Op.SCALE else 0.0 for cell in cells.values()]
        return cls(
            op,
            torch.tensor(rows),
            torch.tensor(factors, dtype=torch.float64),
            torch.tensor([cell.example for cell in cells.values()]),
            torch.from_numpy(np.repeat(rows, counts)),
            torch.from_numpy(flat),
            torch.from_numpy(np.repeat(np.arange(len(rows)), counts)),
            invert,
        )

    def apply(self, out: Tensor, value: Tensor, where: Tensor | None, source: Tensor | None) -> None:
        """Write the edited values into ``out``, a copy of ``value`` [B, T, U, ...]; ``where`` [B, T] says at which
        tokens, ``source`` [C, T or 1, U, ...] holds what is put in."""
        at, units, rows = (index.to(value.device) for index in (self.at, self.units, self.rows))
        if self.invert:
            out[rows] = self._edited(value[rows], self._new(value[rows], source), where, rows)
            out[at, :, units] = value[at, :, units]
            return
        before = value[at, :, units]
        out[at, :, units] = self._edited(before, self._members(before, source), where, at)

    def _new(self, before: Tensor, source: Tensor | None) -> Tensor:
        """[R, T, U, ...] new values of whole rows."""
        if source is None:
            return before * _over(self.factors.to(before), before)
        return source[self.examples.to(source.device)].expand_as(before)

    def _members(self, before: Tensor, source: Tensor | None) -> Tensor:
        """[M, T, ...] new values of the members."""
        of, units = self.of.to(before.device), self.units.to(before.device)
        if source is None:
            return before * _over(self.factors.to(before)[of], before)
        return source[self.examples.to(before.device)[of], :, units].expand_as(before)

    def _edited(self, before: Tensor, after: Tensor, where: Tensor | None, rows: Tensor) -> Tensor:
        """The new values at the edited tokens, the old ones elsewhere."""
        if where is None:
            return after
        mask = where[rows]
        return torch.where(mask.view(*mask.shape, *(1,) * (before.dim() - 2)), after, before)


def _over(values: Tensor, like: Tensor) -> Tensor:
    """[R] values beside a tensor whose first axis they belong to."""
    return values.view(-1, *(1,) * (like.dim() - 1))


def _edit(site: Site, cells: Sequence[Cell], units: Mapping[int, Units], sources: Sources) -> Edit:
    """The edit of one site: each row by its own setting, members gathered and put back."""
    by_kind: dict[tuple[Op, bool], dict[int, Cell]] = {}
    for row in units:
        setting = cells[row].setting
        by_kind.setdefault((setting.op, setting.invert), {})[row] = cells[row]
    groups = [_Group.make(op, invert, rows, units) for (op, invert), rows in by_kind.items()]
    tables = {group.op: sources.of(group.op, site) for group in groups if group.op.replaces}

    def edit(value: Tensor, batch: Batch) -> Tensor:
        out, where = value.clone(), _where(batch, cells, value.shape[1])
        for group in groups:
            source = tables.get(group.op)
            group.apply(out, value, where, None if source is None else source.to(value))
        return out

    return edit


def _where(batch: Batch, cells: Sequence[Cell], tokens: int) -> Tensor | None:
    """[B, T] tokens at which each row is edited, on a site's own token axis; None where that is every one."""
    known = {cell.setting.positions for cell in cells}
    if all(positions.everywhere for positions in known):
        return None
    masks = {positions: batch.where(positions, tokens) for positions in known}
    return torch.stack([masks[cell.setting.positions][row] for row, cell in enumerate(cells)])
