"""What an explanation asks."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.domain.bounds import Word
from app.domain.examples import Example
from app.domain.questions import Question, Shown
from app.domain.targets import TargetSpec
from app.methods import DEFAULT

KEY = "explain"


class ExplainQuestion(Question):
    """What is asked of the model.

    Args:
        query: first text of each pair; the whole text for a prompt.
        passages: 1 to 50 second texts; empty for a prompt.
        method, params: attribution method and its settings.
        target: the scalar that is explained.
        max_length: limit in tokens; what is longer is cut, and the cut is stored and shown.
    """

    query: Annotated[str, Shown(widget="area", always=True)] = Field(
        "", description="query, or the whole prompt of a causal model"
    )
    passages: Annotated[tuple[str, ...], Shown(flag="passage", widget="area")] = Field(
        (), max_length=50, description="may be given up to 50 times"
    )
    method: Annotated[str, Shown(widget="method")] = Field(DEFAULT, description="of attribution")
    params: dict[str, Any] = Field(default_factory=dict)
    target: TargetSpec = TargetSpec()
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )

    @property
    def groups(self) -> tuple[tuple[Example, ...], ...]:
        """The inputs that have one target value together: each alone, or both passages of a pairwise target."""
        if self.target.name == "pairwise":
            return (self.examples,)
        return tuple((example,) for example in self.examples)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The inputs in order."""
        if not self.passages:
            return (Example("0", self.query),)
        return tuple(Example(str(number), self.query, text) for number, text in enumerate(self.passages))


class ExplainForm(ExplainQuestion):
    """An explanation as it is asked for: the question, and of which model."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-reranker", description="folder name, alias or hub id of a model"
    )


class ExplainLook(BaseModel):
    """What of an explanation is looked at."""

    part: Word = "all"
