"""Which pairs of a dataset are attributed over (``nig.md`` section 8)."""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.bounds import Seed
from app.domain.datasets import PartName, SplitSpec
from app.domain.questions import Question, Shown

Relevance = Literal["relevant", "non_relevant"]
PAIRS = {"relevant": "relevant ones", "non_relevant": "non-relevant ones"}
FOLDS = 8
"""Random halves and stability curves are made of this many folds of queries."""


class Sample(Question):
    """Which pairs of a dataset.

    Args:
        dataset: hash of the dataset's content; ``name`` is shown.
        split, part: queries of this part of this split only.
        relevance: ``relevant`` pairs are judged at least ``threshold``; ``non_relevant`` ones are judged below it, or
            are first-stage hits without a judgement.
        correct: only pairs that the model classes as such (probability above one half, or not).
        limit: at most this many pairs, drawn with ``seed``.
    """

    dataset: Annotated[str, Shown(widget="dataset")] = Field("", description="name of a stored dataset")
    name: Annotated[str, Shown(name="dataset_name", widget="hidden")] = ""
    split: SplitSpec = SplitSpec()
    part: Annotated[PartName, Shown("Queries of the part")] = Field(
        "attribution", description="find neurons on one part, measure on another"
    )
    relevance: Annotated[Relevance, Shown("Pairs", titles=PAIRS)] = Field(
        "relevant",
        description="non-relevant: judged below the threshold, or first-stage hits without a judgement; the target is "
        "then the class non-relevant",
    )
    threshold: Annotated[int, Shown("Relevant from grade", more=True)] = Field(
        1, ge=1, le=1000, description="lowest grade that counts as relevant"
    )
    correct: Annotated[bool, Shown("only pairs that the model classes so itself", off="any")] = Field(
        True, description="only pairs that the model classes so itself"
    )
    limit: Annotated[int, Shown("At most so many pairs")] = Field(
        500, ge=1, le=100_000, description="drawn with the seed; a larger sample begins with the smaller one"
    )
    seed: Annotated[Seed, Shown("Seed of the sample", more=True)] = Field(
        0, ge=0, description="another seed draws other pairs"
    )
