"""Where a pass begins: at a block with what enters it, behind tokens whose keys and values are known, or both.

Blocks are passed over inside a ``with`` and put back when it is left, whatever happens; they keep their place in the
list, because some families look up by it what kind of attention a block has.

Axes: B rows of a pass, P rows of a prefix, S slots of its keys and values, T tokens, D hidden width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from app.domain.errors import BadInput, Unsupported
from app.models.encoding import Batch


@dataclass(frozen=True)
class Prefix:
    """Keys and values of the first tokens of some rows. Nothing changes them; every use makes its own cache.

    Args:
        ids: [P, W] tokens of each row from its first one on; what lies behind ``lengths`` means nothing.
        lengths: [P] tokens of each row.
        mask: [P, S] True at slots that hold a token; rows shorter than the longest leave slots empty.
        keys, values: per block, [P, heads, S, width of a head]; none for a prefix without tokens.
    """

    ids: Tensor
    lengths: Tensor
    mask: Tensor
    keys: tuple[Tensor, ...] = ()
    values: tuple[Tensor, ...] = ()

    @classmethod
    def none(cls, batch: Batch) -> "Prefix":
        """A prefix without tokens: a pass behind it is a whole one, and leaves a prefix of all its tokens."""
        empty = batch.mask[:, :0]
        return cls(batch.inputs["input_ids"][:, :0], empty.sum(1), empty)

    def __len__(self) -> int:
        return len(self.lengths)

    def cache(self, rows: Tensor) -> Any:
        """The library's cache for a pass whose rows continue ``rows`` [B]."""
        cache = DynamicCache()
        for number, pair in enumerate(zip(self.keys, self.values, strict=True)):
            cache.update(*(_rows(whole, rows) for whole in pair), number)
        return cache

    def after(self, batch: Batch, view: Batch, cache: Any, rows: Tensor) -> "Prefix":
        """What a pass over ``view``, the rest of ``batch``, made of this prefix."""
        return Prefix(
            batch.inputs["input_ids"],
            batch.mask.sum(1),
            torch.cat([self.mask[rows], view.mask], dim=1),
            tuple(layer.keys.detach() for layer in cache.layers),
            tuple(layer.values.detach() for layer in cache.layers),
        )


@dataclass(frozen=True)
class Start:
    """Where a pass begins.

    Args:
        layer: the first block that runs.
        hidden: [B, T, D] what enters it (of the tokens that run); None for what the blocks below give, all of which
            then run, so that ``layer`` is 0.
        prefix: keys and values of the tokens that do not run again; None to run all.
        rows: the prefix row that each row of the batch continues; empty for each its own.

    Raises:
        ValueError: a block without what enters it, or rows of no prefix.
    """

    layer: int = 0
    hidden: Tensor | None = None
    prefix: Prefix | None = None
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.layer < 0 or (self.layer and self.hidden is None):
            raise ValueError(f"expected what enters block {self.layer}; found nothing; hand in hidden")
        if self.rows and self.prefix is None:
            raise ValueError("expected a prefix with its rows; found rows alone; hand in prefix")

    def enter(self, value: Tensor, batch: Batch) -> Tensor:
        """The edit of the first block's input.

        Raises:
            ValueError: ``hidden`` is not of the rows and tokens that run.
        """
        if self.hidden is None or self.hidden.shape != value.shape:
            shape = None if self.hidden is None else tuple(self.hidden.shape)
            raise ValueError(f"expected hidden of shape {tuple(value.shape)}; found {shape}; record the same tokens")
        return self.hidden


@dataclass(frozen=True)
class Rest:
    """The part of a batch that a pass behind a prefix runs, and the library's cache for it."""

    prefix: Prefix
    rows: Tensor
    whole: Batch
    view: Batch
    cache: Any

    def prefix_of_all(self) -> Prefix:
        """Keys and values of every token, once the pass is through all blocks."""
        return self.prefix.after(self.whole, self.view, self.cache, self.rows)


