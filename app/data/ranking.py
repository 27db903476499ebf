"""Ranking collections on disk: queries, passages, judgements, first-stage candidates."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import BadInput

WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True)
class Passage:
    """A passage; ``full`` is what is scored: title, a space, text."""

    id: str
    title: str
    text: str

    @property
    def full(self) -> str:
        """Title and text."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True)
class Collection:
    """A ranking collection.

    Args:
        queries: id to text. passages: id to passage.
        judgements: query id to passage id to grade.
        candidates: query id to passage ids in rank order.
        unknown: ids in judgements or candidates that the texts do not have, by kind.
    """

    name: str
    queries: Mapping[str, str]
    passages: Mapping[str, Passage]
    judgements: Mapping[str, Mapping[str, int]]
    candidates: Mapping[str, tuple[str, ...]]
    meta: Mapping[str, Any]
    unknown: Mapping[str, int]


def load_collection(folder: Path) -> Collection:
    """Read ``queries.jsonl``, ``passages.jsonl``, ``qrels.tsv``, ``run.tsv`` and, where it is there, ``META.json``.

    Raises:
        BadInput: a missing file, or a broken line, by file and number.
    """
    queries = {key: row["text"] for key, row in _texts(folder / "queries.jsonl")}
    passages = {
        key: Passage(key, row.get("title") or "", row["text"]) for key, row in _texts(folder / "passages.jsonl")
    }
    judgements: dict[str, dict[str, int]] = {}
    for query, passage, grade in _cells(folder / "qrels.tsv", 3):
        judgements.setdefault(query, {})[passage] = int(grade)
    ranked: dict[str, list[tuple[int, str]]] = {}
    for query, passage, rank, _ in _cells(folder / "run.tsv", 4):
        ranked.setdefault(query, []).append((int(rank), passage))
    candidates = {query: tuple(passage for _, passage in sorted(rows)) for query, rows in ranked.items()}
    used = {p for rows in judgements.values() for p in rows} | {p for rows in candidates.values() for p in rows}
    unknown = {
        "queries": len({*judgements, *candidates} - set(queries)),
        "passages": len(used - set(passages)),
    }
    return Collection(folder.name, queries, passages, judgements, candidates, _about(folder / "META.json"), unknown)


def _texts(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and object of every line; an id stands once."""
    seen: set[str] = set()
    for number, line in _lines(path):
        row = _object(path, number, line)
        missing = [name for name in ("id", "text") if not isinstance(row.get(name), str)]
        if missing or not isinstance(row.get("title") or "", str):
            raise _broken(
                path,
                number,
                "the text fields id, text and, if any, title",
                f"no {', '.join(missing or ['text in title'])}",
            )
        if row["id"] in seen:
            raise _broken(path, number, "every id once", f"'{row['id'][:40]}' again")
        seen.add(row["id"])
        yield row["id"], row


def _object(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, number, "a JSON object", str(error)) from error
    if not isinstance(row, dict):
        raise _broken(path, number, "a JSON object", type(row).__name__)
    return row


def _cells(path: Path, width: int) -> Iterator[list[str]]:
    """Rows of a table with a header; column 3 is a whole number, column 4, if any, a finite one."""
    for number, line in _lines(path):
        cells = line.split("\t")
        if len(cells) != width:
            raise _broken(path, number, f"{width} columns separated by tabs", f"{len(cells)}")
        if number > 1:
            if not WHOLE.fullmatch(cells[2]):
                raise _broken(path, number, "a whole number in column 3", f"'{cells[2][:40]}'")
            if not all(map(_finite, cells[3:])):
                raise _broken(path, number, "a finite number in column 4", f"'{cells[3][:40]}'")
            yield cells


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from one, and text of every line that is not blank."""
    if not path.is_file():
        raise BadInput(f"the file {path.name}", f"none in {path.parent.name}", "Add it, or choose another folder.")
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise _broken(path, number, "text in UTF-8", str(error)) from error
            if line.strip():
                yield number, line


def _about(path: Path) -> dict[str, Any]:
    """The description of the collection, if it has one."""
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _broken(path, 1, "text in UTF-8", str(error)) from error
    return _object(path, 1, text)


def _broken(path: Path, number: int, expected: str, found: str) -> BadInput:
    return BadInput(expected, f"{found} ({path.name}, line {number})", "Correct that line and read the file again.")
