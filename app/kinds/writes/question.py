"""What a model would write next, as a question (``qrnca.md`` section 3)."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.domain.examples import Example
from app.domain.questions import Question, Shown

KEY = "writes"
MOST = 20


class WritesQuestion(Question):
    """The likeliest next tokens of prompts, and the tokens of proposed answers.

    Args:
        prompts: one, or several wordings.
        answers: proposed ones, each looked up behind every prompt, with a blank in front and without.
        options: whether the answers are the options of one question, so that all of them are read the same way.
        max_length: limit in tokens; what is longer loses its beginning, and the cut is told.
    """

    prompts: Annotated[tuple[str, ...], Shown("Prompts", name="query", flag="prompt", widget="area", always=True)] = (
        Field((), max_length=MOST, description="what the model reads; several wordings are read one by one")
    )
    answers: Annotated[tuple[str, ...], Shown("Proposed answers", name="token", flag="answer", widget="area")] = Field(
        (), max_length=MOST, description="looked up behind every prompt, with a blank in front and without"
    )
    options: Annotated[bool, Shown("the answers are options of one question, all read the same way")] = Field(
        False, description="the answers are options of one question, all read the same way"
    )
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )

    @property
    def examples(self) -> tuple[Example, ...]:
        """The prompts as inputs, in order."""
        return tuple(Example(str(number), prompt) for number, prompt in enumerate(self.prompts))


class WritesForm(WritesQuestion):
    """The question, and of which model."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-lm", description="folder name, alias or hub id of a language model"
    )


class WritesLook(BaseModel):
    """Its page has one look."""
