"""What a comparison of locators asks (``qrnca.md`` section 18)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Seed
from app.domain.query_sampling import Thresholds
from app.domain.questions import Question, Shown

KEY = "locators"
LEAST = 4
"""Queries, at least: an interval over fewer says nothing."""
BASELINE = "mean_embedding"
"""Where the path of integrated gradients starts: the mean of all word embeddings, which needs no filler token and,
unlike zero, is no singular point of a norm without a mean."""
Tokens = Literal["last", "all"]
TOKENS = {"last": "at the last token alone", "all": "summed over all tokens"}


class LocatorsQuestion(Question):
    """Scores of the same neurons by several locators, and the effect of each one's own set.

    Args:
        thresholds: how the search's stored scores become sets.
        queries: of the search, by turns of its domains.
        k: tested neurons of each group of a query at most, and the size of the tops that are compared.
        steps: of the path of integrated gradients. tokens: over which its scores are added.
        noise: draws of noise for causal tracing; 0 leaves it out.
        seeds: random sets beside the sets that are switched off; ``seed`` is the first of them, and that of the
            queries, their partners and the random neurons.
    """

    thresholds: Thresholds = Thresholds()
    queries: Annotated[int, Shown("Queries")] = Field(
        12, ge=LEAST, le=1000, description="of the search, by turns of its domains; drawn with the seed"
    )
    k: Annotated[int, Shown("Neurons k")] = Field(
        50, ge=1, le=1000, description="tested of each group at most; also the size of the compared tops"
    )
    tokens: Annotated[Tokens, Shown("Integrated gradients", titles=TOKENS, more=True)] = Field(
        "last", description="where scores of integrated gradients are taken; the others only see the last token"
    )
    steps: Annotated[int, Shown("Steps", more=True)] = Field(
        50, ge=2, le=1000, description="intervals of the path of integrated gradients"
    )
    noise: Annotated[int, Shown("Draws of noise", more=True)] = Field(
        3, ge=0, le=100, description="for causal tracing, block by block; 0 leaves it out"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="switched off beside each query's sets, of the same size and blocks"
    )
    seed: Annotated[Seed, Shown("Seed", more=True)] = Field(
        0, ge=0, description="of the queries, their partners and random neurons"
    )


class LocatorsForm(LocatorsQuestion):
    """A comparison as it is asked for: the question, and of which search."""

    source: Annotated[str, Shown("Run", name="run", widget="search", positional=True)] = Field(
        "", description="number or fingerprint of a finished search for query-relevant neurons"
    )


class LocatorsLook(BaseModel):
    """Its page has one look."""
