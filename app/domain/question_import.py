"""What an import of a question set is asked, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.domain.importing import NAME
from app.domain.question_sets import QuestionQuery

Layout = Literal["auto", "qrnca", "exams", "cloze", "jsonl", "table", "choices"]
LAYOUTS: Mapping[str, str] = {
    "qrnca": "QRNCA's JSON: prompts and letters by id",
    "exams": "exam questions, one JSON object a line",
    "cloze": "cloze facts: relations with templates",
    "jsonl": "prompts with targets, one JSON object a line",
    "table": "prompts with targets, a table (CSV, TSV)",
    "choices": "multiple choice, a table (question, A, B, C, D, answer)",
}
COLUMNS = ("key", "domain", "prompt", "target", "options", "answer")
RESERVED = "new"
"""No set's name: its page would be that of queries by hand."""
MOST_BYTES = 64_000_000
MOST_QUERIES = 50_000


class Reading(BaseModel):
    """How a file of questions is read.

    Args:
        layout: one of :data:`LAYOUTS`, or recognised.
        domain_by: what the domain of an exam question is.
        seed: of the order of options where prompts are made here.
        columns: name of a field of :data:`COLUMNS` to the column that holds it, where it has another name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Layout = "auto"
    domain_by: Literal["subject", "language"] = "subject"
    seed: int = Field(0, ge=0, lt=2**63)
    columns: dict[str, str] = {}

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        if unknown := set(columns) - set(COLUMNS):
            raise ValueError(f"expected fields of {', '.join(COLUMNS)}, found {', '.join(sorted(unknown))}")
        return columns


class QuestionImport(Reading):
    """How a file is read, and what the set is called."""

    name: str
    licence: str = ""
    source: str = ""

    @field_validator("name")
    @classmethod
    def _fitting(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("expected 1 to 100 letters, digits, dots, dashes and underscores")
        if name == RESERVED:
            raise ValueError(f"expected another name than '{RESERVED}', which is the address of queries by hand")
        return name


@dataclass(frozen=True)
class Placed:
    """A query as it stands in a file, and where: a line or a key."""

    place: str
    query: QuestionQuery


@dataclass(frozen=True)
class Finding:
    """One line of an import report: what was found, how often, where first, and what was done about it."""

    title: str
    count: int
    examples: tuple[str, ...]
    done: str
