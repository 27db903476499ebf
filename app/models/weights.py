"""What a model's weights say by themselves: what a unit writes, the linear map of a site, the vocabulary's view.

The library keeps most maps as ``Linear`` (weight [out, in]) and GPT-2's as ``Conv1D`` (weight [in, out]); which is
which is settled here, once. Axes: U units, D hidden width, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from app.domain.errors import Unsupported
from app.domain.sites import Site, SiteKind
from app.models.architectures.base import Architecture
from app.models.trace import Place

MAPS = frozenset({SiteKind.Q, SiteKind.K, SiteKind.V, SiteKind.ATTN_OUT, SiteKind.UP, SiteKind.GATE, SiteKind.MLP_OUT})
"""Sites that are the output of a linear map, or a slice of it."""


class Linear(NamedTuple):
    """A linear map: ``weight`` [out, in] and ``bias`` [out], or None."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, value: Tensor) -> Tensor:
        """[..., out] of [..., in]."""
        return torch.nn.functional.linear(value, self.weight, self.bias)


def input_axis(module: torch.nn.Module) -> int:
    """The axis of a projection's weight that runs over what it reads: 1 of a ``Linear``, 0 of a ``Conv1D``."""
    return 1 if isinstance(module, torch.nn.Linear) else 0


class Weights:
    """Read-only views of a loaded model's weights. They share memory with the model: copy before you change one."""

    def __init__(self, model: Any, architecture: Architecture, places: Mapping[Site, Place]) -> None:
        self._model, self._architecture, self._places = model, architecture, places

    def write(self, layer: int) -> Tensor:
        """[U, D] what one unit of activation of each feed-forward neuron adds to the block: its column of the
        down-projection.

        Raises:
            Unsupported: no such block, or one without a down-projection.
        """
        return self.linear(Site(layer, SiteKind.MLP_OUT)).weight.T

    def linear(self, site: Site) -> Linear:
        """The map whose output is the site: of fused projections the slice that makes it.

        Raises:
            Unsupported: a site that this model does not have, or that no linear map makes.
        """
        place = self._places.get(site)
        if place is None or site.kind not in MAPS:
            kinds = ", ".join(sorted(MAPS))
            raise Unsupported(f"the output of a linear map of {self._architecture.family}", str(site), f"Name {kinds}.")
        module: Any = place.module
        weight, bias = module.weight.detach(), getattr(module, "bias", None)
        whole = weight.T if input_axis(module) == 1 else weight
        return Linear(_slice(place, whole).T, None if bias is None else _slice(place, bias.detach()))

    def vocabulary(self, layer: int, units: Sequence[int]) -> Tensor:
        """[n, V] what one unit of activation of each neuron adds to the logit of every token, straight from the block's
        output, without the final norm (``qrnca.md`` section 10).

        Raises:
            Unsupported: a model without a language-model head, or no such block.
        """
        head = self._model.get_output_embeddings()
        if head is None:
            found = f"{type(self._model).__name__} of the family {self._architecture.family}"
            raise Unsupported("a language model with its head", found, "Choose one that predicts tokens.")
        logits: Tensor = torch.nn.functional.linear(self.write(layer)[list(units)], head.weight.detach())
        return logits

    def decode(self, resid: Tensor) -> Tensor:
        """[..., V] logits of the next token, were ``resid`` [..., D] the last block's output: through the final norm
        and the language-model head.

        Raises:
            Unsupported: a model without a language-model head, or of a family that does not name its final norm.
        """
        head, path = self._model.get_output_embeddings(), self._architecture.final_norm
        if head is None or path is None:
            raise Unsupported(
                "a causal language model with its head",
                f"{type(self._model).__name__} of the family {self._architecture.family}",
                "Choose a model whose head ends in ForCausalLM or LMHeadModel.",
            )
        value = resid
        for name in (path, self._architecture.final_map):
            module = None if name is None else _child(self._model.base_model, name)
            value = value if module is None else module(value)
        logits: Tensor = head(value)
        return logits


def _slice(place: Place, whole: Tensor) -> Tensor:
    """[..., width] of a fused map's last axis; all of it where the map is not fused."""
    part = place.tap.part
    return whole if part is None else part.read(whole, place.config)


def _child(base: torch.nn.Module, path: str) -> Any:
    """The module at a path; None where this model leaves it out."""
    where, _, name = path.rpartition(".")
    return getattr(base.get_submodule(where), name)
