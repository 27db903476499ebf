"""What reading neurons asks: the tokens that they raise and lower most (``qrnca.md`` section 10)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Count
from app.domain.questions import Question, Shown

KEY = "readings"


class ReadoutQuestion(Question):
    """Feed-forward units whose columns of the down-projection are read as tokens.

    Args:
        neurons: their ids. tokens: how many at either end.
    """

    neurons: Annotated[tuple[str, ...], Shown("Neurons", flag="neuron", widget="ids")] = Field(
        (), max_length=1000, description="ids of feed-forward units, as L3.mid.1201; a line each"
    )
    tokens: Annotated[int, Shown("Tokens at either end", more=True)] = Field(
        20, ge=1, le=200, description="raised most, and lowered most"
    )


class ReadoutForm(ReadoutQuestion):
    """The same as it is asked for: of which model, and saved sets that neurons come from."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-lm", description="folder name, alias or hub id of a language model"
    )
    saved: Annotated[tuple[Count, ...], Shown("Saved sets to read", name="set", flag="set", widget="sets")] = Field(
        (), description="numbers of saved neuron sets of this model"
    )


class ReadoutLook(BaseModel):
    """Whether the final norm of the model goes between a neuron and the vocabulary."""

    norm: Literal["without", "with"] = "without"
