"""The scalar that is explained (``nig.md`` section 3)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TargetName = Literal["default", "probability", "log_probability", "logit", "margin"]


class TargetSpec(BaseModel):
    """Which number of the model's answer is explained.

    ``default`` resolves to the author lineage's choice: probability for two labels and for yes/no models, the raw
    logit for one label, the probability of the token for causal models.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TargetName = "default"
    label: int | None = Field(None, ge=0, description="index of the logit that means 'relevant'; None: the model's own")
    token: str | None = Field(None, description="causal models: the continuation explained; None: the predicted token")

    def __str__(self) -> str:
        inner = ", ".join(f"{k}={v!r}" for k, v in (("label", self.label), ("token", self.token)) if v is not None)
        return f"{self.name}({inner})" if inner else self.name


class ResolvedTarget(BaseModel):
    """A target with nothing left open, as stored and shown.

    ``unit`` is one of ``logit``, ``probability``, ``log probability``; ``sentence`` is the line shown on every form,
    for instance: relevance logit (index 0 of 1, label 'relevance').
    """

    model_config = ConfigDict(frozen=True)

    name: TargetName
    unit: str
    sentence: str
    label: int | None = None
    token_id: int | None = None
    other_token_id: int | None = None
