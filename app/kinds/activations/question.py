"""What is asked of neurons over texts: their activation at every token."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Count, Note, Seed, Word
from app.domain.questions import Question, Shown

KEY = "activations"
MOST = 32
PASSAGES = {"judged": "judged passages", "candidates": "first candidates of each query"}


class ActivationsQuestion(Question):
    """Neurons over the texts of a dataset, of a question set, or pasted ones.

    Args:
        neurons: their ids.
        dataset, questions: hash of the content of a stored one, at most one of both; their names are shown.
        passages: of a dataset: those that are judged, or the first ``depth`` candidates of each query.
        threshold: lowest grade that counts as relevant.
        texts, query: pasted texts where neither is named; ``query`` goes in front for a model that reads pairs.
        limit: at most so many texts, in an order that only the seed decides.
        kept: strongest and weakest texts of each neuron that are stored with their tokens.
        max_length: limit in tokens; what is longer is cut, and told.
    """

    neurons: Annotated[tuple[str, ...], Shown("Neurons", flag="neuron", widget="ids")] = Field(
        (), max_length=MOST, description="ids, as L3.mid.1201; a line each"
    )
    dataset: Annotated[Word, Shown(widget="dataset")] = Field("", description="name of a stored dataset")
    dataset_name: Annotated[Word, Shown(widget="hidden")] = ""
    questions: Annotated[Word, Shown("Question set", widget="questions")] = Field(
        "", description="name of a stored question set, whose prompts are read"
    )
    questions_name: Annotated[Word, Shown(widget="hidden")] = ""
    passages: Annotated[Literal["judged", "candidates"], Shown("Of a dataset", titles=PASSAGES)] = Field(
        "judged", description="which passages of each query are read behind it"
    )
    depth: Annotated[int, Shown("Candidates a query", more=True)] = Field(
        10, ge=1, le=1000, description="the first so many by the first stage, where candidates are read"
    )
    threshold: Annotated[int, Shown("Relevant from grade", more=True)] = Field(
        1, ge=1, le=1000, description="lowest grade that counts as relevant"
    )
    texts: Annotated[tuple[Note, ...], Shown("Texts", flag="text", widget="area")] = Field(
        (), max_length=1000, description="pasted ones, with lines of --- between them"
    )
    query: Annotated[Note, Shown("Query in front of each text")] = Field(
        "", description="of pasted texts, for a model that reads a query with a passage"
    )
    limit: Annotated[int, Shown("At most so many texts")] = Field(
        500, ge=1, le=5000, description="drawn with the seed; a larger sample begins with the smaller one"
    )
    seed: Annotated[Seed, Shown("Seed of the sample", more=True)] = Field(
        0, ge=0, description="another seed draws other texts"
    )
    kept: Annotated[int, Shown("Texts at either end", more=True)] = Field(
        10, ge=1, le=50, description="strongest and weakest ones of each neuron, stored with every token"
    )
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )


class ActivationsForm(ActivationsQuestion):
    """The same as it is asked for: of which model, and saved sets that neurons come from."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-reranker", description="folder name, alias or hub id of a model"
    )
    saved: Annotated[tuple[Count, ...], Shown("Saved sets", name="set", flag="set", widget="sets")] = Field(
        (), description="numbers of saved neuron sets of this model, whose members are read"
    )


class ActivationsLook(BaseModel):
    """Which neuron is looked at; the first one unless it is named."""

    neuron: Word = ""
