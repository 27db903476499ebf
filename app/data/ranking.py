"""A small ranking collection, whole in memory (this project's folder layout)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.data.records import records
from app.domain.datasets import Judgement, Text
from app.domain.importing import FileSpec

LAYOUT = (
    FileSpec(path="queries.jsonl", role="queries", form="jsonl", columns={"id": "id", "text": "text"}),
    FileSpec(
        path="passages.jsonl", role="passages", form="jsonl", columns={"id": "id", "text": "text", "title": "title"}
    ),
    FileSpec(
        path="qrels.tsv",
        role="judgements",
        form="table",
        columns={"query": "query-id", "passage": "passage-id", "grade": "relevance"},
    ),
    FileSpec(
        path="run.tsv",
        role="run",
        form="table",
        columns={"query": "query-id", "passage": "passage-id", "rank": "rank", "score": "score"},
    ),
)


@dataclass(frozen=True)
class Collection:
    """A ranking collection.

    Args:
        queries: id to text. passages: id to title, a space, and text.
        judgements: query id to passage id to grade.
        candidates: query id to passage ids by score, largest first, ties by id.
        unknown: ids in judgements or candidates that the texts do not have, by kind.
    """

    name: str
    queries: Mapping[str, str]
    passages: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]
    candidates: Mapping[str, tuple[str, ...]]
    unknown: Mapping[str, int]


def load_collection(folder: Path) -> Collection:
    """Read ``queries.jsonl``, ``passages.jsonl``, ``qrels.tsv`` and ``run.tsv``; of two texts with one id the first.

    Raises:
        BadInput: a missing file, or a broken line, by file and number.
    """
    texts: dict[str, dict[str, str]] = {"query": {}, "passage": {}}
    judgements: dict[str, dict[str, int]] = {}
    ranked: dict[str, list[tuple[float, str]]] = {}
    for spec in LAYOUT:
        for record in records(spec, folder):
            if isinstance(record, Text):
                texts[record.kind].setdefault(record.key, record.text)
            elif isinstance(record, Judgement):
                judgements.setdefault(record.query, {})[record.passage] = record.grade
            else:
                ranked.setdefault(record.query, []).append((-record.score, record.passage))
    candidates = {query: tuple(passage for _, passage in sorted(rows)) for query, rows in ranked.items()}
    used = {p for rows in judgements.values() for p in rows} | {p for rows in candidates.values() for p in rows}
    unknown = {
        "queries": len({*judgements, *candidates} - set(texts["query"])),
        "passages": len(used - set(texts["passage"])),
    }
    return Collection(folder.name, texts["query"], texts["passage"], judgements, candidates, unknown)
