"""What a prediction from query-relevant neurons asks (``qrnca.md`` sections 10 and 18)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Seed
from app.domain.query_sampling import Thresholds
from app.domain.questions import Question, Shown

KEY = "predict"
Proposed = Literal["text", "letter"]
PROPOSED = {"text": "the option's text", "letter": "the option's letter"}
WRONG = 3
"""Wrong candidates of a query without options: answers of other queries of its domain."""
LEAST_FOUND = 2
"""Queries of a domain that the search used, at least: from one alone nothing is told apart."""


class PredictQuestion(Question):
    """Activity of each domain's neurons while options of new queries are proposed as answers.

    Args:
        thresholds: how the search's stored scores become the domains' neurons.
        limit: new queries of a domain, at most.
        wordings: of each query, so many, from the first one on.
        proposed: what is put behind the prompt as the proposed answer; of queries without options their answers.
        seeds: random sets of each domain; ``seed`` is the first of them, and that of the new queries and of the wrong
            candidates.
    """

    thresholds: Thresholds = Thresholds()
    limit: Annotated[int, Shown("At most so many a domain")] = Field(
        20, ge=1, le=10_000, description="new queries, which the search did not use; drawn with the seed"
    )
    wordings: Annotated[int, Shown("Wordings a query")] = Field(
        2, ge=1, le=100, description="the first so many of each query, old and new; a query counts once"
    )
    proposed: Annotated[Proposed, Shown("Proposed answer", titles=PROPOSED)] = Field(
        "text", description="what is put behind the prompt; queries without options have only answers"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="of each domain, as many neurons of the same blocks"
    )
    seed: Annotated[Seed, Shown("Seed", more=True)] = Field(
        0, ge=0, description="of the new queries and wrong candidates; the first of the random sets"
    )


class PredictForm(PredictQuestion):
    """A prediction as it is asked for: the question, and of which search."""

    source: Annotated[str, Shown("Run", name="run", widget="search", positional=True)] = Field(
        "", description="number or fingerprint of a finished search for query-relevant neurons"
    )


class PredictLook(BaseModel):
    """Its page has one look."""
