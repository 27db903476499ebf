"""Rankings that a neuron set must beat: activation, gradient times activation, weight norm (``nig.md`` section 11).

They rank neurons by what is easy to know of them. A set found by attribution is worth its passes only where it does
more than these.
"""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind
from app.methods.base import Attribution
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.pooling import Aggregation, parts_of, pool


class Params(BaseModel):
    """Which neurons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["ffn", "ffn_pre", "linear6", "heads", "resid"] = Field("ffn", description="what counts as a neuron")


class FeedForward(BaseModel):
    """Feed-forward neurons only: others have no column of a down-projection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["ffn"] = Field("ffn", description="what counts as a neuron")


class _Control:
    """What the three share: one pass at the input itself."""

    version: ClassVar[int] = 1
    control: ClassVar[bool] = True
    citation: ClassVar[str] = ""
    aggregation: ClassVar[Aggregation] = "mean"
    grad: ClassVar[bool] = False
    Params: ClassVar[type[BaseModel]] = Params

    def refuses(self, card: ModelCard, params: BaseModel) -> str | None:
        """Why this model or setting cannot be served, or None."""
        preset = params.model_dump()["preset"]
        missing = [kind.value for kind in PRESETS[preset] if kind not in card.widths]
        if missing:
            return f"The preset {preset} needs {', '.join(missing)}; the family {card.family} has no such place."
        off = card.off.get(preset) or (card.off.get("gradients") if self.grad else None)
        return f"It needs {preset}, which is off for this model: {off}" if off else None

    def space(self, host: ModelHost, params: BaseModel) -> NeuronSpace:
        """The neurons that are ranked."""
        return host.space(params.model_dump()["preset"])

    def passes(self, params: BaseModel) -> int:
        """One row-pass per example."""
        return 1

    def attribute(self, host: ModelHost, batch: Batch, target: Target, params: BaseModel) -> tuple[Attribution, ...]:
        """Scores of each example; there is no baseline, so F(e') is given as F(e)."""
        space = target.scored(self.space(host, params))
        trace = host.run(batch, target, record=space.sites, grad=self.grad)
        gradients = trace.gradients(*space.sites) if self.grad else {}
        values = {site: self.score(host, site, trace.value(site), gradients.get(site)) for site in space.sites}
        score, probability = target.outcome(trace.logits.detach())
        found = []
        for row in range(len(batch.examples)):
            notes: dict[str, Any] = {"score": float(score[row]), "probability": float(probability[row]), "steps": 1}
            neurons = {site: self._pooled(batch, values[site][row], row) for site in space.sites}
            tokens = np.zeros(int(batch.mask[row].sum()))
            at = float(trace.outputs[row].detach())
            found.append(Attribution(at, at, (ALL, *batch.segments), neurons, tokens, {}, notes))
        return tuple(found)

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] score of every token and unit of a site."""
        raise NotImplementedError

    def _pooled(self, batch: Batch, values: Tensor, row: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
        mask, segment = batch.axis(len(values))
        parts = parts_of(segment[row], mask[row], len(batch.segments)).to(values.device)
        pooled: np.ndarray[Any, np.dtype[np.float64]] = (
            pool(values, parts, self.aggregation, int(batch.readout[row])).double().detach().cpu().numpy()
        )
        return pooled


class Activation(_Control):
    """Mean magnitude of the activation."""

    key: ClassVar[str] = "activation"
    title: ClassVar[str] = "Activation (control)"
    about: ClassVar[str] = (
        "The mean over tokens of the magnitude of a neuron's activation (the norm over its width for a head). It knows "
        "nothing of the score, and shows what 'large' alone explains."
    )
    identity: ClassVar[str] = "None: it is a control for rankings, not an attribution."
    limits: ClassVar[str] = "A neuron that is always large ranks high whether or not anything reads it."

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] magnitude."""
        return value.norm(dim=-1) if site.kind is SiteKind.HEAD else value.abs()


class GradientActivation(_Control):
    """Gradient times activation at the input."""

    key: ClassVar[str] = "grad_x_act"
    title: ClassVar[str] = "Gradient × activation (control)"
    about: ClassVar[str] = (
        "The gradient of the target at a neuron times its activation, at the input itself, summed over tokens: the "
        "one-step version of Neuron Integrated Gradients with the neuron's zero as baseline."
    )
    identity: ClassVar[str] = "For a score that is linear in the neuron it equals the effect of setting it to zero."
    limits: ClassVar[str] = "One local slope; where the score is saturated it is near zero for neurons that matter."
    aggregation: ClassVar[Aggregation] = "sum"
    grad: ClassVar[bool] = True

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] product."""
        assert gradient is not None
        product = value.detach() * gradient
        return product.sum(-1) if site.kind is SiteKind.HEAD else product


class WeightNorm(_Control):
    """Norm of what a neuron writes."""

    key: ClassVar[str] = "weight_norm"
    title: ClassVar[str] = "Weight norm (control)"
    about: ClassVar[str] = (
        "The Euclidean norm of a neuron's column of the down-projection: how much the neuron could write into the "
        "residual stream. The same for every input."
    )
    identity: ClassVar[str] = "None: it is a control for rankings, not an attribution."
    limits: ClassVar[str] = "It knows neither the input nor whether the neuron is ever active."
    Params: ClassVar[type[BaseModel]] = FeedForward

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] the same norm at every token."""
        return torch.broadcast_to(host.column_norms(site), value.shape)
