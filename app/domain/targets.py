"""The scalar that is explained (``nig.md`` sections 3 and 18)."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from app.domain.errors import BadInput
from app.domain.sites import NeuronIndex, NeuronSpace

TargetName = Literal["default", "probability", "log_probability", "logit", "margin", "pairwise", "activation"]
TARGETS: tuple[str, ...] = get_args(TargetName)
OF_THE_SCORE: tuple[str, ...] = TARGETS[:5]
"""Targets that are a number of one input's answer."""


class TargetSpec(BaseModel):
    """Which number is explained.

    ``default`` resolves to the author lineage's choice: probability for two labels and for yes/no models, the raw
    logit for one label, the probability of the token for causal models. ``pairwise`` is the probability that the first
    of two passages beats the second, sigmoid(s1 - s2) (section 18-8). ``activation`` is a neuron's activation, summed
    over the tokens of a part (section 18-7): only neurons of the layers below it are scored then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TargetName = "default"
    label: int | None = Field(None, ge=0, description="index of the logit that means 'relevant'; None: the model's own")
    token: str | None = Field(None, description="causal models: the continuation explained; None: the predicted token")
    neuron: str | None = Field(None, description="of 'activation': the neuron that is explained, as L3.mid.1201")
    tokens: str | None = Field(None, description="of 'activation': the part whose tokens are summed; None: all tokens")

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What only ``activation`` reads is left out elsewhere, so that older questions keep their fingerprint."""
        return {k: v for k, v in handler(self).items() if k not in ("neuron", "tokens") or v is not None}

    @property
    def inner(self) -> NeuronIndex | None:
        """The neuron that is explained, if it is one.

        Raises:
            BadInput: no id of a neuron.
        """
        if self.name != "activation":
            return None
        try:
            return NeuronIndex.parse(self.neuron or "")
        except BadInput as error:
            raise BadInput(error.expected, error.found, "Write the neuron that is explained.", "neuron") from error

    def scored(self, space: NeuronSpace) -> NeuronSpace:
        """The neurons of a space that get a score: all, or those of the layers below the explained neuron."""
        return space if self.inner is None else space.below(self.inner.layer)

    def __str__(self) -> str:
        given = (("label", self.label), ("token", self.token), ("neuron", self.neuron), ("tokens", self.tokens))
        inner = ", ".join(f"{k}={v!r}" for k, v in given if v is not None)
        return f"{self.name}({inner})" if inner else self.name


class ResolvedTarget(BaseModel):
    """A target with nothing left open, as stored and shown.

    ``unit`` is one of ``logit``, ``probability``, ``log probability``, ``logit difference``, ``activation``;
    ``sentence`` is the line shown on every form, for instance: relevance logit (index 0 of 1, label 'relevance').
    """

    model_config = ConfigDict(frozen=True)

    name: TargetName
    unit: str
    sentence: str
    label: int | None = None
    token_id: int | None = None
    other_token_id: int | None = None
