"""What is re-ranked and which saved sets are tested, for runs over candidate lists (``nig.md`` sections 10 and 11)."""

from typing import Annotated

from pydantic import Field

from app.domain.bounds import Seed
from app.domain.datasets import PartName, SplitSpec
from app.domain.questions import Question, Shown


class Evaluation(Question):
    """Which candidate lists are re-ranked.

    Args:
        dataset: hash of the dataset's content; ``name`` is shown.
        split, part: queries of this part of this split only.
        queries: at most this many of the judged ones, drawn with ``seed``; those without candidates count, too.
        depth: candidates per query, in first-stage order.
        threshold: lowest grade that counts as relevant.
    """

    dataset: Annotated[str, Shown("Measured on", widget="dataset")] = Field(
        "", description="name of the stored dataset that is re-ranked"
    )
    name: Annotated[str, Shown(name="dataset_name", widget="hidden")] = ""
    split: SplitSpec = SplitSpec()
    part: Annotated[PartName, Shown("Queries of the part")] = Field(
        "test", description="part of the split; not the one the neurons were found on"
    )
    queries: Annotated[int, Shown("At most so many queries")] = Field(
        50, ge=1, le=100_000, description="at most this many of the judged ones"
    )
    depth: Annotated[int, Shown("Candidates per query")] = Field(
        20, ge=2, le=1000, description="the first ones, in first-stage order"
    )
    threshold: Annotated[int, Shown("Relevant from grade", more=True)] = Field(
        1, ge=1, le=1000, description="lowest grade that counts as relevant"
    )
    seed: Annotated[Seed, Shown("Seed of the draw", name="draw_seed", more=True)] = Field(
        0, ge=0, description="of the draw of queries"
    )


class NamedSet(Question):
    """A neuron set by its members, ``L3.mid.1201``."""

    name: str
    neurons: tuple[str, ...] = Field(min_length=1)
