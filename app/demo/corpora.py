"""Ranking sets as training and evaluation material, split so that nothing evaluated is ever trained on.

A text is identified by its wording (lower case, letters and digits) as well as by its id: one that occurs on the
evaluation
side is banned from training, whatever its id.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

IN_DOMAIN = ("selqa", "tatqa", "scifact")
OUT_OF_DOMAIN = ("liveqa_med", "xquad_en", "contractnli")
SELQA_HELD_OUT = frozenset({"SCIENCE", "TRAVEL", "MUSIC"})


@dataclass(frozen=True)
class Corpus:
    """One ranking set: texts by id, grades and first-stage scores by query and passage."""

    name: str
    queries: Mapping[str, Mapping[str, str]]
    passages: Mapping[str, str]
    titles: Mapping[str, str]
    grades: Mapping[str, Mapping[str, int]]
    run: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Split:
    """What one set gives: evaluated query ids, trained query ids, and passage ids that training may see.

    ``train_queries`` maps id to text; ``train_grades`` holds their judgements.
    """

    corpus: Corpus
    evaluated: tuple[str, ...]
    train_queries: Mapping[str, str]
    train_grades: Mapping[str, Mapping[str, int]]
    train_passages: frozenset[str]


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _table(path: Path, column: int) -> dict[str, dict[str, float]]:
    by_query: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            cells = line.rstrip("\n").split("\t")
            by_query.setdefault(cells[0], {})[cells[1]] = float(cells[column])
    return by_query


def _grades(path: Path) -> dict[str, dict[str, int]]:
    return {query: {p: int(g) for p, g in row.items()} for query, row in _table(path, 2).items()}


def load(folder: Path) -> Corpus:
    """Read a set; a passage's text is ``title + " " + text``."""
    rows = list(_lines(folder / "passages.jsonl"))
    titles = {row["id"]: row.get("title") or "" for row in rows}
    passages = {row["id"]: f"{titles[row['id']]} {row['text']}".strip() for row in rows}
    queries = {row["id"]: row for row in _lines(folder / "queries.jsonl")}
    return Corpus(folder.name, queries, passages, titles, _grades(folder / "qrels.tsv"), _table(folder / "run.tsv", 3))


def evaluated(corpus: Corpus) -> tuple[str, ...]:
    """Query ids that are measured: held-out topics, test parts, or the whole set."""
    rules = {
        "selqa": lambda q: q["topic"] in SELQA_HELD_OUT,
        "tatqa": lambda q: q["split"] == "test" and int(q["context"][0], 16) % 2 == 0,
    }
    rule = rules.get(corpus.name, lambda q: True)
    return tuple(sorted(key for key, query in corpus.queries.items() if rule(query) and key in corpus.run))


def normal(text: str) -> str:
    """A text as compared between the sides: lower case, letters and digits only."""
    return " ".join(re.findall(r"\w+", text.lower()))


def banned_texts(corpora: Mapping[str, Corpus]) -> frozenset[str]:
    """Normalised texts of every evaluated query and of every passage that is judged or a candidate for one."""
    texts: set[str] = set()
    for corpus in corpora.values():
        for key in evaluated(corpus):
            texts.add(normal(corpus.queries[key]["text"]))
            passages = {*corpus.run.get(key, {}), *corpus.grades.get(key, {})}
            texts.update(normal(corpus.passages[p]) for p in passages if p in corpus.passages)
    return frozenset(texts)


def splits(root: Path) -> dict[str, Split]:
    """Every set under ``root`` with its evaluation and training side; out-of-domain sets train nothing."""
    corpora = {name: load(root / name) for name in (*IN_DOMAIN, *OUT_OF_DOMAIN)}
    banned = banned_texts(corpora)
    return {name: _split(corpus, banned, root / name) for name, corpus in corpora.items()}


def _split(corpus: Corpus, banned: frozenset[str], folder: Path) -> Split:
    measured = evaluated(corpus)
    if corpus.name in OUT_OF_DOMAIN:
        return Split(corpus, measured, {}, {}, frozenset())
    texts, grades = {key: query["text"] for key, query in corpus.queries.items()}, corpus.grades
    if corpus.name == "scifact":
        texts = {row["id"]: row["text"] for row in _lines(folder / "queries_train.jsonl")}
        grades = _grades(folder / "qrels_train.tsv")
    allowed = frozenset(p for p, text in corpus.passages.items() if normal(text) not in banned)
    kept = {q: t for q, t in texts.items() if normal(t) not in banned and any(p in allowed for p in grades.get(q, {}))}
    kept = {q: t for q, t in kept.items() if corpus.name == "scifact" or q not in set(measured)}
    return Split(corpus, measured, kept, {q: grades[q] for q in kept}, allowed)
