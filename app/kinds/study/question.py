"""What an ablation study over a dataset asks (``nig.md`` sections 10, 11 and 18)."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from app.domain.bounds import Count, Seed, Word
from app.domain.interventions import OP_TITLES, Op
from app.domain.questions import Question, Shown
from app.domain.studying import Evaluation, NamedSet
from app.domain.targets import TargetSpec

TITLES = {op.value: title for op, title in OP_TITLES.items()}


KEY = "study"


class StudyQuestion(Question):
    """Neuron sets switched off on whole candidate lists, beside controls.

    The rankings that sets are cut from are input runs (:mod:`app.domain.roles`): those under test have random sets of
    their own; the others are control rankings of the same neurons.

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

    later = frozenset({"chosen_on"})

    evaluation: Evaluation = Evaluation()
    fractions: Annotated[tuple[float, ...], Shown("Sizes, as shares of all neurons", widget="shares")] = Field(
        (0.001, 0.005, 0.01, 0.05), description="every ranking is cut at each: 0.1 %, 1 % or 0.001,0.01"
    )
    sets: tuple[NamedSet, ...] = ()
    preset: Annotated[str, Shown(widget="hidden")] = "ffn"
    op: Annotated[
        Literal[Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE, Op.RESAMPLE],
        Shown("What happens to them", titles=TITLES),
    ] = Field(Op.ZERO, description="what happens to the neurons")
    amount: Annotated[float, Shown("λ", when="scale")] = Field(
        0.0, ge=-10, le=10, allow_inf_nan=False, description="the factor of scale"
    )
    segments: Annotated[tuple[str, ...] | None, Shown("At tokens of", more=True)] = Field(
        None, description="edit at tokens of these parts only; none: all"
    )
    seeds: Annotated[int, Shown("Random sets per set", more=True)] = Field(
        10, ge=1, le=100, description="matched per layer; as many over all layers"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the first random set")
    everywhere: Annotated[bool, Shown("also random sets over all layers", more=True)] = Field(
        True, description="also random sets over all layers"
    )
    ends: Annotated[bool, Shown("also the most negative and the smallest scores", more=True)] = Field(
        True, description="also the most negative and the smallest scores"
    )
    doses: Annotated[tuple[float, ...], Shown("Graded masking, λ", more=True)] = Field(
        (), description="dose and response of each ranking's top 1 %, for example 0, 0.5, 1.5; empty for none"
    )
    dose_fraction: Annotated[float, Shown("Share of the doses", more=True)] = Field(
        0.01, gt=0, le=1, description="size of the sets that are given doses, as a share of all neurons"
    )
    target: Annotated[TargetSpec, Shown(widget="hidden")] = TargetSpec()
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )
    chosen_on: Annotated[str, Shown(widget="hidden")] = ""


class StudyForm(StudyQuestion):
    """A study as it is asked for: the question, and what neurons are taken from."""

    model: Annotated[str, Shown(widget="hidden", always=True)] = Field(
        "", description="folder name, alias or hub id of a model; that of the runs or sets when left out"
    )
    sources: Annotated[
        tuple[Annotated[str, BeforeValidator(str)], ...],
        Shown(
            "Rankings to take neurons from; each is cut at every size", name="source", flag="sources", widget="rankings"
        ),
    ] = Field((), description="runs whose rankings are cut: numbers or fingerprints")
    saved: Annotated[
        tuple[Count, ...], Shown("Saved sets, each tested as it is", name="set", flag="sets", widget="sets")
    ] = Field((), description="numbers of saved neuron sets")
    controls: Annotated[bool, Shown("beside rankings by activation, gradient × activation and weight norm")] = Field(
        True, description="also rank by activation, gradient × activation and weight norm"
    )


class StudyLook(BaseModel):
    """What of a study is looked at: a measure, and the ordinal of the set shown by query (0: the middle one)."""

    measure: Word = ""
    set: Count = 0
