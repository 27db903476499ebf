"""Where a tensor of the model can be read or edited, and how one unit of it is called.

Neuron presets after ``nig.md`` section 6.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput


class SiteKind(StrEnum):
    """The places of a transformer block (shapes in ``docs/architecture.md``)."""

    WORDS = "words"
    EMBED = "embed"
    RESID = "resid"
    ATTN_IN = "attn_in"
    Q = "q"
    K = "k"
    V = "v"
    HEAD = "head"
    ATTN_OUT = "attn_out"
    MLP_IN = "mlp_in"
    UP = "up"
    GATE = "gate"
    MID = "mid"
    MLP_OUT = "mlp_out"


SITE_TITLES: Mapping[SiteKind, str] = {
    SiteKind.WORDS: "word embeddings",
    SiteKind.EMBED: "input of the first block",
    SiteKind.RESID: "block output",
    SiteKind.ATTN_IN: "attention input",
    SiteKind.Q: "queries",
    SiteKind.K: "keys",
    SiteKind.V: "values",
    SiteKind.HEAD: "attention heads",
    SiteKind.ATTN_OUT: "attention output",
    SiteKind.MLP_IN: "feed-forward input",
    SiteKind.UP: "feed-forward up-projection, before the non-linearity",
    SiteKind.GATE: "feed-forward gate",
    SiteKind.MID: "feed-forward neurons (input of the down-projection)",
    SiteKind.MLP_OUT: "feed-forward output",
}

PRESETS: Mapping[str, tuple[SiteKind, ...]] = {
    "ffn": (SiteKind.MID,),
    "ffn_pre": (SiteKind.UP,),
    "linear6": (SiteKind.Q, SiteKind.K, SiteKind.V, SiteKind.ATTN_OUT, SiteKind.UP, SiteKind.MLP_OUT),
    "heads": (SiteKind.HEAD,),
    "resid": (SiteKind.RESID,),
}
"""Named choices of what counts as a neuron (``nig.md`` section 6)."""


def noun_of(kinds: Iterable[SiteKind]) -> str:
    """What a unit of these places is called: ``head`` where all are attention heads, ``neuron`` otherwise."""
    return "head" if set(kinds) == {SiteKind.HEAD} else "neuron"


@dataclass(frozen=True, order=True)
class Site:
    """One tensor of the network: a kind at a running block number (0 for WORDS and EMBED)."""

    layer: int
    kind: SiteKind

    def __str__(self) -> str:
        return f"{self.kind.value}@{self.layer}"


_NEURON = re.compile(r"L([0-9]{1,9})\.([a-z_]{1,20})\.([0-9]{1,9})")


@dataclass(frozen=True, order=True)
class NeuronIndex:
    """One unit, zero-based, written ``L12.mid.3071`` (block, kind, unit)."""

    layer: int
    kind: SiteKind
    unit: int

    def __str__(self) -> str:
        return f"L{self.layer}.{self.kind.value}.{self.unit}"

    @property
    def site(self) -> Site:
        """The tensor the unit belongs to."""
        return Site(self.layer, self.kind)

    @classmethod
    def parse(cls, text: str) -> "NeuronIndex":
        """Read the text form.

        Raises:
            BadInput: the text is not of the form ``L<layer>.<kind>.<unit>``.
        """
        match = _NEURON.fullmatch(text.strip())
        if match is None or match[2] not in {k.value for k in SiteKind}:
            kinds = ", ".join(k.value for k in SiteKind)
            raise BadInput(
                "a neuron written L<layer>.<kind>.<unit>, zero-based, as L3.mid.1201",
                f"'{text.strip()[:60]}'",
                f"Write one neuron per line; kinds are {kinds}.",
                field="neurons",
            )
        return cls(int(match[1]), SiteKind(match[2]), int(match[3]))


@dataclass(frozen=True)
class NeuronSpace:
    """The ordered sites that are ranked together; flat index = position in their concatenation.

    Args:
        sites: ordered by layer, then by the preset's order of kinds.
        widths: units of each site (heads for ``head``).
    """

    sites: tuple[Site, ...]
    widths: tuple[int, ...]

    def __len__(self) -> int:
        return int(sum(self.widths))

    @cached_property
    def offsets(self) -> dict[Site, int]:
        """Flat index of the first unit of each site."""
        ends = np.cumsum(self.widths)
        return {site: int(end) - width for site, width, end in zip(self.sites, self.widths, ends, strict=True)}

    @property
    def layers(self) -> tuple[int, ...]:
        """The block numbers present, ascending."""
        return tuple(sorted({site.layer for site in self.sites}))

    def below(self, layer: int) -> "NeuronSpace":
        """The neurons of the blocks below one."""
        return self.within(range(layer))

    def within(self, layers: Collection[int]) -> "NeuronSpace":
        """The neurons of some blocks."""
        kept = [(site, width) for site, width in zip(self.sites, self.widths, strict=True) if site.layer in layers]
        return NeuronSpace(tuple(site for site, _ in kept), tuple(width for _, width in kept))

    def width(self, site: Site) -> int:
        """Units of one site."""
        return self.widths[self.sites.index(site)]

    def flat(self, neuron: NeuronIndex) -> int:
        """Flat index of a unit.

        Raises:
            BadInput: no such site or unit in this space.
        """
        site = neuron.site
        if site not in self.offsets or neuron.unit >= self.width(site):
            layers = self.layers
            kinds = sorted({s.kind.value for s in self.sites})
            width = self.width(site) if site in self.offsets else max(self.widths, default=0)
            raise BadInput(
                f"a neuron of this model: layers {layers[0]} to {layers[-1]}, kinds {', '.join(kinds)}, "
                f"units 0 to {width - 1}",
                f"'{neuron}'",
                "Correct the id; layers and units count from zero.",
                field="neurons",
            )
        return self.offsets[site] + neuron.unit

    def index(self, flat: int) -> NeuronIndex:
        """The unit at a flat index."""
        at = int(np.searchsorted(np.cumsum(self.widths), flat, side="right"))
        site = self.sites[at]
        return NeuronIndex(site.layer, site.kind, int(flat) - self.offsets[site])

    def slices(self) -> Iterator[tuple[Site, slice]]:
        """Each site with its slice of the flat axis."""
        for site, width in zip(self.sites, self.widths, strict=True):
            start = self.offsets[site]
            yield site, slice(start, start + width)

    def split(self, members: NDArray[np.int64]) -> dict[Site, NDArray[np.int64]]:
        """Flat members grouped by site as unit numbers, ascending; sites without members are left out."""
        ordered = np.sort(np.asarray(members, dtype=np.int64))
        groups = {site: ordered[(ordered >= s.start) & (ordered < s.stop)] - s.start for site, s in self.slices()}
        return {site: units for site, units in groups.items() if len(units)}
