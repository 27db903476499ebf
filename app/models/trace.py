"""Hooks for one forward pass: what is recorded, what is edited, and the gradients afterwards.

The tensor kept of a site is the one that flows on to the next module, so its gradient is the gradient of the score
with respect to what downstream reads. Slices of fused projections and heads are views taken when they are asked for.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.domain.errors import GolgiError, Unsupported
from app.domain.sites import Site
from app.models.architectures.base import Tap
from app.models.encoding import Batch
from app.models.start import Prefix, Rest

Edit = Callable[[Tensor, Batch], Tensor]
Edits = Mapping[Site, tuple[Edit, ...]]
Key = tuple[int, str]
"""A module, by identity, and the side of it."""


@dataclass(frozen=True)
class Place:
    """A site resolved on a loaded model.

    Args:
        module, path: the module that carries the tensor, and its name below the base model.
        tap: the declaration: side, and the slice of a fused map.
        config: the model's configuration, for head counts.
        heads: heads of a HEAD site, else 0.
        fold: batch and tokens arrive flattened into one axis.
    """

    module: torch.nn.Module
    path: str
    tap: Tap
    config: Any
    heads: int = 0
    fold: bool = False

    @property
    def key(self) -> Key:
        """The module side that carries the tensor; fused projections share it."""
        return id(self.module), self.tap.side

    def read(self, whole: Tensor, batch: int) -> Tensor:
        """[B, T, U] (or [B, T, H, d]) of the tensor that the module sees."""
        value = whole.unflatten(0, (batch, -1)) if self.fold and whole.dim() == 2 else whole
        if self.tap.part is not None:
            value = self.tap.part.read(value, self.config)
        return value.unflatten(-1, (self.heads, -1)) if self.heads else value

    def write(self, whole: Tensor, value: Tensor) -> Tensor:
        """The tensor that the module sees, with the site's value replaced."""
        flat = value.flatten(-2) if self.heads else value
        if self.tap.part is not None:
            flat = self.tap.part.write(whole, flat, self.config)
        return flat.reshape(whole.shape)


class NeverRan(GolgiError):
    """A hooked module that the forward pass did not call."""

    status = 500


@dataclass
class Trace:
    """What one forward pass left.

    Args:
        logits: [B, C] logits that the target reads.
        outputs: [B, Y] outputs of the target, see :meth:`Target.values`; Y is 0 without a target.
        shared: [B] columns to how many rows have that output together; see :meth:`Target.shared`.
        rest: what the pass ran behind a prefix, through all blocks; None for any other pass.
    """

    logits: Tensor
    outputs: Tensor
    _places: Mapping[Site, Place]
    _kept: dict[Key, Tensor] = field(default_factory=dict)
    shared: Callable[[Tensor], Tensor] = torch.ones_like
    rest: Rest | None = None

    @property
    def prefix(self) -> Prefix:
        """Keys and values of every token of the rows, those before this pass included.

        Raises:
            Unsupported: a pass that did not begin behind a prefix (:meth:`Prefix.none` will do), or that passed blocks
                over.
        """
        if self.rest is None:
            way = "Begin it with Start(prefix=Prefix.none(batch))."
            raise Unsupported("a pass through all blocks that keeps keys and values", "another one", way)
        return self.rest.prefix_of_all()

    def _whole(self, site: Site) -> Tensor:
        return self._kept[self._places[site].key]

    def value(self, site: Site) -> Tensor:
        """[B, T, U] as downstream reads it; [B, T, H, d] for heads; detached."""
        return self.live(site).detach()

    def live(self, site: Site) -> Tensor:
        """The same, with its graph."""
        return self._places[site].read(self._whole(site), len(self.logits))

    def gradients(self, *sites: Site, of: int | Tensor = 0, keep: bool = False) -> dict[Site, Tensor]:
        """Gradient of the sum over rows of an output with respect to each site's value, of the value's shape.

        Rows do not interact, but for those that have one value together. One backward pass for all sites. A site that
        the output does not depend on has gradient 0.

        Args:
            sites: recorded sites.
            of: column of the output, or [B] a column for every row.
            keep: keep the graph, so that it can be asked again.
        """
        columns = torch.as_tensor(of, device=self.outputs.device).expand(len(self.outputs))
        chosen = self.outputs.gather(1, columns[:, None])[:, 0] / self.shared(columns)
        keys = list(dict.fromkeys(self._places[site].key for site in sites))
        wholes = [self._kept[key] for key in keys]
        gradients = torch.autograd.grad(chosen.sum(), wholes, allow_unused=True, retain_graph=keep)
        by_key = {
            key: torch.zeros_like(whole) if gradient is None else gradient
            for key, whole, gradient in zip(keys, wholes, gradients, strict=True)
        }
        rows = len(self.logits)
        return {site: self._places[site].read(by_key[self._places[site].key], rows) for site in sites}


class _Pass:
    """The state of one forward pass: what is wanted of each module side, what was kept, what was called."""

    def __init__(
        self, places: Mapping[Site, Place], batch: Batch, record: Collection[Site], edits: Edits, grad: bool
    ) -> None:
        self.places, self.batch, self.record, self.edits, self.grad = places, batch, frozenset(record), edits, grad
        self.wanted: dict[Key, list[Site]] = {}
        for site in sorted({*record, *edits}):
            self.wanted.setdefault(places[site].key, []).append(site)
        self.kept: dict[Key, Tensor] = {}
        self.called: set[Key] = set()

    def through(self, key: Key, whole: Tensor) -> Tensor:
        """What flows on: edited, and kept if a site of this module side is recorded."""
        self.called.add(key)
        for site in self.wanted[key]:
            for edit in self.edits.get(site, ()):
                place = self.places[site]
                whole = place.write(whole, edit(place.read(whole, len(self.batch.examples)), self.batch))
        if not self.record.isdisjoint(self.wanted[key]):
            if self.grad and not whole.requires_grad:
                whole = whole.detach().requires_grad_()
            self.kept[key] = whole
        return whole

    def check(self) -> None:
        """Raise if a wanted module was not called."""
        for key, sites in self.wanted.items():
            if key not in self.called:
                raise NeverRan(
                    f"a call of {self.places[sites[0]].path} in every forward pass (site {sites[0]})",
                    "none",
                    "This version of the library runs the family differently; report it with the model's name.",
                )


@contextmanager
def hooked(
    places: Mapping[Site, Place], batch: Batch, record: Collection[Site], edits: Edits, grad: bool
) -> Iterator[dict[Key, Tensor]]:
    """Install the hooks of one forward pass; every hook is gone when the block is left.

    Raises:
        NeverRan: a module with a recorded or edited site was not called.
    """
    state = _Pass(places, batch, record, edits, grad)
    with ExitStack() as stack:
        for key, sites in state.wanted.items():
            place = places[sites[0]]
            handle = _install(place.module, place.tap.side, partial(state.through, key))
            stack.callback(handle.remove)
        yield state.kept
    state.check()


def _install(module: torch.nn.Module, side: str, through: Callable[[Tensor], Tensor]) -> Any:
    """A hook that passes the module's first input or its output through a function."""
    if side == "in":

        def before(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args:
                return (through(args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": through(kwargs["hidden_states"])}

        return module.register_forward_pre_hook(before, with_kwargs=True)

    def after(_: Any, args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (through(output[0]), *output[1:])
        return through(output)

    return module.register_forward_hook(after)
