"""Reading files of every layout: guessed, streamed, and refused with the line."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from app.data.first_stage import K1, B, bm25
from app.data.folders import guess_folder
from app.data.recognise import columns_of, guess, preview
from app.data.records import made_key, records
from app.data.tables import cells
from app.domain.datasets import Candidate, Judgement, Text
from app.domain.errors import BadInput
from app.domain.importing import FileSpec, ImportSettings


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> list:
    return list(records(guess(path, path.parent), path.parent))


def beir(folder: Path) -> Path:
    write(folder / "corpus.jsonl", '{"_id": "a", "title": "T", "text": "x"}\n{"_id": "b", "title": "", "text": "y"}\n')
    write(folder / "queries.jsonl", '{"_id": "1", "text": "rain", "metadata": {}}\n')
    write(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\n1\ta\t2\n")
    write(folder / "qrels" / "train.tsv", "query-id\tcorpus-id\tscore\n9\ta\t1\n")
    return folder


def test_the_layout_of_beir(tmp_path: Path) -> None:
    files = guess_folder(beir(tmp_path)).files
    assert {spec.role: spec.path for spec in files} == {
        "judgements": "qrels/test.tsv",
        "passages": "corpus.jsonl",
        "queries": "queries.jsonl",
    }
    found = [record for spec in files for record in records(spec, tmp_path)]
    (tmp_path / "LICENSE.txt").write_text("All rights\nreserved by somebody, and so on\n")
    assert guess_folder(tmp_path).files == files
    assert Text("passage", "a", "T x") in found and Text("passage", "b", "y") in found
    assert Text("query", "1", "rain") in found and Judgement("1", "a", 2) in found and len(found) == 4


def test_the_layout_of_this_project() -> None:
    from app.data.demo import FOLDER

    files = {spec.role: spec for spec in guess_folder(FOLDER).files}
    assert set(files) == {"queries", "passages", "judgements", "run"}
    hits = list(records(files["run"], FOLDER))
    assert len(hits) == 1200 and hits[0].rank == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.tsv", "query\tpassage\tlabel\nrain\tit falls\t1\nrain\tit flows\t0\n"),
        ("pairs.tsv", "rain\tit falls\t1\nrain\tit flows\t0\n"),
        ("anything.csv", 'question,answer,label\nrain,"it falls",1\nrain,it flows,0\n'),
        ("pairs.csv", "query;passage;label\nrain;it falls;true\nrain;it flows;false\n"),
        (
            "p.jsonl",
            '{"query": "rain", "passage": "it falls", "label": 1}\n'
            '{"query": "rain", "passage": "it flows", "label": 0}\n',
        ),
        (
            "p.jsonl",
            '{"query": "rain", "text": "it falls", "label": true}\n'
            '{"query": "rain", "text": "it flows", "label": false}\n',
        ),
    ],
)
def test_pairs_in_many_forms(tmp_path: Path, name: str, text: str) -> None:
    found = read(write(tmp_path / name, text))
    query = made_key("rain")
    assert [r.grade for r in found if isinstance(r, Judgement)] == [1, 0]
    assert {r.text for r in found if isinstance(r, Text)} == {"rain", "it falls", "it flows"}
    assert [r.score for r in found if isinstance(r, Candidate)] == [0.0, 0.0]
    assert all(r.query == query for r in found if isinstance(r, Judgement))


def test_pairs_keep_their_ids(tmp_path: Path) -> None:
    text = "query_id\tquery\tpassage_id\tpassage\tlabel\n7\train\td1\tit falls\t2\n"
    assert read(write(tmp_path / "pairs.tsv", text))[2] == Judgement("7", "d1", 2)


def test_the_forms_of_trec(tmp_path: Path) -> None:
    assert read(write(tmp_path / "qrels.txt", "1 0 d1 2\n1 0 d2 0\n")) == [
        Judgement("1", "d1", 2),
        Judgement("1", "d2", 0),
    ]
    assert read(write(tmp_path / "bm25.run", "1 Q0 d1 1 9.5 bm25\n1 Q0 d2 2 1e-3 bm25\n")) == [
        Candidate("1", "d1", 1, 9.5),
        Candidate("1", "d2", 2, 0.001),
    ]


def test_a_table_without_a_header_keeps_its_first_row(tmp_path: Path) -> None:
    found = read(write(tmp_path / "qrels.tsv", "1\ta\t2\n1\tb\t0\n"))
    assert found == [Judgement("1", "a", 2), Judgement("1", "b", 0)]
    assert len(read(write(tmp_path / "queries.tsv", "1\twhat falls\n2\twhat flows\n"))) == 2


def test_packed_files(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "1", "text": "rain"}\n'))
    assert read(path) == [Text("query", "1", "rain")]
    path.write_bytes(gzip.compress(b'{"id": "1", "text": "rain"}\n' * 500)[:60])
    with pytest.raises(BadInput, match=r"queries\.jsonl\.gz, line"):
        read(path)


def test_a_quoted_cell_goes_over_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", 'query,passage,label\nrain,"it\nfalls, always",1\n')
    assert any(isinstance(r, Text) and r.text == "it\nfalls, always" for r in read(path))
    with pytest.raises(BadInput, match="line 2"):
        list(cells(write(path, 'query,passage,label\nrain,"it falls,1\n'), ","))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("query\tpassage\tlabel\nrain\tit falls\n", "line 2"),
        ("query\tpassage\tlabel\nrain\tit falls\t1\nsun\tit shines\tmaybe\n", "line 3"),
        ("query\tpassage\tlabel\n", "nothing"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "pairs.tsv", text)
    if says == "nothing":
        assert read(path) == []
        return
    with pytest.raises(BadInput, match=says):
        read(path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_bytes(b'{"id": "1", "text": "rain"}\n' * 100 + b"\xff\xfe\n")
    with pytest.raises(BadInput, match="line 101"):
        read(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="columns"):
        guess(write(tmp_path / "x.jsonl", '{"a": 1}\n'), tmp_path)
    with pytest.raises(BadInput, match="one file of pairs"):
        guess_folder(tmp_path)


def test_the_preview_shows_fields_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", "query,passage,label\n" + "rain,falls,1\n" * 9)
    spec = guess(path, tmp_path)
    assert preview(spec, tmp_path)[0] == {"query": "rain", "passage": "falls", "grade": "1"}
    assert len(preview(spec, tmp_path)) == 5 and columns_of(spec, tmp_path) == ("query", "passage", "label")


def test_a_mapping_lacks_nothing() -> None:
    with pytest.raises(ValidationError, match="a column for grade"):
        FileSpec(path="x", role="pairs", form="table", columns={"query": "q", "passage": "p"})
    pairs = FileSpec(path="x", role="pairs", form="table", columns={"query": "q", "passage": "p", "grade": "g"})
    assert ImportSettings(name="a", files=(pairs,)).kind == "pairs"
    for wrong in ({"name": "a b", "files": (pairs,)}, {"name": "a"}, {"name": "a", "files": ()}):
        with pytest.raises(ValidationError):
            ImportSettings(**wrong)


def slow_bm25(passages: dict[str, str], query: str) -> dict[str, float]:
    """Lucene's BM25 written out."""
    words = {key: text.lower().split() for key, text in passages.items()}
    mean = np.mean([len(row) for row in words.values()])
    found = {}
    for key, row in words.items():
        total = 0.0
        for word in query.lower().split():
            n = sum(word in other for other in words.values())
            idf = np.log(1 + (len(words) - n + 0.5) / (n + 0.5))
            tf = row.count(word)
            total += idf * tf / (tf + K1 * (1 - B + B * len(row) / mean))
        found[key] = total
    return found


