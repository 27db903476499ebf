"""Files of questions: which layout one has, and its queries with a report. Nothing is left out silently."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from app.data import question_json, question_tables
from app.data.question_checks import checked
from app.data.question_text import decoded, parsed
from app.domain.errors import BadInput
from app.domain.question_import import LAYOUTS, MOST_BYTES, MOST_QUERIES, Finding, Placed, Reading
from app.domain.question_sets import QuestionQuery

READERS: Mapping[str, Callable[[str, Reading], Iterator[Placed]]] = {
    "qrnca": question_json.qrnca,
    "exams": question_json.exams,
    "cloze": question_json.cloze,
    "jsonl": question_json.plain_lines,
    "table": question_tables.table,
    "choices": question_tables.choices,
}


@dataclass(frozen=True)
class Brought:
    """What a file holds: its layout, the queries that are kept, and one finding per check."""

    layout: str
    read: int
    queries: tuple[QuestionQuery, ...]
    findings: tuple[Finding, ...]

    def report(self, reading: Reading) -> dict[str, Any]:
        """What is stored of the import."""
        chosen = {"domain_by": reading.domain_by, "seed": reading.seed}
        return {
            "layout": self.layout,
            "read": self.read,
            "kept": len(self.queries),
            **(chosen if self.layout in ("exams", "choices") else {}),
            "findings": [asdict(finding) for finding in self.findings],
        }


def read_questions(body: bytes, reading: Reading) -> Brought:
    """The queries of a file.

    Raises:
        BadInput: too large, no text, of no known layout, broken, or without a query.
    """
    if len(body) > MOST_BYTES:
        found, way = f"{len(body) / 1e6:,.0f} MB", "Cut the file into several."
        raise BadInput(f"a file of at most {MOST_BYTES // 10**6} MB", found, way, "file")
    text = decoded(body)
    layout = recognised(text) if reading.layout == "auto" else reading.layout
    placed = tuple(islice(READERS[layout](text, reading), MOST_QUERIES + 1))
    if len(placed) > MOST_QUERIES:
        raise BadInput(f"at most {MOST_QUERIES:,} queries", "more", "Cut the file into several.", "file")
    queries, findings = checked(placed)
    if not queries:
        told = "; ".join(f"{one.title}: {one.count}" for one in findings if one.count) or "none"
        raise BadInput("at least one query with a prompt and a target", told, "Choose another file or layout.", "file")
    return Brought(layout, len(placed), queries, findings)


def recognised(text: str) -> str:
    """The layout of a text.

    Raises:
        BadInput: it has none that is known.
    """
    start = text.lstrip()
    if start.startswith(("{", "[")):
        return _of_json(start)
    names = {name.lower() for name in question_tables.header(text)}
    if {"question", "a", "b", "answer"} <= names:
        return "choices"
    if {"prompt", "prompt_1"} & names:
        return "table"
    found = f"columns {', '.join(sorted(names))[:120]}"
    raise BadInput(f"one of: {'; '.join(LAYOUTS.values())}", found, "Name the layout and its columns.", "layout")


def _of_json(text: str) -> str:
    """The layout of JSON: one object a line, or one object whose values tell."""
    first = text.split("\n", 1)[0]
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        row = parsed(text, "the whole file")
    names = set(row) if isinstance(row, dict) else set()
    if {"question", "choices", "answer"} <= names:
        return "exams"
    if names & {"wordings", "prompt", "prompt_1"}:
        return "jsonl"
    for value in islice(row.values() if isinstance(row, dict) else (), 1):
        if isinstance(value, dict) and "sentences" in value:
            return "qrnca"
        if isinstance(value, dict) and "templates" in value:
            return "cloze"
    found = f"JSON with {', '.join(sorted(names))[:120] or 'no names'}"
    raise BadInput(f"one of: {'; '.join(LAYOUTS.values())}", found, "Name the layout and its columns.", "layout")


def as_lines(queries: Sequence[QuestionQuery]) -> bytes:
    """Queries as JSONL that reads back as the same set."""
    return "".join(json.dumps(asdict(query), ensure_ascii=False) + "\n" for query in queries).encode()
