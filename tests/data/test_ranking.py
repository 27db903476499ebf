"""The reader of ranking collections."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.data.demo import FOLDER
from app.data.ranking import load_collection
from app.domain.errors import BadInput

GOOD = {
    "queries.jsonl": '{"id": "1", "text": "rain"}\n',
    "passages.jsonl": '{"id": "a", "title": "T", "text": "x"}\n{"id": "b", "text": "y"}\n',
    "qrels.tsv": "query-id\tpassage-id\trelevance\n1\ta\t2\n1\tz\t0\n",
    "run.tsv": "query-id\tpassage-id\trank\tscore\n1\tb\t2\t0.5\n1\ta\t1\t0.9\n",
}


def write(folder: Path, **changed: str) -> Path:
    for name, text in {**GOOD, **{k.replace("_", "."): v for k, v in changed.items()}}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_good_collection(tmp_path: Path) -> None:
    found = load_collection(write(tmp_path))
    assert found.queries == {"1": "rain"} and found.passages == {"a": "T x", "b": "y"}
    assert found.judgements == {"1": {"a": 2, "z": 0}} and found.candidates == {"1": ("a", "b")}
    assert found.unknown == {"queries": 0, "passages": 1}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("queries_jsonl", '{"id": "1", "text": "rain"}\n{broken\n', "queries.jsonl, line 2"),
        ("passages_jsonl", '{"id": "a"}\n', "passages.jsonl, line 1"),
        ("qrels_tsv", "query-id\tpassage-id\trelevance\n1\ta\n", "qrels.tsv, line 2"),
        ("qrels_tsv", "query-id\tpassage-id\trelevance\n1\ta\tmany\n", "qrels.tsv, line 2"),
        ("run_tsv", "a\tb\n", "run.tsv, line 1"),
        ("qrels_tsv", "query-id\tpassage-id\trelevance\n1\ta\t--5\n", "qrels.tsv, line 2"),
        ("qrels_tsv", "query-id\tpassage-id\trelevance\n1\ta\t\N{SUPERSCRIPT TWO}\n", "qrels.tsv, line 2"),
        ("run_tsv", "query-id\tpassage-id\trank\tscore\n1\ta\t1\tnan\n", "run.tsv, line 2"),
        ("qrels_tsv", "1\ta\t2\n", "qrels.tsv, line 1"),
        ("queries_jsonl", "[1]\n", "queries.jsonl, line 1"),
        ("queries_jsonl", "[" * 100_000, "queries.jsonl, line 1"),
        ("passages_jsonl", '{"id": "a", "text": "x", "title": 3}\n', "passages.jsonl, line 1"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, file: str, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load_collection(write(tmp_path, **{file: text}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "run.tsv").unlink()
    with pytest.raises(BadInput, match=r"run\.tsv"):
        load_collection(tmp_path)


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    plain = load_collection(write(tmp_path))
    for name, text in GOOD.items():
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_collection(tmp_path) == plain


@given(name=st.sampled_from(sorted(GOOD)), place=st.integers(0, 3), junk=st.binary(max_size=60))
@example(name="qrels.tsv", place=1, junk="1\ta\t\N{ARABIC-INDIC DIGIT THREE}".encode())
@example(name="queries.jsonl", place=0, junk=b"\xff")
def test_any_line_is_read_or_named(name: str, place: int, junk: bytes) -> None:
    """A foreign line anywhere either is a line of the format, or the error has its file and number."""
    junk = junk.replace(b"\n", b"").replace(b"\r", b"")
    with tempfile.TemporaryDirectory() as room:
        lines = (write(Path(room)) / name).read_bytes().splitlines()
        place = min(place, len(lines))
        (Path(room) / name).write_bytes(b"\n".join([*lines[:place], junk, *lines[place:]]) + b"\n")
        try:
            found = load_collection(Path(room))
        except BadInput as error:
            # A line put before a table's header pushes the header into the rows, and the error names that line.
            named = {place + 1} | ({2} if place == 0 and name.endswith("tsv") else set())
            assert re.search(rf"{re.escape(name)}, line ({'|'.join(map(str, named))})\b", error.found)
        else:
            assert {"1"} <= set(found.queries) and {"a", "b"} <= set(found.passages)


def test_the_embedded_collection_is_whole() -> None:
    found = load_collection(FOLDER)
    told = json.loads((FOLDER / "META.json").read_text())["statistics"]
    assert (len(found.queries), len(found.passages)) == (told["queries"], told["passages"])
    assert sum(map(len, found.judgements.values())) == told["judgements"]
    assert (FOLDER / "LICENSE.txt").exists() and "CC BY 4.0" in (FOLDER / "ATTRIBUTION.md").read_text()
