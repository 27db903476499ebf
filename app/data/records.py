"""Rows of a file as texts, judgements and candidates, streamed."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.data.lines import broken, objects
from app.data.notes import Notes
from app.data.tables import cells
from app.domain.datasets import Candidate, Judgement, Record, Text
from app.domain.errors import BadInput
from app.domain.importing import FIELDS, FileSpec
from app.domain.texts import whole

WHOLE = re.compile(r"[+-]?[0-9]{1,9}(\.0+)?")
WORDS = {"true": 1, "false": 0, "yes": 1, "no": 0, "relevant": 1, "irrelevant": 0, "not relevant": 0}
KEY = 200
LISTS = ("judgements", "run")
"""Roles whose rows are ids and numbers, which no white space is part of."""
TREC_RUN = 6
"""Columns of a TREC run: query, Q0, passage, rank, score, tag."""


def rows(spec: FileSpec, folder: Path, notes: Notes | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and field to value of every row; fields that a row does not have are left out.

    Halves of surrogate pairs become U+FFFD, which is noted.

    Raises:
        BadInput: a broken line, or a needed field that it lacks.
    """
    path, told = folder / spec.path, notes or Notes()
    needed = FIELDS[spec.role][0]
    for number, values in _objects(spec, path) if spec.form == "jsonl" else _table(spec, path):
        missing = [spec.columns[name] for name in needed if values.get(name) is None]
        if missing:
            raise broken(path, number, f"a value for {', '.join(missing)}", "none")
        mended = {name: whole(value) if isinstance(value, str) else value for name, value in values.items()}
        if mended != values:
            told.add("lines", "half of a surrogate pair, read as U+FFFD", f"{spec.path}, line {number}")
        told.rows[spec.path] += 1
        yield number, mended


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
        fitted = fit(row, width) if spec.role in LISTS else row
        if len(fitted) != width:
            kind = {"\t": "tabs", " ": "spaces", ",": "commas", ";": "semicolons"}[spec.delimiter]
            raise broken(path, number, f"{width} columns separated by {kind}", f"{len(row)}")
        yield number, {name: fitted[at] for name, at in places.items() if at < len(fitted)}


def fit(row: list[str], width: int) -> list[str]:
    """A row of judgements or of a run in so many cells: any white space separates them, and a run's last cell, its
    tag, may hold some. A row that cannot be cut so is given back as it is."""
    if len(row) == width:
        return row
    parts = " ".join(row).split()
    if width == TREC_RUN and len(parts) > width:
        return [*parts[: width - 1], " ".join(parts[width - 1 :])]
    return parts if len(parts) == width else row


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


def records(spec: FileSpec, folder: Path, notes: Notes | None = None) -> Iterator[Record]:
    """The records of one file, in its order; a pair gives a query, a passage, a judgement and a candidate.

    Candidates are ordered by their scores, wherever they stand; those of pairs have none, so theirs are all 0. A run
    with ranks and no scores is taken by its ranks.

    Raises:
        BadInput: what is wrong, by file and line.
    """
    path = folder / spec.path
    for number, row in rows(spec, folder, notes):
        try:
            yield from _of_row(spec, row)
        except ValueError as error:
            expected, _, actual = str(error).partition("; found ")
            raise broken(path, number, expected, actual) from error


def _of_row(spec: FileSpec, row: Mapping[str, Any]) -> Iterator[Record]:
    if spec.role in ("queries", "passages"):
        kind = "query" if spec.role == "queries" else "passage"
        yield Text(kind, key_of(row["id"]), full_text(row))  # type: ignore[arg-type]
    elif spec.role == "judgements":
        yield Judgement(key_of(row["query"]), key_of(row["passage"]), grade_of(row["grade"]))
    elif spec.role == "run":
        rank = int(float(str(row["rank"]))) if WHOLE.fullmatch(str(row.get("rank", ""))) else 0
        score = number_of(row["score"]) if "score" in row else -number_of(row.get("rank"))
        yield Candidate(key_of(row["query"]), key_of(row["passage"]), rank, score)
    else:
        yield from _of_pair(row)


def _of_pair(row: Mapping[str, Any]) -> Iterator[Record]:
    """A labelled pair; ids are made of the texts where it has none."""
    query_text, passage_text = text_of(row["query"]), full_text({"text": row["passage"], "title": row.get("title")})
    query_id = key_of(row["query_id"]) if "query_id" in row else made_key(query_text)
    passage_id = key_of(row["passage_id"]) if "passage_id" in row else made_key(passage_text)
    yield Text("query", query_id, query_text)
    yield Text("passage", passage_id, passage_text)
    yield Judgement(query_id, passage_id, grade_of(row["grade"]))
    yield Candidate(query_id, passage_id, 0, 0.0)


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
