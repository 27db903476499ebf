"""Which queries of a question set a run looks at, and how their scores become sets (``qrnca.md`` sections 3, 5, 6)."""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.bounds import Seed
from app.domain.datasets import PartName, SplitSpec
from app.domain.questions import Question, Shown

Blank = Literal["auto", "space", "bare", "sum"]
BLANKS = {"auto": "whichever is likelier", "space": "with a blank", "bare": "without", "sum": "both added up"}

HOW = {"per_prompt": "prompt by prompt", "pooled": "summed over prompts"}


class QuerySample(Question):
    """Which queries of a question set, and which of their wordings find neurons.

    Args:
        questions: hash of the set's content; ``name`` is shown.
        domains: of these domains only; empty for all.
        split, part: queries of this part of this split only.
        limit: at most so many of a domain, in an order that only the seed decides.
        wordings: so many, from the first one on, find neurons; the others are left for measuring. 0: all but the last.
        known: only queries that the model answers right in at least so many of these wordings.
        blank: how an answer is read behind a prompt.
        seed: of the order.
        chat: prompts are wrapped with the model's chat template: a user's turn, and the beginning of the answer.
    """

    later = frozenset({"chat"})

    questions: Annotated[str, Shown(widget="questions")] = Field("", description="name of a stored question set")
    name: Annotated[str, Shown(name="questions_name", widget="hidden")] = ""
    domains: Annotated[tuple[str, ...], Shown("Domains", flag="domain", more=True)] = Field(
        (), description="of these domains only; all when left out"
    )
    split: SplitSpec = SplitSpec()
    part: Annotated[PartName, Shown("Queries of the part")] = Field(
        "all", description="find neurons on one part, measure on another"
    )
    limit: Annotated[int, Shown("At most so many a domain")] = Field(
        20, ge=1, le=10_000, description="queries; drawn with the seed"
    )
    wordings: Annotated[int, Shown("Wordings that find neurons", more=True)] = Field(
        0, ge=0, le=100, description="the first so many; 0: all but the last, which is left for measuring"
    )
    known: Annotated[int, Shown("Answered right in at least")] = Field(
        1, ge=0, le=100, description="of these wordings; 0 keeps queries that the model does not know, too"
    )
    blank: Annotated[Blank, Shown("Answers are read", titles=BLANKS, more=True)] = Field(
        "auto", description="behind the prompt: with a blank in front, without, whichever is likelier, or both added up"
    )
    seed: Annotated[Seed, Shown("Seed of the sample", more=True)] = Field(
        0, ge=0, description="another seed draws other queries"
    )
    chat: Annotated[bool, Shown("Chat template", more=True)] = Field(
        False, description="prompts are wrapped as a user's turn, behind which the model answers"
    )


class Thresholds(Question):
    """How scores of prompts become the query-relevant neurons of queries; see :mod:`app.analysis.clusters`."""

    threshold: Annotated[float, Shown("Threshold t")] = Field(
        0.2, ge=0.02, le=1, description="share of a prompt's largest score that a neuron's must pass"
    )
    common: Annotated[float, Shown("Common above u")] = Field(
        0.3, ge=0, le=1, description="share of the clusters above which a neuron is common"
    )
    size: Annotated[int, Shown("Neurons a query v")] = Field(
        20, ge=1, le=1000, description="taken of each query before common ones go"
    )
    how: Annotated[Literal["per_prompt", "pooled"], Shown("Scores are compared", titles=HOW, more=True)] = Field(
        "per_prompt", description="prompt by prompt, or summed over a query's prompts"
    )
