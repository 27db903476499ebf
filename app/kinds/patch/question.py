"""What writing an edited model asks (``qrnca.md`` section 7)."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.domain.bounds import Count
from app.domain.questions import Question, Shown

KEY = "patch"
NAMED = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class PatchQuestion(Question):
    """Neurons whose columns of the down-projection are multiplied for good, and the folder that the model goes to.

    Args:
        neurons: ids of feed-forward units, each once. sets: what they are called, for people.
        factor: of their values at every token.
        folder: name of a new folder in the models folder.
    """

    neurons: Annotated[tuple[str, ...], Shown(widget="hidden")] = Field((), description="ids of feed-forward units")
    sets: Annotated[str, Shown(name="sets_named", widget="hidden")] = Field("", description="what they are called")
    factor: Annotated[float, Shown("Factor")] = Field(
        0.0, ge=-100, le=100, allow_inf_nan=False, description="of the neurons' values: 0 switches off, 2 doubles"
    )
    folder: Annotated[str, Shown("Name of the new model", always=True)] = Field(
        "", description="of a folder that is not there yet; letters, digits, dots, dashes"
    )


class PatchForm(PatchQuestion):
    """The same as it is asked for: the question, and the saved sets that the neurons come from."""

    saved: Annotated[
        tuple[Count, ...], Shown("Saved sets whose neurons are scaled", name="set", flag="set", widget="sets")
    ] = Field((), description="numbers of saved neuron sets of one model")
    model: Annotated[str, Shown(widget="hidden", always=True)] = Field(
        "", description="folder name or alias of a model; that of the sets when left out"
    )


class PatchLook(BaseModel):
    """Its page has one look."""
