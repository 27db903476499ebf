"""What a file most likely holds, judged by its name and its first rows."""

import csv
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from app.data.lines import broken, lines, objects
from app.data.records import LISTS, fit, rows
from app.data.tables import cells
from app.domain.errors import BadInput
from app.domain.importing import FIELDS, FileSpec, Role, lacking

LOOKED = 20
NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "_id", "docid", "doc_id", "docno", "qid", "query_id", "pid", "passage_id"),
    "text": ("text", "contents", "content", "body", "query", "question", "passage", "document", "claim"),
    "title": ("title", "heading"),
    "query": ("query", "query-id", "query_id", "qid", "question", "q", "claim"),
    "passage": (
        "passage",
        "corpus-id",
        "passage-id",
        "passage_id",
        "doc_id",
        "docid",
        "document",
        "pid",
        "text",
        "answer",
        "doc",
    ),
    "grade": ("relevance", "grade", "score", "label", "rel", "target", "is_relevant"),
    "score": ("score", "bm25", "sim"),
    "rank": ("rank",),
    "query_id": ("query_id", "query-id", "qid"),
    "passage_id": ("passage_id", "passage-id", "corpus-id", "doc_id", "docid", "pid"),
}
ROLES: tuple[tuple[Role, str], ...] = (
    ("judgements", r"qrel|judg|^(test|train|dev|valid)\."),
    ("run", r"run|trec|bm25|candidates|top\d+"),
    ("queries", r"quer|topic|question|claim"),
    ("passages", r"corpus|passage|psgs|doc|collection"),
    ("pairs", r"pair|triple|label"),
)
QRELS = re.compile(r"\S+\s+\S+\s+\S+\s+[+-]?\d+\s*")
RUN = re.compile(r"\S+\s+\S+\s+\S+\s+[+-]?\d+\s+[+-]?[\d.]+([eE][+-]?\d+)?(\s+\S.*)?")
"""Lines of TREC's judgements and runs."""


def roles_by_name(name: str) -> list[Role]:
    """What a file of this name, or below a folder of this name, may hold; the likeliest first."""
    return [role for role, pattern in ROLES if re.search(pattern, name.lower())]


def guess(path: Path, folder: Path) -> FileSpec:
    """The role, form and columns of one file.

    Raises:
        BadInput: nothing fits.
    """
    if suffix_of(path) in (".jsonl", ".ndjson"):
        first_rows = [row for _, row in islice(objects(path), LOOKED)]
        names = list(dict.fromkeys(key for row in first_rows for key in row))
        values = [[str(row.get(name, "")) for name in names] for row in first_rows]
        form: Literal["jsonl", "table"] = "jsonl"
        delimiter, header = "\t", True
    else:
        delimiter = _delimiter(path)
        values = _first_rows(path, folder, delimiter)
        names = [cell.strip() for cell in values[0]] if values else []
        form, header = "table", bool(names) and _is_header(values)
    role, columns = _role_and_columns(path.relative_to(folder), names, header, values)
    return FileSpec(
        path=str(path.relative_to(folder)),
        role=role,
        form=form,
        delimiter=delimiter,
        header=header,
        columns=columns,
    )


def suffix_of(path: Path) -> str:
    """How a file's name ends, but for ``.gz``."""
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def _first_rows(path: Path, folder: Path, delimiter: str) -> list[list[str]]:
    """The first rows of a table, all of one width.

    Raises:
        BadInput: rows of different widths.
    """
    is_list = set(roles_by_name(str(path.relative_to(folder)))) & set(LISTS)
    values: list[list[str]] = []
    for number, row in islice(cells(path, delimiter), LOOKED):
        fitted = fit(row, len(values[0])) if values and (is_list or delimiter == " ") else row
        if values and len(fitted) != len(values[0]):
            raise broken(path, number, f"{len(values[0])} columns", f"{len(row)}")
        values.append(fitted)
    return values


def _delimiter(path: Path) -> str:
    first_lines = [line for _, line in islice(lines(path), LOOKED)]
    first = first_lines[0] if first_lines else ""
    if suffix_of(path) == ".csv":
        try:
            return csv.Sniffer().sniff(first, ",;\t").delimiter
        except csv.Error:
            return ","
    tabs = {line.count("\t") for line in first_lines}
    if len(tabs) == 1 and tabs != {0}:
        return "\t"
    if any(first_lines and all(form.fullmatch(line.strip()) for line in first_lines) for form in (QRELS, RUN)):
        return " "
    return "\t" if "\t" in first else "," if "," in first and len(first.split()) < 3 else " " if " " in first else "\t"


