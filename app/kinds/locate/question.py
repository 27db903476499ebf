"""What a search for the neurons of one query asks (``qrnca.md`` sections 3 to 8)."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.data.question_prompts import options_of
from app.domain.bounds import Seed
from app.domain.query_sampling import BLANKS, Blank, Thresholds
from app.domain.question_sets import Wording
from app.domain.questions import Question, Shown
from app.methods import OF_PROMPTS

KEY = "locate"
MOST = 20


class LocateQuestion(Question):
    """One query by hand: its neurons, and what its answer is without them and with them doubled.

    Args:
        prompts, targets: a wording each, and what should follow it.
        wordings: so many, from the first one on, find neurons; 0: all but the last, which is left for measuring.
        blank: how the answer is read behind a prompt.
        chat: prompts are wrapped with the model's chat template.
        thresholds: how scores become a set.
        factors: what the neurons' values are multiplied by at the token that carries the answer.
        seeds: random sets of the same blocks, with ``seed`` as the first.
        method, params: what scores a prompt. max_length: of a prompt, in tokens.
    """

    prompts: Annotated[tuple[str, ...], Shown("Prompts", name="query", flag="prompt", widget="area", always=True)] = (
        Field((), max_length=MOST, description="wordings of one query, in order; the last is left for measuring")
    )
    targets: Annotated[tuple[str, ...], Shown("Targets", name="token", flag="target", widget="area", always=True)] = (
        Field((), max_length=MOST, description="what should follow each prompt, one token; one alone counts for all")
    )
    wordings: Annotated[int, Shown("Wordings that find neurons", more=True)] = Field(
        0, ge=0, le=MOST, description="the first so many; 0: all but the last, which is left for measuring"
    )
    blank: Annotated[Blank, Shown("Answers are read", titles=BLANKS, more=True)] = Field(
        "auto", description="behind the prompt: with a blank in front, without, whichever is likelier, or both added up"
    )
    chat: Annotated[bool, Shown("Chat template", more=True)] = Field(
        False, description="prompts are wrapped as a user's turn, behind which the model answers"
    )
    thresholds: Annotated[Thresholds, Shown(more=True)] = Thresholds()
    factors: Annotated[tuple[float, ...], Shown("Factors", more=True)] = Field(
        (0.0, 2.0), max_length=9, description="of the neurons' values: 0 switches off, 2 doubles"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="as many neurons of the same blocks, for each factor"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the random sets")
    method: Annotated[str, Shown(widget="method", more=True)] = Field(OF_PROMPTS, description="of attribution")
    params: dict[str, Any] = Field(default_factory=dict)
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )

    @property
    def query(self) -> tuple[Wording, ...]:
        """The wordings; options are read off the prompts."""
        pairs = zip(self.prompts, self.targets, strict=True)
        return tuple(Wording(prompt, target, options_of(prompt)) for prompt, target in pairs)

    @property
    def finding(self) -> int:
        """How many wordings, from the first one on, find neurons."""
        return min(len(self.prompts), self.wordings or max(1, len(self.prompts) - 1))


class LocateForm(LocateQuestion):
    """The question, of which model, and in which pool."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-lm", description="folder name, alias or hub id of a causal language model"
    )
    pool: Annotated[str, Shown("Pool", name="run", flag="pool", widget="search")] = Field(
        "", description="a finished search of this model, whose queries discount what shows up for most of them"
    )


class LocateLook(BaseModel):
    """Its page has one look."""
