"""Rows of a file as texts, judgements and candidates, streamed."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.data.lines import broken, cells, objects
from app.domain.datasets import Candidate, Judgement, Record, Text
from app.domain.errors import BadInput
from app.domain.importing import FIELDS, FileSpec

WHOLE = re.compile(r"[+-]?[0-9]{1,9}(\.0+)?")
WORDS = {"true": 1, "false": 0, "yes": 1, "no": 0, "relevant": 1, "irrelevant": 0, "not relevant": 0}
KEY = 200


def rows(spec: FileSpec, folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and field to value of every row; fields that a row does not have are left out.

    Raises:
        BadInput: a broken line, or a needed field that it lacks.
    """
    path = folder / spec.path
    needed = FIELDS[spec.role][0]
    for number, values in _objects(spec, path) if spec.form == "jsonl" else _table(spec, path):
        missing = [spec.columns[name] for name in needed if values.get(name) is None]
        if missing:
            raise broken(path, number, f"a value for {', '.join(missing)}", "none")
        yield number, values


def _objects(spec: FileSpec, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in objects(path):
        yield number, {name: row[key] for name, key in spec.columns.items() if row.get(key) is not None}


def _table(spec: FileSpec, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    places: dict[str, int] | None = None if spec.header else _numbered(spec, path)
    width = 0
    for number, row in cells(path, spec.delimiter):
        if places is None:
            places, width = _named(spec, path, row), len(row)
            continue
        width = width or len(row)
        if len(row) != width:
            kind = {"\t": "tabs", " ": "spaces", ",": "commas", ";": "semicolons"}[spec.delimiter]
            raise broken(path, number, f"{width} columns separated by {kind}", f"{len(row)}")
        yield number, {name: row[at] for name, at in places.items() if at < len(row)}


def _named(spec: FileSpec, path: Path, header: list[str]) -> dict[str, int]:
    """Field to place, by the names of the first line."""
    names = [cell.strip() for cell in header]
    missing = [column for column in spec.columns.values() if column not in names]
    if missing:
        raise broken(path, 1, f"columns named {', '.join(missing)}", ", ".join(names)[:120])
    return {field: names.index(column) for field, column in spec.columns.items()}


def _numbered(spec: FileSpec, path: Path) -> dict[str, int]:
    """Field to place, by numbers from 1."""
    wrong = [column for column in spec.columns.values() if not column.isdigit() or int(column) < 1]
    if wrong:
        raise BadInput(f"column numbers for {path.name}, which has no header", ", ".join(wrong), "Write 1, 2, 3.")
    return {field: int(column) - 1 for field, column in spec.columns.items()}


def records(spec: FileSpec, folder: Path) -> Iterator[Record]:
    """The records of one file, in its order; a pair gives a query, a passage, a judgement and a candidate.

    Raises:
        BadInput: what is wrong, by file and line.
    """
    path, ranks = folder / spec.path, dict[str, int]()
    for number, row in rows(spec, folder):
        try:
            yield from _of_row(spec, row, ranks)
        except ValueError as error:
            expected, _, actual = str(error).partition("; found ")
            raise broken(path, number, expected, actual) from error


def _of_row(spec: FileSpec, row: Mapping[str, Any], ranks: dict[str, int]) -> Iterator[Record]:
    if spec.role in ("queries", "passages"):
        kind = "query" if spec.role == "queries" else "passage"
        yield Text(kind, key_of(row["id"]), full_text(row))  # type: ignore[arg-type]
    elif spec.role == "judgements":
        yield Judgement(key_of(row["query"]), key_of(row["passage"]), grade_of(row["grade"]))
    elif spec.role == "run":
        query = key_of(row["query"])
        ranks[query] = ranks.get(query, 0) + 1
        rank = grade_of(row["rank"]) if "rank" in row else ranks[query]
        yield Candidate(query, key_of(row["passage"]), rank, number_of(row["score"]))
    else:
        yield from _of_pair(row, ranks)


def _of_pair(row: Mapping[str, Any], ranks: dict[str, int]) -> Iterator[Record]:
    """A labelled pair; ids are made of the texts where it has none."""
    query_text, passage_text = text_of(row["query"]), full_text({"text": row["passage"], "title": row.get("title")})
    query_id = key_of(row["query_id"]) if "query_id" in row else made_key(query_text)
    passage_id = key_of(row["passage_id"]) if "passage_id" in row else made_key(passage_text)
    ranks[query_id] = ranks.get(query_id, 0) + 1
    yield Text("query", query_id, query_text)
    yield Text("passage", passage_id, passage_text)
    yield Judgement(query_id, passage_id, grade_of(row["grade"]))
    yield Candidate(query_id, passage_id, ranks[query_id], -float(ranks[query_id]))


def made_key(text: str) -> str:
    """An id made of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of(value: Any) -> str:
    """An id: a short text or a whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value).strip()) <= KEY:
        raise ValueError(f"an id of at most {KEY} characters; found '{str(value)[:40]}'")
    return str(value).strip()


def text_of(value: Any) -> str:
    """A text as it stands."""
    if not isinstance(value, str):
        raise ValueError(f"a text; found {type(value).__name__}")
    return value


def full_text(row: Mapping[str, Any]) -> str:
    """Title, a space, and text."""
    title = text_of(row["title"]) if row.get("title") is not None else ""
    return f"{title} {text_of(row['text'])}".strip() if title.strip() else text_of(row["text"])


def grade_of(value: Any) -> int:
    """A whole number, or a word for yes and no."""
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return WORDS[value.strip().lower()]
    if not WHOLE.fullmatch(str(int(value) if isinstance(value, bool) else value).strip()):
        raise ValueError(f"a whole number as the grade; found '{str(value)[:40]}'")
    return int(float(value))


def number_of(value: Any) -> float:
    """A finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"a finite number as the score; found '{str(value)[:40]}'")
    return number
