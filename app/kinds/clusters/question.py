"""What a search for query-relevant neurons asks (``qrnca.md`` sections 3 to 6)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Word
from app.domain.query_sampling import QuerySample, Thresholds
from app.domain.questions import Question, Shown
from app.methods import OF_PROMPTS

KEY = "clusters"


class ClustersQuestion(Question):
    """Scores of every prompt of a sample of queries; thresholds are chosen afterwards, from what is stored.

    Args:
        sample: the queries.
        method, params: what scores a prompt; the target is the probability of the right token.
        max_length: of a prompt, in tokens.
        stability: score with half and twice the points, too, and keep the strongest scores of both.
    """

    later = frozenset({"stability"})

    sample: QuerySample = QuerySample()
    method: Annotated[str, Shown(widget="method", more=True)] = Field(OF_PROMPTS, description="of attribution")
    params: dict[str, Any] = Field(default_factory=dict)
    max_length: Annotated[int, Shown("Longest input", widget="length", more=True, always=True)] = Field(
        256, ge=8, le=8192, description="tokens; the model's own when left out"
    )
    stability: Annotated[bool, Shown("compare with half and twice the points", more=True)] = Field(
        False, description="score with half and twice the points, too: three and a half times the work"
    )


class ClustersForm(ClustersQuestion):
    """The question, and of which model."""

    model: Annotated[str, Shown(widget="model", always=True)] = Field(
        "golgi-demo-lm", description="folder name, alias or hub id of a causal language model"
    )


class ClustersLook(BaseModel):
    """How stored scores become sets, see :class:`Thresholds`; scores of which sign; the domain whose queries are listed
    and whose map is drawn alone; how the overlap of domains is measured; and the query whose map is drawn."""

    threshold: float = Field(0.2, ge=0.02, le=1)
    common: float = Field(0.3, ge=0, le=1)
    size: int = Field(20, ge=1, le=1000)
    how: Literal["per_prompt", "pooled"] = "per_prompt"
    domain: Word = ""
    overlap: Literal["jaccard", "coefficient"] = "jaccard"
    query: Word = ""
    sign: Literal["positive", "negative"] = "positive"

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds alone."""
        return Thresholds(threshold=self.threshold, common=self.common, size=self.size, how=self.how)
