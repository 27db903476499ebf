"""What an ablation study over a dataset asks (``nig.md`` sections 10, 11 and 18)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from app.domain.datasets import PartName, SplitSpec
from app.domain.interventions import Op
from app.domain.targets import TargetSpec


class Evaluation(BaseModel):
    """Which candidate lists are re-ranked.

    Args:
        dataset: hash of the dataset's content; ``name`` is shown.
        split, part: queries of this part of this split only.
        queries: at most this many, drawn with ``seed``; queries without a relevant judgement are left out.
        depth: candidates per query, in first-stage order.
        threshold: lowest grade that counts as relevant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    name: str = ""
    split: SplitSpec = SplitSpec()
    part: PartName = "test"
    queries: int = Field(50, ge=1, le=100_000)
    depth: int = Field(20, ge=2, le=1000)
    threshold: int = Field(1, ge=1, le=1000)
    seed: int = Field(0, ge=0)


class NamedSet(BaseModel):
    """A neuron set by its members, ``L3.mid.1201``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    neurons: tuple[str, ...] = Field(min_length=1)


class StudySettings(BaseModel):
    """Neuron sets switched off on whole candidate lists, beside controls.

    The rankings that sets are cut from are input runs: those whose role begins with ``source`` are tested, each with
    its own random sets; every other role is a control ranking of the same neurons.

    Args:
        evaluation: the candidate lists.
        fractions: shares of all neurons; every ranking is cut at each.
        sets: further sets by their members, each tested once.
        preset: neuron space of the sets where no run is given.
        op, amount, segments: what happens to the neurons, and at which parts' tokens.
        seeds: random sets matched per site; ``seed`` is the first of them.
        everywhere: also random sets over all sites. ends: also the most negative and the smallest scores.
        doses: λ of the dose-response of the set at ``dose_fraction``; empty for none.
        target, max_length: as for an attribution.
        chosen_on: fingerprint of the study on other queries by which the shares were chosen; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    evaluation: Evaluation
    fractions: tuple[float, ...] = (0.001, 0.005, 0.01, 0.05)
    sets: tuple[NamedSet, ...] = ()
    preset: str = "ffn"
    op: Literal[Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE, Op.RESAMPLE] = Op.ZERO
    amount: float = Field(0.0, ge=-10, le=10, allow_inf_nan=False)
    segments: tuple[str, ...] | None = None
    seeds: int = Field(10, ge=1, le=100)
    seed: int = Field(0, ge=0)
    everywhere: bool = True
    ends: bool = True
    doses: tuple[float, ...] = ()
    dose_fraction: float = Field(0.01, gt=0, le=1)
    target: TargetSpec = TargetSpec()
    max_length: int = Field(256, ge=8, le=8192)
    chosen_on: str = ""

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """``chosen_on`` is left out where it is empty, so that older questions keep their fingerprint."""
        return {name: value for name, value in handler(self).items() if name != "chosen_on" or value}
