"""What is asked of free text (``qrnca.md`` section 18, 2)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.bounds import Count, Note, Seed, Word
from app.domain.query_sampling import BLANKS, Thresholds
from app.domain.questions import Question, Shown

KEY = "writing"
OWN, DOMAIN = "own", "domain"
Where = Literal["last", "prompt", "generated", "all"]
WHERE = {
    "last": "the newest token at each step",
    "prompt": "all tokens of the prompt",
    "generated": "tokens behind the prompt",
    "all": "all tokens",
}
OneWay = Literal["auto", "space", "bare"]
ONE_WAY = {way: BLANKS[way] for way in ("auto", "space", "bare")}
"""How an answer is read: of several tokens, the two ways are never added up."""
NEUTRAL = (
    "On Saturday morning the market opened at eight. Two farmers carried baskets of apples and pears to a long wooden "
    "table, and a boy wrote the prices on a small board. It rained a little before noon, but most people stayed, "
    "talked to their neighbours, and went home with full bags."
)
"""The built-in text whose perplexity tells side effects."""


class WritingQuestion(Question):
    """Answers of several tokens with neurons of a search scaled.

    Args:
        prompts, golds: texts by hand, an answer for each prompt; empty for the queries of the search.
        whose: ``own`` neurons of each query, ``domain`` for those of its domain united, or the name of a domain or a
            query of the search whose neurons go to every text.
        thresholds: how the search's stored scores become sets.
        factors: what the neurons' values are multiplied by.
        positions: at which tokens; ``every`` so many of those behind the prompt.
        max_new: tokens that are written at most.
        limit: queries of the search at most, where no texts are given.
        blank: how an answer is read behind a prompt.
        neutral: the text whose perplexity tells side effects; all its tokens are edited.
        seeds, seed: random sets of the same blocks, and the first one's seed.
    """

    prompts: Annotated[tuple[Note, ...], Shown("Prompts", flag="prompt", widget="area")] = Field(
        (), max_length=200, description="with lines of --- between several; empty: the queries of the search"
    )
    golds: Annotated[tuple[Note, ...], Shown("Gold answers", flag="gold", widget="area")] = Field(
        (), max_length=200, description="one for each prompt, in the same order, with lines of --- between several"
    )
    whose: Annotated[Word, Shown("Whose neurons", always=True)] = Field(
        OWN,
        description="'own' of each query, its 'domain' united, or the name of a domain or query of the search",
    )
    thresholds: Thresholds = Thresholds()
    factors: Annotated[tuple[float, ...], Shown("Factors")] = Field(
        (0.0, 2.0), max_length=20, description="of the neurons' values: 0 switches off, 2 doubles"
    )
    positions: Annotated[Where, Shown("At", titles=WHERE)] = Field("last", description="tokens whose values are scaled")
    every: Annotated[int, Shown("Every so many", more=True)] = Field(
        1, ge=1, le=100, description="of the tokens behind the prompt, where those are scaled"
    )
    max_new: Annotated[int, Shown("Tokens written")] = Field(24, ge=1, le=512, description="at most, behind a prompt")
    limit: Annotated[int, Shown("At most so many queries", more=True)] = Field(
        20, ge=1, le=10_000, description="of the search, where no prompts are given"
    )
    blank: Annotated[OneWay, Shown("Answers are read", titles=ONE_WAY, more=True)] = Field(
        "auto", description="behind the prompt: with a blank in front, without, or whichever is likelier"
    )
    neutral: Annotated[Note, Shown("Unrelated text", widget="area", more=True)] = Field(
        "", description="its perplexity tells side effects; a built-in one when left out"
    )
    seeds: Annotated[int, Shown("Random sets", more=True)] = Field(
        10, ge=1, le=100, description="of the same blocks, for each text"
    )
    seed: Annotated[Seed, Shown("First seed", more=True)] = Field(0, ge=0, description="of the random sets")


class WritingForm(WritingQuestion):
    """The question, and of which search."""

    source: Annotated[str, Shown("Run", name="run", widget="search", positional=True)] = Field(
        "", description="number or fingerprint of a finished search for query-relevant neurons"
    )


class WritingLook(BaseModel):
    """Which factor and which text are looked at; the first ones unless they are named."""

    factor: float | None = None
    text: Count = 0
