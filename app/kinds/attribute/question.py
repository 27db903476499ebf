"""What an attribution over a dataset asks (``nig.md`` section 8)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.domain.attributing import Sample
from app.domain.bounds import Word
from app.domain.questions import Question, Shown
from app.domain.targets import TargetSpec
from app.methods import DEFAULT

AVERAGES = {"micro": "pairs", "macro": "queries, of the mean within a query"}
KEY = "attribute"


class AttributeQuestion(Question):
    """An attribution over a sample.

    Args:
        sample: the pairs.
        average: ``micro`` is the mean over pairs; ``macro`` the mean over queries of the mean within a query.
        method, params, target, max_length: as for one input; for non-relevant pairs the target is that of the class
            non-relevant.
    """

    sample: Sample = Sample()
    average: Annotated[Literal["micro", "macro"], Shown("Mean over", titles=AVERAGES, more=True)] = Field(
        "micro", description="mean over pairs, or over queries"
    )
    method: Annotated[str, Shown(widget="method")] = Field(DEFAULT, description="of attribution")
    params: dict[str, Any] = Field(default_factory=dict)
    target: Annotated[TargetSpec, Shown(more=True)] = TargetSpec()
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )


class AttributeForm(AttributeQuestion):
    """An attribution as it is asked for: the question, and of which model."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-reranker", description="folder name, alias or hub id of a model that scores pairs"
    )


class AttributeLook(BaseModel):
    """What of an attribution is looked at."""

    part: Word = "all"
