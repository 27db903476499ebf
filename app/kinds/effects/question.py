"""What a test of query-relevant neurons asks (``qrnca.md`` sections 7 to 9)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Seed
from app.domain.query_sampling import Thresholds
from app.domain.questions import Question, Shown

KEY = "effects"
Measured = Literal["held_out", "finding", "all"]
Where = Literal["last", "all"]
MEASURED = {"held_out": "those that found no neurons", "finding": "those that found them", "all": "all of them"}
WHERE = {"last": "the token that carries the answer", "all": "all tokens of the prompt"}


class EffectsQuestion(Question):
    """Sets of a search, their neurons scaled, beside baselines of the same size.

    Args:
        thresholds: how the search's stored scores become sets.
        factors: what the neurons' values are multiplied by; 0 switches off, 2 doubles.
        positions: at which tokens.
        measured: at which wordings the answer is read.
        seeds: random sets of each kind for each query; ``seed`` is the first of them, and that of the queries which
            answer for other domains.
    """

    thresholds: Thresholds = Thresholds()
    factors: Annotated[tuple[float, ...], Shown("Factors")] = Field(
        (0.0, 2.0), description="of the neurons' values: 0 switches off, 2 doubles"
    )
    positions: Annotated[Where, Shown("At", titles=WHERE)] = Field("last", description="tokens whose values are scaled")
    measured: Annotated[Measured, Shown("Wordings", titles=MEASURED)] = Field(
        "held_out", description="at which the answer is read; finding ones where there are no others"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="for each query and kind: of the same blocks, and of all"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the random sets")


class EffectsForm(EffectsQuestion):
    """A test as it is asked for: the question, and of which search."""

    source: Annotated[str, Shown("Run", name="run", widget="search", positional=True)] = Field(
        "", description="number or fingerprint of a finished search for query-relevant neurons"
    )


class EffectsLook(BaseModel):
    """Which factor is looked at; the first one unless it is named."""

    factor: float | None = None
