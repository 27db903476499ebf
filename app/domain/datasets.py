"""Datasets: what is stored of one, and how its queries are split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from app.domain.bounds import Seed
from app.domain.questions import Question, Shown
from app.domain.seeded import place

PartName = Literal["attribution", "selection", "test", "all"]


@dataclass(frozen=True)
class Text:
    """A query or a passage; a passage's text is its title, a space, and its text."""

    kind: Literal["query", "passage"]
    key: str
    text: str


@dataclass(frozen=True)
class Judgement:
    """How relevant a passage is to a query."""

    query: str
    passage: str
    grade: int


@dataclass(frozen=True)
class Candidate:
    """A first-stage hit. Candidates are ordered by score, ties by passage id; ``rank`` is what the source says of it, 0
    where it says nothing, and decides nothing."""

    query: str
    passage: str
    rank: int
    score: float


Record = Text | Judgement | Candidate


@dataclass(frozen=True)
class Twice:
    """A record whose ids were there already; ``differs`` where text, grade or score are others. The first one stays."""

    what: Literal["query", "passage", "judgement", "candidate"]
    name: str
    differs: bool


@dataclass(frozen=True)
class Dataset:
    """A stored dataset.

    Args:
        id, name, kind: number, name, and whether it came as a collection or as labelled pairs.
        hash: of the content; the same content is the same dataset.
        queries, passages, judgements, candidates: counts.
        domain, licence, source: where it comes from, in words.
        report: what the import found, by name.
        state: ``importing`` until every row is there.
    """

    id: int
    name: str
    kind: Literal["collection", "pairs"]
    hash: str
    queries: int
    passages: int
    judgements: int
    candidates: int
    domain: str
    licence: str
    source: str
    report: Mapping[str, Any]
    state: Literal["importing", "ready"]
    created: datetime
    deleted: bool


class SplitSpec(Question):
    """A split of queries into attribution, selection and test (``nig.md`` section 18-4).

    A query's part depends on its id and the seed only, never on which other queries there are.

    Args:
        seed: another seed is another split.
        attribution, selection: shares; the rest is test.
    """

    seed: Annotated[Seed, Shown("Seed of the split", name="split_seed", more=True)] = Field(
        0, ge=0, description="another seed is another split"
    )
    attribution: Annotated[float, Shown(widget="hidden")] = Field(0.5, ge=0, le=1)
    selection: Annotated[float, Shown(widget="hidden")] = Field(0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _at_most_all(self) -> "SplitSpec":
        if self.attribution + self.selection > 1:
            raise ValueError("expected shares that add up to at most 1")
        return self

    def part(self, key: str) -> Literal["attribution", "selection", "test"]:
        """The part of one query."""
        digest = place(self.seed, key)
        share = int.from_bytes(digest[:8], "big") / 2**64
        if share < self.attribution:
            return "attribution"
        return "selection" if share < self.attribution + self.selection else "test"

    def parts(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Part to the queries in it, in the order given."""
        queries: dict[str, list[str]] = {"attribution": [], "selection": [], "test": []}
        for key in keys:
            queries[self.part(key)].append(key)
        return {name: tuple(members) for name, members in queries.items()}
