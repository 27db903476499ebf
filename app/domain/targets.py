"""The scalar that is explained (``nig.md`` sections 3 and 18)."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from app.domain.bounds import Count
from app.domain.errors import BadInput
from app.domain.questions import Question, Shown
from app.domain.sites import NeuronIndex, NeuronSpace

TargetName = Literal["default", "probability", "log_probability", "logit", "margin", "pairwise", "activation"]
TARGETS: tuple[str, ...] = get_args(TargetName)
AnswerPart = Literal["start", "end", "span"]
ANSWERS = {"start": "where it starts", "end": "where it ends", "span": "both together"}
OF_THE_SCORE: tuple[str, ...] = TARGETS[:5]
"""Targets that are a number of one input's answer."""
TITLES = {"pairwise": "first passage beats the second", "activation": "activation of one neuron"}
OUTPUTS = ("target", "score", "probability")
"""What every target tells of a row: the explained number, the relevance score (a logit or margin), its probability."""
BRANCHES = ("first passage", "second passage")
"""Parts of a pairwise target: what each passage's path adds (``nig.md`` section 18-8)."""


class TargetSpec(Question):
    """Which number is explained.

    ``default`` resolves to the author lineage's choice: probability for two labels and for yes/no models, the raw
    logit for one label, the probability of the token for causal and masked models, the logit of an extracted answer.
    ``pairwise`` is the probability that the first of two passages beats the second, sigmoid(s1 - s2) (section 18-8).
    ``activation`` is a neuron's activation, summed over the tokens of a part (section 18-7): only neurons of the layers
    below it are scored then.
    """

    later = frozenset({"neuron", "tokens", "answer"})

    name: Annotated[TargetName, Shown("Target", name="target", titles=TITLES)] = Field(
        "default", description="the number that is explained"
    )
    label: Annotated[Count | None, Shown("Logit that means relevant", widget="label")] = Field(
        None, ge=0, description="number of the logit that means relevant; the model's own when left out"
    )
    token: Annotated[str | None, Shown("Continuation", widget="token")] = Field(
        None, description="causal and masked models: the token explained; the predicted one when left out"
    )
    neuron: Annotated[str | None, Shown("Neuron", when="inner")] = Field(
        None, description="of 'activation': the neuron that is explained, as L3.mid.1201"
    )
    tokens: Annotated[str | None, Shown("Summed over", widget="part", when="inner")] = Field(
        None, description="of 'activation': the part whose tokens are summed; all tokens when left out"
    )
    answer: Annotated[AnswerPart | None, Shown("Answer", widget="answer", titles=ANSWERS)] = Field(
        None, description="extracted answers: where it starts, where it ends, or both together when left out"
    )

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
        names = ("label", "token", "neuron", "tokens", "answer")
        given = ((name, getattr(self, name)) for name in names)
        inner = ", ".join(f"{k}={v!r}" for k, v in given if v is not None)
        return f"{self.name}({inner})" if inner else self.name


class ResolvedTarget(BaseModel):
    """A target with nothing left open, as stored and shown.

    ``unit`` is one of ``logit``, ``probability``, ``log probability``, ``logit difference``, ``activation``;
    ``sentence`` is the line shown on every form, for instance: relevance logit (index 0 of 1, label 'relevance').
    ``answers`` are the first and the last token of each input's extracted answer.
    """

    model_config = ConfigDict(frozen=True)

    name: TargetName
    unit: str
    sentence: str
    label: int | None = None
    token_id: int | None = None
    other_token_id: int | None = None
    answers: tuple[tuple[int, int], ...] = ()
