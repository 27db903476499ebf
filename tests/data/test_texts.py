"""Texts as they were written: encodings, quotes, halves of characters, words; against Python's csv and a slow BM25."""

import csv
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.first_stage import bm25
from app.data.folders import guess_folder
from app.data.notes import Notes
from app.data.recognise import guess
from app.data.records import records
from app.data.tables import cells, quoted
from app.data.words import words
from app.domain.datasets import Candidate, Text
from app.domain.texts import half_in, whole

ROWS = [
    ["id", "text", "title"],
    ["1", 'Rain is called "petrichor" by some', "Rain"],
    ["2", 'two\n\n lines\tand a tab, "quoted"', "Quoted"],
    ["3", "plain", ""],
]


@pytest.mark.parametrize("style", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_of_a_csv_writer_is_read_as_python_reads_it(tmp_path: Path, style: int, end: str) -> None:
    path = tmp_path / "psgs_w100.tsv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t", quoting=style, lineterminator=end).writerows(ROWS)  # type: ignore[arg-type]
    with path.open(newline="", encoding="utf-8") as file:
        wanted = list(csv.reader(file, delimiter="\t"))
    assert quoted(path) and [row for _, row in cells(path, "\t")] == wanted == ROWS
    spec = guess(path, tmp_path)
    assert spec.role == "passages" and next(iter(records(spec, tmp_path))) == Text(
        "passage", "1", 'Rain Rain is called "petrichor" by some'
    )


@pytest.mark.parametrize("text", ['1\t"Go" he said\n', '1\t5" pipe\n2\t6" pipe\n', '1\t"open\n2\tx\n', "1\tno quote\n"])
def test_quotes_of_a_plain_table_are_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "collection.tsv"
    path.write_text(text, encoding="utf-8")
    assert not quoted(path) and [row for _, row in cells(path, "\t")] == [
        line.split("\t") for line in text.splitlines()
    ]


@given(st.lists(st.lists(st.text('ab "\n,', min_size=1), min_size=2, max_size=2), min_size=1))
def test_any_table_with_commas_is_read_as_python_reads_it(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    assert [row for _, row in cells(path, ",")] == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    rows = [{"id": f"p{n}", "text": text} for n, text in enumerate(["糖尿病的症状", "naïve café 🙂", "x" * 9000])]
    path = tmp_path / "passages.jsonl"
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows).encode(encoding))
    found = list(records(guess(path, tmp_path), tmp_path))
    assert found == [Text("passage", row["id"], row["text"]) for row in rows]


def test_half_a_surrogate_pair_is_replaced_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(
        '{"id": "1", "text": "whole \\ud83d\\ude42"}\n{"id": "2", "text": "half \\ud83d"}\n', encoding="utf-8"
    )
    notes = Notes()
    found = [row.text for row in records(guess(path, tmp_path), tmp_path, notes) if isinstance(row, Text)]
    assert found == ["whole 🙂", "half \ufffd"]
    (note,) = notes.told()
    assert note.names == ("queries.jsonl, line 2",) and "U+FFFD" in note.reason


def test_where_half_a_surrogate_pair_stands() -> None:
    assert half_in({"a": ["x", {"b": "\ud83d"}]}) == "a.2.b" and half_in({"a": {"\udc00": 1}}) == "a"
    assert half_in({"a": ["x", 1, None, "🙂"]}) is None and half_in("\ud83d") == ""
    assert whole("a\udc00🙂") == "a\ufffd🙂"


def test_corpora_in_several_files_and_whole_words_for_training(tmp_path: Path) -> None:
    texts = {
        "corpus-00.jsonl": '{"_id": "a", "text": "x"}\n',
        "corpus-01.jsonl": '{"_id": "b", "text": "y"}\n',
        "queries.jsonl": '{"_id": "1", "text": "rain"}\n',
        "qrels.constrained.tsv": "1\t0\ta\t1\n",
        "qrels.train.tsv": "1\t0\ta\t1\n",
        "run-1.trec": "1 Q0 a 1 0.5 x\n",
        "run-2.trec": "1 Q0 b 1 0.5 x\n",
        "README.md": "words\n",
        "notes.txt": "just some\nwords, and more of them\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = guess_folder(tmp_path)
    read = {"corpus-00.jsonl", "corpus-01.jsonl", "queries.jsonl", "qrels.constrained.tsv", "run-1.trec"}
    assert {spec.path for spec in found.files} == read
    assert set(found.left_out) == set(texts) - read and all(found.left_out.values())
    assert "run-1.trec" in found.left_out["run-2.trec"]


def test_any_white_space_separates_lists(tmp_path: Path) -> None:
    (tmp_path / "qrels.txt").write_text("q1\t0\td1\t1\nq2 0 d3 1\nq2\t0  d4\t0\n", encoding="utf-8")
    (tmp_path / "run.trec").write_text("q1 Q0 d4 1 9.5 sys\nq2\tQ0\td3\t2\t7.0\tmy own system\n", encoding="utf-8")
    (tmp_path / "ranks.run").write_text("q1\td4\t1\nq1\td5\t2\n", encoding="utf-8")
    specs = [guess(tmp_path / name, tmp_path) for name in ("qrels.txt", "run.trec", "ranks.run")]
    judged, hits, ranks = (list(records(spec, tmp_path)) for spec in specs)
    assert [tuple(vars(row).values()) for row in judged] == [("q1", "d1", 1), ("q2", "d3", 1), ("q2", "d4", 0)]
    assert hits == [Candidate("q1", "d4", 1, 9.5), Candidate("q2", "d3", 2, 7.0)]
    assert ranks == [Candidate("q1", "d4", 1, -1.0), Candidate("q1", "d5", 2, -2.0)], "no scores: by ranks"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patient's vitamin C", ["patient", "s", "vitamin", "c"]),
        ("糖尿病 ABC", ["糖", "尿", "病", "abc"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("당뇨병의", ["당", "뇨", "병", "의"]),
        ("ก็ปวด", ["ก็", "ป", "ว", "ด"]),
        ("मधुमेह के", ["मधुमेह", "के"]),
        ("cafe\u0301 ＡＢ", ["café", "ab"]),
        ("… — !", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_bm25_of_single_letters_and_chinese_is_that_of_the_formula() -> None:
    passages = {letter.lower(): f"Hepatitis {letter} vaccine for adults" for letter in "ABCE"}
    passages |= {"z1": "糖尿病的症状包括口渴", "z2": "高血压的治疗", "x": "unrelated words"}

    def slow_words(text: str) -> list[str]:
        return re.findall(r"[\u4e00-\u9fff]|[a-z]+", text.lower())

    split = {key: slow_words(text) for key, text in passages.items()}
    mean = sum(map(len, split.values())) / len(split)

    def slow(query: str, key: str) -> float:
        total = 0.0
        for word in slow_words(query):
            n, count = sum(word in row for row in split.values()), split[key].count(word)
            idf = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
            total += idf * count / (count + 1.2 * (0.25 + 0.75 * len(split[key]) / mean))
        return total

    queries = {"q1": "hepatitis c vaccine", "q2": "糖尿病 症状"}
    found = list(bm25(passages.items(), queries.items(), 10))
    assert [hit.passage for hit in found if hit.rank == 1] == ["c", "z1"]
    for hit in found:
        assert hit.score == pytest.approx(slow(queries[hit.query], hit.passage), rel=1e-5)
