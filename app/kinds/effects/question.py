"""What a test of query-relevant neurons asks (``qrnca.md`` sections 7 to 9)."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from app.domain.bounds import Count, Seed
from app.domain.query_sampling import Thresholds
from app.domain.questions import Question, Shown

KEY = "effects"
Size = Annotated[int, Field(ge=0, le=1000)]
Measured = Literal["held_out", "finding", "all"]
Where = Literal["last", "all"]
MEASURED = {"held_out": "those that found no neurons", "finding": "those that found them", "all": "all of them"}
DOSES = "0, 0.25, 0.5, 0.75, 1.5, 2, 3, 5"
"""Factors of section 7."""
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
        sizes: so many of a query's strongest neurons alone are tested, too, beside random ones; the whole
            sets (0, or v and more) always.
        negative: the search's negative neurons are tested, too, all of a query's.
    """

    later: ClassVar[frozenset[str]] = frozenset({"sizes", "negative"})
    thresholds: Thresholds = Thresholds()
    factors: Annotated[tuple[float, ...], Shown("Factors", ready={"a dose curve": DOSES})] = Field(
        (0.0, 2.0), max_length=50, description="of the neurons' values: 0 switches off, 2 doubles"
    )
    sizes: Annotated[tuple[Size, ...], Shown("Numbers of neurons", ready={"1, 2, 5, 10, all": "1, 2, 5, 10, all"})] = (
        Field((), max_length=20, description="so many of the strongest alone are tested, too; all of them always")
    )
    positions: Annotated[Where, Shown("At", titles=WHERE)] = Field("last", description="tokens whose values are scaled")
    measured: Annotated[Measured, Shown("Wordings", titles=MEASURED)] = Field(
        "held_out", description="at which the answer is read; finding ones where there are no others"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="for each query and kind: of the same blocks, and of all"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the random sets")
    negative: Annotated[bool, Shown("Test the negative neurons, too")] = Field(
        False, description="those that speak against the answer: switched off, they should raise it"
    )


class EffectsForm(EffectsQuestion):
    """A test as it is asked for: the question, and of which search. It tests negative neurons unless it is told not
    to; the question itself does not, so that older ones stay what they were."""

    negative: Annotated[bool, Shown("Test the negative neurons, too")] = Field(
        True, description="those that speak against the answer: switched off, they should raise it"
    )
    source: Annotated[str, Shown("Run", name="run", widget="search", positional=True)] = Field(
        "", description="number or fingerprint of a finished search for query-relevant neurons"
    )


class EffectsLook(BaseModel):
    """What of a test is looked at.

    Args:
        factor: the first one unless it is named.
        measure: what the dose curves tell; ``ratio`` for own over other domain.
        size: number of neurons of the dose curve; 0 for all.
        known: all queries, or those that the intact model answered right (wrong) at the prompts that are read.
        table: which columns of the table of sets.
    """

    factor: float | None = None
    measure: Literal["right", "margin", "wrong", "mass", "among", "ratio"] = "right"
    size: Count = 0
    known: Literal["all", "right", "wrong"] = "all"
    table: Literal["moves", "ratio", "answers", "options"] = "moves"

    def address(self, **changes: object) -> str:
        """The look with some of it changed, as the query of an address; defaults are left out."""
        wanted = {**self.model_dump(), **changes}
        plain = type(self)().model_dump()
        kept = {name: value for name, value in wanted.items() if value != plain[name]}
        return f"?{urlencode(kept)}" if kept else "?"