def _is_header(values: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: known names, and no number where the next rows have one."""
    known_names = {name for names in NAMES.values() for name in names}
    recognised = sum(cell.strip().lower() in known_names for cell in values[0])
    return recognised >= 2 or (recognised >= 1 and not any(_is_number(cell) for cell in values[0]))


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*", cell) is not None


def _role_and_columns(
    path: Path, names: Sequence[str], header: bool, values: Sequence[Sequence[str]]
) -> tuple[Role, dict[str, str]]:
    """The first role, by the file's name and then by its columns, whose needed fields are there."""
    by_columns: list[Role] = ["pairs", "queries", "passages", "judgements", "run"]
    if header and "title" in _named_columns("passages", names):
        by_columns.remove("queries")
    named = [*roles_by_name(path.name), *roles_by_name(str(path.parent))]
    for role in (*named, *by_columns):
        columns = _named_columns(role, names) if header else _numbered_columns(role, values)
        if not lacking(role, columns):
            return role, columns
    raise BadInput(
        "columns for queries, passages, judgements, a run, or pairs",
        f"{', '.join(names)[:120] or 'nothing'} in {path.name}",
        "Name the columns by hand.",
        "columns",
    )


def _named_columns(role: Role, names: Sequence[str]) -> dict[str, str]:
    """Field to the name of the first column that fits; no column serves twice."""
    column_of: dict[str, str] = {}
    name_of = {name.lower(): name for name in reversed(names)}
    needed, optional = FIELDS[role]
    fields = (*optional, *needed) if role == "pairs" else (*needed, *optional)
    for field in fields:
        fitting = [
            name_of[name] for name in NAMES[field] if name in name_of and name_of[name] not in column_of.values()
        ]
        if fitting:
            column_of[field] = fitting[0]
    return column_of


def _numbered_columns(role: Role, values: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field to column number of a table without a header, by its width (TREC's qrels and runs among them)."""
    width = len(values[0]) if values else 0
    ends_in_numbers = all(_is_number(row[-1]) for row in values) if width else False
    if role in ("queries", "passages"):
        if role == "passages" and width == 3:
            return {"id": "1", "title": "2", "text": "3"}
        return {"id": "1", "text": "2"} if width == 2 else {}
    shapes: dict[tuple[str, int], tuple[str, ...]] = {
        ("judgements", 3): ("query", "passage", "grade"),
        ("judgements", 4): ("query", "", "passage", "grade"),
        ("run", 3): ("query", "passage", "score"),
        ("run", 4): ("query", "passage", "rank", "score"),
        ("run", 5): ("query", "", "passage", "rank", "score"),
        ("run", 6): ("query", "", "passage", "rank", "score", ""),
        ("pairs", 3): ("query", "passage", "grade"),
    }
    fields = shapes.get((role, width), ())
    if not ends_in_numbers and width != 6:
        return {}
    if (role, width) == ("run", 3) and _counts(values):
        fields = ("query", "passage", "rank")
    return {field: str(at) for at, field in enumerate(fields, start=1) if field}


def _counts(values: Sequence[Sequence[str]]) -> bool:
    """Whether the last column counts from 1 within each query, as ranks do and scores do not."""
    places: dict[str, int] = {}
    for query, _, rank in values:
        places[query] = places.get(query, 0) + 1
        if rank.strip() != str(places[query]):
            return False
    return len(values) > 1


def preview(spec: FileSpec, folder: Path, count: int = 5) -> tuple[dict[str, Any], ...]:
    """The first rows as fields.

    Raises:
        BadInput: they cannot be read that way.
    """
    return tuple(row for _, row in islice(rows(spec, folder), count))


def columns_of(spec: FileSpec, folder: Path) -> tuple[str, ...]:
    """Names (or numbers) of the columns that a file has."""
    path = folder / spec.path
    if spec.form == "jsonl":
        return tuple(dict.fromkeys(key for _, row in islice(objects(path), LOOKED) for key in row))
    first_row = next((row for _, row in cells(path, spec.delimiter)), [])
    return (
        tuple(cell.strip() for cell in first_row)
        if spec.header
        else tuple(str(n) for n in range(1, len(first_row) + 1))
    )
