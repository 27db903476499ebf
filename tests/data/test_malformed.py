"""A walk over broken files: each kind of file with each kind of trouble is read with what is left out named, or refused
with a sentence that says what was expected, what was found and what to do."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import GolgiError
from app.domain.importing import ImportSettings
from app.jobs.importing import Import
from app.services.imports import files_of, settings_of
from app.store.dataset_writer import DatasetWriter
from app.store.db import Database

GOOD = {
    "queries.jsonl": '{"id": "q1", "text": "what falls"}\n{"id": "q2", "text": "what flows"}\n',
    "passages.tsv": "id\ttext\ttitle\nd1\train falls\tRain\nd2\twater flows\tWater\n",
    "qrels.txt": "q1 0 d1 1\nq2 0 d2 2\n",
    "run.trec": "q1 Q0 d1 1 2.5 a\nq2 Q0 d2 1 1.5 a\nq2 Q0 d1 2 0.5 a\n",
}
PAIRS = {"pairs.csv": 'query,passage,label\nwhat falls,"rain, it falls",1\nwhat falls,dry sand,0\n'}
Spoil = Callable[[str], bytes]


def shorter(text: str) -> bytes:
    """The first line has one cell."""
    first, *rest = text.splitlines()
    cells = first.replace(",", "\t").split()
    return "\n".join([cells[0], *rest]).encode()


def numbers(text: str, other: str) -> bytes:
    """The first score or grade replaced."""
    return text.replace("2.5", other).replace(" 1\n", f" {other}\n").replace(",1\n", f",{other}\n").encode()


TROUBLES: dict[str, Spoil] = {
    "empty": lambda text: b"",
    "white space": lambda text: b" \n\t\n  \n",
    "first line only": lambda text: text.splitlines()[0].encode(),
    "binary": lambda text: bytes(range(256)) * 20,
    "an image": lambda text: b"\x89PNG\r\n\x1a\n" + bytes(5000),
    "wrong columns": shorter,
    "a line of one cell": lambda text: (text + "alone\n").encode(),
    "not a number": lambda text: (
        text.replace("2.5", "nan").replace(" 1\n", " nan\n").replace(",1\n", ",nan\n").encode()
    ),
    "infinite": lambda text: (
        text.replace("2.5", "inf").replace(" 1\n", " 1e999\n").replace(",1\n", ",1e999\n").encode()
    ),
    "negative ids": lambda text: text.replace("q1", "-1").replace("d1", "-2").encode(),
    "lines twice": lambda text: (text + "".join(text.splitlines(keepends=True)[-1:])).encode(),
    "conflicts": lambda text: (text + text.splitlines()[-1].replace("2", "3").replace("0", "1") + "\n").encode(),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "old line ends": lambda text: text.replace("\n", "\r").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "cut gzip": lambda text: gzip.compress(text.encode() * 50)[:40],
    "spoilt gzip": lambda text: gzip.compress(text.encode() * 50)[:12] + b"\xff" * 40,
    "gzip without the name": lambda text: gzip.compress(text.encode()),
    "mixed separators": lambda text: text.replace(" 0 ", "\t0 ", 1).replace(" Q0 ", "\tQ0  ", 1).encode(),
    "one long line": lambda text: text.replace("\n", " ").encode() + b"x" * 10_000_001,
    "a long text": lambda text: text.replace("falls", "falls " * 1_600_000, 1).encode(),
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "Latin 1": lambda text: text.replace("falls", "f\xe4llt").encode("latin-1"),
    "half a character": lambda text: text.encode() + b'{"id": "x", "text": "\xc3',
    "an open quote": lambda text: text.replace("rain", '"rain').encode(),
    "a zero byte": lambda text: text.replace("rain", "ra\0in").replace("q1", "q\x001").encode(),
    "half a surrogate pair": lambda text: text.replace("falls", "falls \\ud83d").encode(),
    "nested without end": lambda text: b"[" * 100_000,
    "no objects": lambda text: b'1\n"a"\nnull\n[]\n',
    "other types": lambda text: b'{"id": 1.5, "text": {"a": 1}, "query": [], "passage": 3, "label": "many"}\n',
    "long ids": lambda text: text.replace("q1", "q" * 300).encode(),
    "huge numbers": lambda text: text.replace(" 1\n", f" {'9' * 5000}\n").replace("2.5", "9" * 5000).encode(),
}
FINE = {
    "negative ids", "Windows line ends", "no last line end", "UTF-8 with a mark", "UTF-16", "UTF-16 big end first",
    "UTF-16 without a mark", "gzip without the name", "mixed separators", "lines twice",
}  # fmt: skip
"""Troubles that every kind of file is read in spite of."""


class NoModel:
    """Counts nothing."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DatasetWriter:
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('base')}/g.sqlite3")
    db.migrate()
    return DatasetWriter(db)


def brought(folder: Path, data: DatasetWriter) -> dict[str, Any]:
    """The report of an import as a command or a page starts it."""
    settings: ImportSettings = settings_of({"name": "x", "folder": str(folder), **files_of(folder, None)})
    found = Import(settings, data, NoModel(), lambda done, total: None).go()  # type: ignore[arg-type]
    data.drop(found.id)
    return dict(found.report)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("name", [*GOOD, *PAIRS])
def test_read_or_refused_in_words(name: str, trouble: str, tmp_path: Path, data: DatasetWriter) -> None:
    whole = PAIRS if name in PAIRS else GOOD
    for other, text in whole.items():
        (tmp_path / other).write_text(text, encoding="utf-8")
    (tmp_path / name).write_bytes(TROUBLES[trouble](whole[name]))
    try:
        report = brought(tmp_path, data)
    except GolgiError as error:
        assert trouble not in FINE, str(error)
        assert error.expected and error.found and error.remedy.endswith("."), str(error)
        assert name in error.found or "none that fit together" in error.found, str(error)
        assert data.find() == () and data.sweep("x") == 0, "nothing half imported"
        return
    read = {path: rows for path, _, rows in report["files"]}
    named = [row for note in report["notes"] for row in note["names"]]
    assert name in named or read[name] >= whole[name].count("\n") - 1 or trouble == "first line only", (report, read)
    if trouble == "lines twice" and name != "pairs.csv":
        assert any("given twice" in note["reason"] for note in report["notes"])