def test_bm25_is_that_of_the_formula() -> None:
    passages = {"c": "rain falls on rain", "a": "water flows down", "b": "the rain", "d": "dry sand", "e": "the rain"}
    found = list(bm25(passages.items(), [("q", "the rain"), ("z", "nothing here")], 3))
    slow = slow_bm25(passages, "the rain")
    assert [(c.passage, c.rank) for c in found] == [("b", 1), ("e", 2), ("c", 3)]
    np.testing.assert_allclose([c.score for c in found], [slow[c.passage] for c in found], rtol=1e-5)
    assert list(bm25([], [("q", "rain")], 3)) == []


def test_ir_datasets(tmp_path: Path) -> None:
    ir_datasets = pytest.importorskip("ir_datasets")
    from app.data import irds

    write(tmp_path / "d.tsv", "d1\train falls\nd2\twater flows\n")
    write(tmp_path / "q.tsv", "q1\twhat falls\n")
    write(tmp_path / "qrels", "q1 0 d1 1\n")

    class Local:
        def __init__(self, path: Path) -> None:
            self.file = path

        def path(self, force: bool = True) -> str:
            return str(self.file)

        def stream(self):  # type: ignore[no-untyped-def]
            return self.file.open("rb")

    from ir_datasets.formats import TrecQrels, TsvDocs, TsvQueries

    whole = ir_datasets.Dataset(
        TsvDocs(Local(tmp_path / "d.tsv")),
        TsvQueries(Local(tmp_path / "q.tsv")),
        TrecQrels(Local(tmp_path / "qrels"), {}),
    )
    ir_datasets.registry.register("golgi-stub", whole)
    found = list(irds.records(irds.opened("golgi-stub")))
    assert found == [
        Text("passage", "d1", "rain falls"),
        Text("passage", "d2", "water flows"),
        Text("query", "q1", "what falls"),
        Judgement("q1", "d1", 1),
    ]
    with pytest.raises(Exception, match="ir_datasets"):
        irds.opened("nobody/knows")


def test_a_big_file_is_not_read_into_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "passages.jsonl"
    with path.open("w") as file:
        for n in range(20_000):
            file.write(json.dumps({"id": f"p{n}", "text": "word " * 100}) + "\n")
    assert path.stat().st_size > 10_000_000
    spec = guess(path, tmp_path)
    tracemalloc.start()
    count = sum(1 for _ in records(spec, tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000 and peak < 1_000_000
