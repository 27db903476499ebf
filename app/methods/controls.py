"""Rankings that a neuron set must beat: activation, gradient times activation, weight norm (``nig.md`` section 11).

They rank neurons by what is easy to know of them. A set found by attribution is worth its passes only where it does
more than these.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind
from app.methods.base import Answer, Attribution, Gives, Method
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.pooling import Aggregation, parts_of, pool

Preset = Literal["ffn", "ffn_pre", "linear6", "heads", "resid"]


class _Control(Method):
    """What the three share: one pass at the input itself."""

    control: ClassVar[bool] = True
    gives: ClassVar[frozenset[Gives]] = frozenset({"neurons"})
    aggregation: ClassVar[Aggregation] = "mean"
    grad: ClassVar[bool] = False
    fits: ClassVar[str] = (
        "Runs over a dataset, as a ranking that sets found by attribution have to beat. One pass an input, so it costs "
        "next to nothing."
    )
    reasons: ClassVar[Mapping[str, str]] = {
        "preset": "What the attribution methods score by default, so that the rankings can be set side by side."
    }

    preset: Preset = Field("ffn", description="what counts as a neuron")

    def refuses(self, card: ModelCard) -> str | None:
        """Why this model cannot be served with these settings, or None."""
        missing = [kind.value for kind in PRESETS[self.preset] if kind not in card.widths]
        if missing:
            return f"The preset {self.preset} needs {', '.join(missing)}; the family {card.family} has no such place."
        off = card.off.get(self.preset) or (card.off.get("gradients") if self.grad else None)
        return f"It needs {self.preset}, which is off for this model: {off}" if off else None

    def space(self, host: ModelHost) -> NeuronSpace:
        """The neurons that are ranked."""
        return host.space(self.preset)

    def passes(self, layers: int) -> int:
        """One row-pass per example."""
        return 1

    def paragraph(self, target: str) -> str:
        """Which neurons were ranked."""
        return f"{self.title} of {self.preset} neurons"

    def attribute(self, host: ModelHost, batch: Batch, target: Target) -> tuple[Attribution, ...]:
        """Scores of each example; there is no baseline, so F(e') is given as F(e)."""
        space = target.scored(self.space(host))
        trace = host.run(batch, target, record=space.sites, grad=self.grad)
        gradients = trace.gradients(*space.sites) if self.grad else {}
        values = {site: self.score(host, site, trace.value(site), gradients.get(site)) for site in space.sites}
        rows = []
        for row, (at, score, probability) in enumerate(trace.outputs.detach().tolist()):
            rows.append(
                Attribution(
                    score=at,
                    baseline_score=at,
                    answer=Answer(score, probability),
                    parts=(ALL, *batch.segments),
                    neurons={site: self._pooled(batch, values[site][row], row) for site in space.sites},
                    tokens=None,
                    residual={},
                )
            )
        return tuple(rows)

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] score of every token and unit of a site."""
        raise NotImplementedError

    def _pooled(self, batch: Batch, values: Tensor, row: int) -> NDArray[np.float64]:
        mask, segment = batch.axis(len(values))
        parts = parts_of(segment[row], mask[row], len(batch.segments)).to(values.device)
        pooled: NDArray[np.float64] = (
            pool(values, parts, self.aggregation, int(batch.readout[row])).double().detach().cpu().numpy()
        )
        return pooled


class Activation(_Control):
    """Mean magnitude of the activation."""

    key: ClassVar[str] = "activation"
    short: ClassVar[str] = "activation"
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
    short: ClassVar[str] = "gradient × activation"
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
        if gradient is None:
            raise ValueError("expected the gradient of every site; found none; run with grad")
        product = value.detach() * gradient
        return product.sum(-1) if site.kind is SiteKind.HEAD else product


class WeightNorm(_Control):
    """Norm of what a neuron writes."""

    key: ClassVar[str] = "weight_norm"
    short: ClassVar[str] = "weight norm"
    constant: ClassVar[bool] = True
    title: ClassVar[str] = "Weight norm (control)"
    about: ClassVar[str] = (
        "The Euclidean norm of a neuron's column of the down-projection: how much the neuron could write into the "
        "residual stream. The same for every input."
    )
    identity: ClassVar[str] = "None: it is a control for rankings, not an attribution."
    limits: ClassVar[str] = "It knows neither the input nor whether the neuron is ever active."

    preset: Literal["ffn"] = Field("ffn", description="what counts as a neuron; others have no such column")

    def score(self, host: ModelHost, site: Site, value: Tensor, gradient: Tensor | None) -> Tensor:
        """[B, T, U] the same norm at every token."""
        return torch.broadcast_to(host.column_norms(site), value.shape)
