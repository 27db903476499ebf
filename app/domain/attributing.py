"""What an attribution over a dataset asks (``nig.md`` section 8)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.datasets import PartName, SplitSpec
from app.domain.targets import TargetSpec

Relevance = Literal["relevant", "non_relevant"]
FOLDS = 8
"""Random halves and stability curves are made of this many folds of queries."""


class Sample(BaseModel):
    """Which pairs of a dataset.

    Args:
        dataset: hash of the dataset's content; ``name`` is shown.
        split, part: queries of this part of this split only.
        relevance: ``relevant`` pairs are judged at least ``threshold``; ``non_relevant`` ones are judged below it, or
            are first-stage hits without a judgement.
        correct: only pairs that the model classes as such (probability above one half, or not).
        limit: at most this many pairs, drawn with ``seed``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    name: str = ""
    split: SplitSpec = SplitSpec()
    part: PartName = "attribution"
    relevance: Relevance = "relevant"
    threshold: int = Field(1, ge=1, le=1000)
    correct: bool = True
    limit: int = Field(500, ge=1, le=100_000)
    seed: int = Field(0, ge=0)


class AttributeSettings(BaseModel):
    """An attribution over a sample.

    Args:
        sample: the pairs.
        average: ``micro`` is the mean over pairs; ``macro`` the mean over queries of the mean within a query.
        method, params, target, max_length: as for one input; for non-relevant pairs the target is that of the class
            non-relevant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: Sample
    average: Literal["micro", "macro"] = "micro"
    method: str = "nig"
    params: dict[str, Any] = {}
    target: TargetSpec = TargetSpec()
    max_length: int = Field(256, ge=8, le=8192)
