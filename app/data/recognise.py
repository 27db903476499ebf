"""What a file most likely holds, judged by its name and its first rows."""

import csv
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from app.data.lines import broken, cells, lines, objects
from app.data.records import rows
from app.domain.errors import BadInput
from app.domain.importing import FIELDS, FileSpec, Role

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
    ("passages", r"corpus|passage|doc|collection"),
    ("pairs", r"pair|triple|label"),
)
DATA = (".jsonl", ".ndjson", ".tsv", ".csv", ".txt", ".qrels", ".run", ".trec")


def guess_folder(folder: Path) -> tuple[FileSpec, ...]:
    """The files of a folder that can be read: a collection in this project's or the BEIR layout, or pairs. Of several
    judgement files the test one is taken; its training twin is left alone.

    Raises:
        BadInput: nothing to read.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and _suffix(path) in DATA]
    found: dict[Role, FileSpec] = {}
    named = lambda path: any(re.search(pattern, path.name.lower()) for _, pattern in ROLES)  # noqa: E731
    order = lambda path: (not named(path), "train" in path.name, "dev" in path.name, len(path.name))  # noqa: E731
    for path in sorted(paths, key=order):
        try:
            spec = guess(path, folder)
        except BadInput:
            continue
        found.setdefault(spec.role, spec)
    whole = {"queries", "passages"} <= set(found)
    files = tuple(spec for role, spec in found.items() if (role != "pairs") == whole or (role == "pairs" and not whole))
    if not whole and "pairs" not in found:
        raise BadInput(
            "queries.jsonl with passages.jsonl (or corpus.jsonl), or one file of pairs",
            ", ".join(path.name for path in paths[:5]) or "no file that can be read",
            "Add the missing file, or give the columns by hand.",
            "files",
        )
    return tuple(sorted((spec for spec in files if whole or spec.role == "pairs"), key=lambda spec: spec.role))


def guess(path: Path, folder: Path) -> FileSpec:
    """The role, form and columns of one file.

    Raises:
        BadInput: nothing fits.
    """
    if _suffix(path) in (".jsonl", ".ndjson"):
        first = [row for _, row in islice(objects(path), LOOKED)]
        names = list(dict.fromkeys(key for row in first for key in row))
        values = [[str(row.get(name, "")) for name in names] for row in first]
        form: Literal["jsonl", "table"] = "jsonl"
        delimiter, header = "\t", True
    else:
        delimiter = _delimiter(path)
        values = []
        for number, row in islice(cells(path, delimiter), LOOKED):
            if values and len(row) != len(values[0]):
                raise broken(path, number, f"{len(values[0])} columns", f"{len(row)}")
            values.append(row)
        names = [cell.strip() for cell in values[0]] if values else []
        form, header = "table", bool(names) and _is_header(values)
    role, columns = _fitting(path, names, header, values)
    return FileSpec(
        path=str(path.relative_to(folder)),
        role=role,
        form=form,
        delimiter=delimiter,
        header=header,
        columns=columns,
    )


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def _delimiter(path: Path) -> str:
    first = next((line for _, line in lines(path)), "")
    if _suffix(path) == ".csv":
        try:
            return csv.Sniffer().sniff(first, ",;\t").delimiter
        except csv.Error:
            return ","
    return "\t" if "\t" in first else "," if "," in first and len(first.split()) < 3 else " " if " " in first else "\t"


def _is_header(values: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: known names, and no number where the next rows have one."""
    known = {name for names in NAMES.values() for name in names}
    named = sum(cell.strip().lower() in known for cell in values[0])
    return named >= 2 or (named >= 1 and not any(_number(cell) for cell in values[0]))


def _number(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*", cell) is not None


def _fitting(
    path: Path, names: Sequence[str], header: bool, values: Sequence[Sequence[str]]
) -> tuple[Role, dict[str, str]]:
    """The first role, by the file's name and then by its columns, whose needed fields are there."""
    by_name = [role for role, pattern in ROLES if re.search(pattern, path.name.lower())]
    for role in (*by_name, "pairs", "queries", "passages", "judgements", "run"):
        columns = _columns(role, names) if header else _places(role, values)
        if all(name in columns for name in FIELDS[role][0]):
            return role, columns
    raise BadInput(
        "columns for queries, passages, judgements, a run, or pairs",
        f"{', '.join(names)[:120] or 'nothing'} in {path.name}",
        "Name the columns by hand.",
        "columns",
    )


def _columns(role: Role, names: Sequence[str]) -> dict[str, str]:
    """Field to the name of the first column that fits; no column serves twice."""
    found: dict[str, str] = {}
    lower = {name.lower(): name for name in reversed(names)}
    needed, more = FIELDS[role]
    fields = (*more, *needed) if role == "pairs" else (*needed, *more)
    for field in fields:
        fits = [lower[name] for name in NAMES[field] if name in lower and lower[name] not in found.values()]
        if fits:
            found[field] = fits[0]
    return found


def _places(role: Role, values: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field to column number of a table without a header, by its width (TREC's qrels and runs among them)."""
    width = len(values[0]) if values else 0
    last = all(_number(row[-1]) for row in values) if width else False
    if role in ("queries", "passages"):
        if role == "passages" and width == 3:
            return {"id": "1", "title": "2", "text": "3"}
        return {"id": "1", "text": "2"} if width == 2 else {}
    shapes: dict[tuple[str, int], tuple[str, ...]] = {
        ("judgements", 3): ("query", "passage", "grade"),
        ("judgements", 4): ("query", "", "passage", "grade"),
        ("run", 3): ("query", "passage", "score"),
        ("run", 4): ("query", "passage", "rank", "score"),
        ("run", 6): ("query", "", "passage", "rank", "score", ""),
        ("pairs", 3): ("query", "passage", "grade"),
    }
    fields = shapes.get((role, width), ())
    if not last and width != 6:
        return {}
    return {field: str(at) for at, field in enumerate(fields, start=1) if field}


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
    first = next((row for _, row in cells(path, spec.delimiter)), [])
    return tuple(cell.strip() for cell in first) if spec.header else tuple(str(n) for n in range(1, len(first) + 1))
