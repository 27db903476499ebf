"""What an ablation of one explained run asks."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Seed
from app.domain.interventions import OP_TITLES, Op
from app.domain.neuron_sets import Selection
from app.domain.questions import Question, Shown

TITLES = {op.value: title for op, title in OP_TITLES.items() if op is not Op.RESAMPLE}


KEY = "ablate"


class AblateQuestion(Question):
    """What is switched off, and what stands beside it.

    Args:
        selection: rule that takes neurons from the source run.
        op, amount: what happens to them (``amount`` is λ of ``scale``).
        segments: only at tokens of these parts; None for all tokens.
        curve: shares of all neurons for the curve over k.
        seeds: random sets matched per layer; ``seed`` is the first of them.
        doses: λ values of the dose-response curve for the selection.
        patched: neurons of each kind (top, random, bottom) that get their baseline value back one by one, and their
            real value in the baseline input, to compare what that does with their scores (section 18-6); 0 for none.
    """

    selection: Selection = Selection()
    op: Annotated[
        Literal[Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE],
        Shown("What happens to them", titles=TITLES, always=True),
    ] = Field(Op.ZERO, description="what happens to the neurons")
    amount: Annotated[float, Shown("λ", when="scale")] = Field(
        0.0, ge=-10, le=10, allow_inf_nan=False, description="the factor of scale; 1 leaves them as they are, 0 is zero"
    )
    segments: Annotated[tuple[str, ...] | None, Shown("At tokens of")] = Field(
        None, description="edit at tokens of these parts only: query,passage"
    )
    curve: Annotated[tuple[float, ...], Shown("Sizes of the curve", widget="shares", more=True)] = Field(
        (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
        description="sizes of the removal curve as shares of all neurons: 0.001,0.01,0.1",
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="drawn with the same number per layer, to compare with"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the first random set")
    doses: Annotated[tuple[float, ...], Shown("Doses", more=True)] = Field(
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0), description="factors of the dose-response curve: 0,0.5,1,2"
    )
    patched: Annotated[int, Shown("Single neurons", more=True)] = Field(
        0, ge=0, le=1000, description="neurons of each kind patched one by one, for example 100"
    )


class AblateForm(AblateQuestion):
    """An ablation as it is asked for: the question, and of which run."""

    source: Annotated[str, Shown("Run", name="run", widget="ranking", positional=True)] = Field(
        "", description="number or fingerprint of an explained run"
    )


class AblateLook(BaseModel):
    """An ablation's page has one look."""
