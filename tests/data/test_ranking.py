"""The reader of ranking collections."""

import json
from pathlib import Path

import pytest

from app.data.ranking import load_collection
from app.domain.errors import BadInput
from app.services.demo import FOLDER

GOOD = {
    "queries.jsonl": '{"id": "1", "text": "rain"}\n',
    "passages.jsonl": '{"id": "a", "title": "T", "text": "x"}\n{"id": "b", "text": "y"}\n',
    "qrels.tsv": "query-id\tpassage-id\trelevance\n1\ta\t2\n1\tz\t0\n",
    "run.tsv": "query-id\tpassage-id\trank\tscore\n1\tb\t2\t0.5\n1\ta\t1\t0.9\n",
}


def write(folder: Path, **changed: str) -> Path:
    for name, text in {**GOOD, **{k.replace("_", "."): v for k, v in changed.items()}}.items():
        (folder / name).write_text(text)
    return folder


def test_a_good_collection(tmp_path: Path) -> None:
    found = load_collection(write(tmp_path))
    assert found.queries == {"1": "rain"} and found.passages["a"].full == "T x" and found.passages["b"].full == "y"
    assert found.judgements == {"1": {"a": 2, "z": 0}} and found.candidates == {"1": ("a", "b")}
    assert found.unknown == {"queries": 0, "passages": 1}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("queries_jsonl", '{"id": "1", "text": "rain"}\n{broken\n', "queries.jsonl, line 2"),
        ("passages_jsonl", '{"id": "a"}\n', "passages.jsonl, line 1"),
        ("qrels_tsv", "h\th\th\n1\ta\n", "qrels.tsv, line 2"),
        ("qrels_tsv", "h\th\th\n1\ta\tmany\n", "qrels.tsv, line 2"),
        ("run_tsv", "a\tb\n", "run.tsv, line 1"),
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


def test_the_embedded_collection_is_whole() -> None:
    found = load_collection(FOLDER)
    told = json.loads((FOLDER / "META.json").read_text())["statistics"]
    assert (len(found.queries), len(found.passages)) == (told["queries"], told["passages"])
    assert sum(map(len, found.judgements.values())) == told["judgements"]
    assert (FOLDER / "LICENSE.txt").exists() and "CC BY 4.0" in (FOLDER / "ATTRIBUTION.md").read_text()
