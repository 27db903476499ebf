"""How a model family is declared: where each site lives, as data (``docs/architecture.md`` section 2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from app.domain.sites import SiteKind

Shape = Literal["encoder", "decoder", "encoder-decoder"]
"""What the block lists of a model are: tokens see all others, only those before them, or one list feeds the other."""


@dataclass(frozen=True)
class Part:
    """A slice of a fused projection's last axis.

    ``even``: piece ``index`` of ``count`` equal pieces. ``per_head``: the last axis is [head, count, d] and the piece
    is taken within each head. ``grouped``: queries, then keys, then values, with fewer key and value heads than heads.
    """

    layout: Literal["even", "per_head", "grouped"]
    index: int
    count: int

    def read(self, whole: Tensor, config: Any) -> Tensor:
        """[..., width] of the piece."""
        if self.layout == "per_head":
            heads: Tensor = whole.unflatten(-1, (config.num_attention_heads, self.count, -1))
            return heads[..., self.index, :].flatten(-2)
        return torch.split(whole, self._sizes(whole, config), dim=-1)[self.index]

    def write(self, whole: Tensor, piece: Tensor, config: Any) -> Tensor:
        """``whole`` with the piece replaced, out of place."""
        if self.layout == "per_head":
            heads = list(whole.unflatten(-1, (config.num_attention_heads, self.count, -1)).unbind(-2))
            heads[self.index] = piece.unflatten(-1, (config.num_attention_heads, -1))
            return torch.stack(heads, dim=-2).flatten(-3)
        pieces = list(torch.split(whole, self._sizes(whole, config), dim=-1))
        pieces[self.index] = piece
        return torch.cat(pieces, dim=-1)

    def _sizes(self, whole: Tensor, config: Any) -> list[int]:
        if self.layout == "even":
            return [whole.shape[-1] // self.count] * self.count
        heads, groups = config.num_attention_heads, config.num_key_value_heads
        width = whole.shape[-1] // (heads + 2 * groups)
        return [heads * width, groups * width, groups * width]


class Tap(NamedTuple):
    """Where a site lives: a module path below the block (``a|b`` takes the first that exists), and which side of it."""

    path: str
    side: Literal["in", "out"]
    part: Part | None = None


@dataclass(frozen=True)
class Stack:
    """A list of blocks with the taps of one block.

    ``complete``: which block outputs every path crosses. ``loop``: the blocks are a plain loop over one hidden state,
    so a pass may begin at any of them. ``causal``: a token sees only those before it.
    """

    blocks: str
    taps: Mapping[SiteKind, Tap]
    complete: Literal["every", "last"] = "every"
    loop: bool = False
    causal: bool = False


@dataclass(frozen=True)
class Architecture:
    """One family: its blocks. How a model of it is read is told by its head; see ``app/models/tasks``.

    Args:
        family: name shown.
        claims: ``config.model_type`` values it serves.
        words: path of the word-embedding module below the base model.
        stacks: block lists in order of the running layer number.
        tiny: makes the configuration of a small random model: ``tiny(labels, vocabulary)``.
        fold: True where the down-projection sees batch and tokens flattened into one axis.
        final_norm: path below the base model of the norm behind the last block, in front of a language-model head;
            None where the head is reached in another way.
        final_map: path of a map between that norm and the head; a model may leave it out.
    """

    family: str
    claims: tuple[str, ...]
    words: str
    stacks: tuple[Stack, ...]
    tiny: Callable[[int, int], Any] = field(repr=False)
    fold: bool = False
    final_norm: str | None = None
    final_map: str | None = None

    @property
    def gated(self) -> bool:
        """Whether its feed-forward layers have a gate, a third matrix."""
        return any(SiteKind.GATE in stack.taps for stack in self.stacks)

    @property
    def shape(self) -> Shape:
        """What the block lists are, together."""
        if len(self.stacks) > 1:
            return "encoder-decoder"
        return "decoder" if self.stacks[0].causal else "encoder"


def plain_block(
    qkv: tuple[str, str, str], attention_out: str, up: str, down: str, gate: str | None = None
) -> dict[SiteKind, Tap]:
    """Taps of a block whose projections are separate linear maps."""
    taps = {
        SiteKind.RESID: Tap("", "out"),
        SiteKind.Q: Tap(qkv[0], "out"),
        SiteKind.K: Tap(qkv[1], "out"),
        SiteKind.V: Tap(qkv[2], "out"),
        SiteKind.HEAD: Tap(attention_out, "in"),
        SiteKind.ATTN_OUT: Tap(attention_out, "out"),
        SiteKind.UP: Tap(up, "out"),
        SiteKind.MID: Tap(down, "in"),
        SiteKind.MLP_OUT: Tap(down, "out"),
    }
    return taps | ({SiteKind.GATE: Tap(gate, "out")} if gate else {})


def fused_qkv(path: str, layout: Literal["even", "per_head", "grouped"]) -> dict[SiteKind, Tap]:
    """Taps of one projection that holds queries, keys and values."""
    kinds = (SiteKind.Q, SiteKind.K, SiteKind.V)
    return {kind: Tap(path, "out", Part(layout, number, 3)) for number, kind in enumerate(kinds)}
