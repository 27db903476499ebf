"""Ranking collections on disk: queries, passages, judgements, first-stage candidates."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import BadInput


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
    """Read ``queries.jsonl``, ``passages.jsonl``, ``qrels.tsv``, ``run.tsv`` and ``META.json`` of a folder.

    Raises:
        BadInput: a broken line, by file and number.
    """
    queries = {row["id"]: row["text"] for row in _objects(folder / "queries.jsonl", ("id", "text"))}
    passages = {
        row["id"]: Passage(row["id"], row.get("title") or "", row["text"])
        for row in _objects(folder / "passages.jsonl", ("id", "text"))
    }
    judgements: dict[str, dict[str, int]] = {}
    for query, passage, grade in _cells(folder / "qrels.tsv", 3):
        judgements.setdefault(query, {})[passage] = int(grade)
    ranked: dict[str, list[tuple[int, str]]] = {}
    for query, passage, rank, _ in _cells(folder / "run.tsv", 4):
        ranked.setdefault(query, []).append((int(rank), passage))
    candidates = {query: tuple(passage for _, passage in sorted(rows)) for query, rows in ranked.items()}
    meta = folder / "META.json"
    used = {p for rows in judgements.values() for p in rows} | {p for rows in candidates.values() for p in rows}
    unknown = {
        "queries": len({*judgements, *candidates} - set(queries)),
        "passages": len(used - set(passages)),
    }
    about = json.loads(meta.read_text(encoding="utf-8")) if meta.exists() else {}
    return Collection(folder.name, queries, passages, judgements, candidates, about, unknown)


def _objects(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _broken(path, number, "one JSON object per line", str(error)) from error
        missing = [name for name in needed if not isinstance(row, dict) or not isinstance(row.get(name), str)]
        if missing:
            raise _broken(path, number, f"the text fields {', '.join(needed)}", f"no {', '.join(missing)}")
        yield row


def _cells(path: Path, width: int) -> Iterator[list[str]]:
    """Rows of a table with a header; numbers stand from the third column on."""
    for number, line in _lines(path):
        cells = line.split("\t")
        if len(cells) != width:
            raise _broken(path, number, f"{width} columns separated by tabs", f"{len(cells)}")
        if number > 1:
            if not cells[2].lstrip("-").isdigit():
                raise _broken(path, number, "a whole number in column 3", f"'{cells[2][:40]}'")
            yield cells


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if not path.exists():
        raise BadInput(f"the file {path.name}", f"none in {path.parent.name}", "Add it, or choose another folder.")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.rstrip("\n")


def _broken(path: Path, number: int, expected: str, found: str) -> BadInput:
    return BadInput(expected, f"{found} ({path.name}, line {number})", "Correct that line and read the file again.")