def rest_of(batch: Batch, prefix: Prefix, rows: Sequence[int], config: Any) -> Rest:
    """What is left to run of a batch whose first tokens are known.

    Args:
        batch: whole rows, their first tokens included.
        prefix, rows: see :class:`Start`.
        config: the model's configuration, for how far back it looks and how it turns positions.

    Raises:
        BadInput: rows that do not begin with their prefix, or that have nothing left behind it.
        Unsupported: prefixes of different lengths in a model that does not see all of them, or rows so long that the
            model would have read the prefix differently.
    """
    index = torch.as_tensor(rows or range(len(prefix)), device=prefix.lengths.device, dtype=torch.long)
    _check_rows(batch, prefix, index)
    view = batch.after(prefix.lengths[index])
    mask = torch.cat([prefix.mask[index], view.mask], dim=1)
    _check_reach(config, mask.shape[1], bool(prefix.mask[index].all()))
    _check_turns(config, batch.mask.shape[1])
    inputs = {**view.inputs, "attention_mask": mask.to(batch.inputs["attention_mask"].dtype)}
    return Rest(prefix, index, batch, replace(view, inputs=inputs), prefix.cache(index))


def _check_reach(config: Any, slots: int, full: bool) -> None:
    """See that a token's distance to those before it is that of their slots, where the model looks at distances."""
    window = getattr(config, "sliding_window", None)
    if window is not None and slots > window and not full:
        way = "Run rows of one length at a time, or whole."
        raise Unsupported(
            f"prefixes of one length in a model that looks {window} tokens back", "different lengths", way
        )


def _check_turns(config: Any, tokens: int) -> None:
    """See that the turns of a position do not depend on how long the whole input is."""
    turns = getattr(config, "rope_parameters", None) or {}
    most: int = turns.get("original_max_position_embeddings") or config.max_position_embeddings
    if turns.get("rope_type") in ("dynamic", "longrope") and tokens > most:
        way = "Shorten the input, or run it whole."
        raise Unsupported(f"at most {most} tokens, behind which the model turns all positions anew", str(tokens), way)


def _check_rows(batch: Batch, prefix: Prefix, index: Tensor) -> None:
    if len(index) != len(batch.examples) or not bool((index < len(prefix)).all()):
        raise ValueError(f"expected a row of {len(prefix)} for each of {len(batch.examples)}; found {index.tolist()}")
    lengths = prefix.lengths[index]
    if bool((lengths > batch.readout).any()):
        raise BadInput(
            "a prefix that ends before the token at which the answer is read", "a longer one", "Cut the prefix there."
        )
    width = int(lengths.max())
    inside = torch.arange(width, device=lengths.device) < lengths[:, None]
    if bool(((batch.inputs["input_ids"][:, :width] != prefix.ids[index, :width]) & inside).any()):
        raise BadInput("rows that begin with their prefix", "other tokens", "Name the right rows of the prefix.")


def _rows(whole: Tensor, rows: Tensor) -> Tensor:
    """Rows of a tensor, not copied where there is one row or where they are its own in order."""
    if len(whole) == 1:
        return whole.expand(len(rows), *whole.shape[1:])
    if torch.equal(rows, torch.arange(len(whole), device=rows.device)):
        return whole
    return whole.index_select(0, rows)


class _PassedOver(torch.nn.Module):
    """Stands in for a block: hands on what enters it. All else is asked of the block."""

    def __init__(self, block: torch.nn.Module) -> None:
        super().__init__()
        self.block = block

    def __getattr__(self, name: str) -> Any:
        """What the block has under this name, where a module of this kind has nothing."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("block"), name)

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The same hidden state."""
        return hidden_states


@contextmanager
def passed_over(base: Any, path: str, layer: int) -> Iterator[None]:
    """The block list at ``path`` below the base model without the work of its first ``layer`` blocks."""
    where, _, name = path.rpartition(".")
    owner = base.get_submodule(where)
    whole = getattr(owner, name)
    setattr(owner, name, torch.nn.ModuleList([*map(_PassedOver, whole[:layer]), *whole[layer:]]))
    try:
        yield
    finally:
        setattr(owner, name, whole)
