"""Imports by page and API, and what their studies measure: against ir-measures over the whole judgements."""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from fastapi.testclient import TestClient

from app.main import Golgi

WORDS = ("rain falls", "clouds hold water", "the lazy dog", "quick brown fox", "the plain", "a fox jumps over a dog")
DOCS = {f"d{n}": text for n, text in enumerate(WORDS)} | {"e": " "}
MEASURES = {"nDCG@10": ir_measures.nDCG @ 10, "AP": ir_measures.AP, "R@10": ir_measures.R @ 10}
QRELS = "1 0 d0 1\n1 0 e 1\n1 0 gone 1\n2 0 d1 1\n3 0 d2 1\n4 0 d3 0\n5 0 d4 2\n5\t0 d0 1\n"
RUN = "1 Q0 d1 0 1.5 s\n1 Q0 e 0 9.0 s\n1 Q0 d0 0 7 s\n1 Q0 gone 0 2 s\n2 Q0 d1 0 1 my own\n4 Q0 d0 0 2 s\n"
RUN += "5 Q0 d0 1 0.5 s\n5 Q0 d4 2 3e1 s\n5 Q0 d2 0 0.25 s\n"
"""Query 3 has no candidates, 2 has one, 4 nothing relevant, 5 no text; the rank column is wrong."""


def client_of(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def lines(texts: Mapping[str, str]) -> str:
    return "".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items())


def brought(golgi: Golgi, **files: str) -> dict[str, Any]:
    """A collection by the API; its report."""
    folder = golgi.settings.imports / "mine"
    folder.mkdir(parents=True)
    queries = dict.fromkeys("1234", "what causes rain")
    whole = {"passages.jsonl": lines(DOCS), "queries.jsonl": lines(queries)}
    for name, text in {**whole, **{name.replace("_", "."): text for name, text in files.items()}}.items():
        (folder / name).write_text(text, encoding="utf-8")
    sent = client_of(golgi).post("/api/v1/datasets", json={"name": "mine", "folder": "mine"})
    assert sent.status_code == 202, sent.text
    work(golgi)
    report: dict[str, Any] = client_of(golgi).get("/datasets/mine.json").json()["dataset"]["report"]
    return report


def studied(golgi: Golgi, **evaluation: Any) -> Any:
    values = {"model": "tiny-bert", "sets": [{"name": "a", "neurons": ["L0.mid.1"]}], "fractions": [], "seeds": 1}
    values["evaluation"] = {"dataset": "mine", "part": "all", **evaluation}
    sent = client_of(golgi).post("/api/v1/study", json=values)
    assert sent.status_code == 202, sent.text
    work(golgi)
    return golgi.services.runs.find(filters={})[0][0]


def means(qrels: str, run: str) -> dict[str, float]:
    """Means over all judged queries."""
    rows = [line.split(maxsplit=5) for line in run.splitlines()]
    ranked = [ir_measures.ScoredDoc(row[0], row[2], float(row[4])) for row in rows]
    judged = [ir_measures.Qrel(q, p, int(g)) for q, _, p, g in (line.split() for line in qrels.splitlines())]
    found = ir_measures.calc_aggregate(list(MEASURES.values()), judged, ranked)
    return {name: found[measure] for name, measure in MEASURES.items()}


def test_means_are_those_of_ir_measures_over_all_judgements(golgi: Golgi) -> None:
    report = brought(golgi, qrels_txt=QRELS, run_trec=RUN)
    run = studied(golgi)
    assert run.state.value == "done", run.error
    told = golgi.services.pages.report(run.id)
    wanted = means(QRELS, RUN)
    assert run.facts["n"] == 5 and run.plan["items"] == 5
    for name, value in wanted.items():
        assert run.facts["anchors"]["first stage"][name] == pytest.approx(value, abs=1e-6), name
    trec = client_of(golgi).get(f"/runs/{run.id}/trec/0").text
    for name, value in means(QRELS, trec).items():
        intact = golgi.worker.results.metrics(run.id)[name][0]
        assert len(intact) == 5 and intact.mean() == pytest.approx(value, abs=1e-6), name
    assert run.facts["left"] == {
        "without_candidates": 1,
        "one_candidate": 2,
        "unread": 1,
        "without_relevant": 1,
        "candidates_without_text": 5,
        "judged_without_text": 2,
    }
    assert "without a candidate" in told.over and told.over in told.warnings
    (row,) = told.comparisons
    assert row.intact.n == 5 and told.numbers is not None
    page = client_of(golgi).get(f"/runs/{run.id}").text
    assert page.count("judged queries: 1 of them without a candidate") == 2
    notes = {(note["what"], note["reason"]): note["names"] for note in report["notes"]}
    assert ["e"] in notes.values() and ["e", "gone"] in notes.values() and ["5"] in notes.values()
    assert report["queries_judged"] == 5 and report["first_stage"] == "given, by score"
    for key in ("1", "3", "5"):
        assert client_of(golgi).get(f"/runs/{run.id}/queries/{key}?set=1").status_code == 200
        assert client_of(golgi).get(f"/datasets/mine/queries/{key}").status_code == 200
    assert "without a text" in client_of(golgi).get("/datasets/mine/queries/1").text
    assert "No file has a text" in client_of(golgi).get("/datasets/mine/queries/5").text


def test_a_part_of_the_candidates_is_the_best_part(golgi: Golgi) -> None:
    run = "".join(f"1 Q0 d{n} 0 {score} s\n" for n, score in enumerate([0.5, 9, 0.25, 7, 0.125, 5]))
    brought(golgi, qrels_txt="1 0 d1 1\n1 0 d3 1\n1 0 d5 1\n", run_trec=run)
    assert studied(golgi, depth=3).facts["anchors"]["first stage"]["nDCG@10"] == pytest.approx(1)


def test_equal_scores_are_no_first_stage(golgi: Golgi) -> None:
    run = "".join(f"{q} Q0 d{n} {n} 1.0 s\n" for q in "12" for n in (5, 3, 4))
    report = brought(golgi, qrels_txt="1 0 d5 1\n2 0 d3 1\n", run_trec=run)
    assert report["first_stage"].startswith("none: all scores of a query are equal")
    found = studied(golgi)
    assert list(found.facts["anchors"]) == ["ids (no first stage)", "random", "worst", "best"]
    assert "there is no first stage" in client_of(golgi).get(f"/runs/{found.id}").text
    assert any("first stage says nothing" in warning for warning in found.warnings)
    assert list(golgi.worker.data.candidates(1)["1"]) == ["d3", "d4", "d5"]


def test_pairs_without_a_text_are_not_attributed_and_are_counted(golgi: Golgi) -> None:
    brought(golgi, qrels_txt=QRELS, run_trec=RUN)
    form = {"dataset": "mine", "model": "tiny-bert", "part": "all", "correct": "off", "steps": "4", "limit": "50"}
    client_of(golgi).post("/attribute", data=form)
    work(golgi)
    run = golgi.services.runs.get(1)
    assert run.state.value == "done", run.error
    assert [pair[:2] for pair in run.plan["pairs"]] == [["1", "d0"], ["2", "d1"], ["3", "d2"]]
    assert any(warning.startswith("4 fitting pairs were left out") for warning in run.warnings)


def test_a_finished_import_says_how_many_rows(golgi: Golgi) -> None:
    brought(golgi, qrels_txt=QRELS, run_trec=RUN, LICENSE="words")
    page = client_of(golgi).get("/jobs/1").text
    assert re.search(r"28 / 28\s+rows", page) and "LICENSE" in page
    golgi.services.datasets.bring(golgi.settings.imports / "mine", {"name": "again"})
    work(golgi)
    page = client_of(golgi).get("/jobs/2").text
    assert "/datasets/mine" in page and "the same content was there already" in page and "LICENSE" in page


def test_what_an_upload_lacks_is_said_in_words(golgi: Golgi) -> None:
    client = client_of(golgi)
    sent = client.post("/datasets", files={"files": ("queries.jsonl", b'{"id": "1", "text": "rain"}\n')})
    address = sent.headers["location"]
    form = {
        "path": "queries.jsonl",
        "role-0": "queries",
        "form-0": "jsonl",
        "column-0-id": "id",
        "column-0-text": "text",
    }
    for changes, says in (
        ({"name": ""}, "a name of letters, digits, dots and dashes"),
        ({"name": "ok"}, "files of queries and of passages. Found queries.jsonl (queries)"),
        ({"name": "ok", "column-0-text": ""}, "a column for text in queries.jsonl"),
        ({"name": "ok", "role-0": "ignore"}, "Add the missing file"),
        ({"name": "ok", "depth": "99999"}, "depth"),
    ):
        page = client.post(address, data={**form, **changes})
        assert page.status_code == 422 and says in page.text and "Value error" not in page.text, (changes, page.text)
    sent = client.post("/api/v1/datasets/files", data={"name": "q"}, files={"files": ("qrels.txt", b"q1 0 d1 1\n")})
    assert sent.status_code == 422 and "qrels.txt (judgements (qrels))" in sent.json()["error"]["found"]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("explain", r'{"query": "rain \ud83d", "passages": ["falls"], "model": "tiny-bert"}', "query"),
        ("explain", r'{"query": "rain", "passages": ["falls", "x \udc00"], "model": "tiny-bert"}', "passages.2"),
        ("datasets", r'{"name": "a", "folder": "\ud83d"}', "folder"),
        ("sets", r'{"name": "\ud83d", "rule": {}}', "name"),
    ],
)
def test_half_a_surrogate_pair_in_a_body_is_refused(golgi: Golgi, path: str, body: str, place: str) -> None:
    client = TestClient(golgi.app(), raise_server_exceptions=False)
    answer = client.post(f"/api/v1/{path}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json()["error"]["found"] == f"half of a surrogate pair in {place}"


def test_a_study_from_elsewhere_says_where_its_texts_are(golgi: Golgi, models_dir: Path, tmp_path: Path) -> None:
    from app.main import build
    from app.settings import Settings

    brought(golgi, qrels_txt=QRELS, run_trec=RUN)
    bundle = golgi.services.exports.bundle(studied(golgi))
    other = build(Settings(data_dir=tmp_path / "other", models_dir=models_dir, offline=True), recorded=None)
    run = other.services.exports.load_bundle(bundle)
    page = client_of(other).get(f"/runs/{run.id}/queries/1?set=1").text
    assert "the dataset mine is not in this database" in page and "passage d1" in page
    other.db.close()


def test_scoreddocs_stand_by_score(golgi: Golgi, tmp_path: Path) -> None:
    registry = pytest.importorskip("ir_datasets").registry
    from ir_datasets import Dataset
    from ir_datasets.formats import TrecQrels, TrecScoredDocs, TsvDocs, TsvQueries

    class Local:
        def __init__(self, name: str, text: str) -> None:
            self.file = tmp_path / name
            self.file.write_text(text, encoding="utf-8")

        def path(self, force: bool = True) -> str:
            return str(self.file)

        def stream(self) -> io.BufferedReader:
            return self.file.open("rb")

    docs = Local("d.tsv", "d1\train falls\nd2\twater flows\nd3\tclouds hold rain\n")
    hits = Local("run", "q1 Q0 d1 0 1.0 r\nq1 Q0 d2 0 2.0 r\nq1 Q0 d3 0 9.0 r\n")
    queries, qrels = Local("q.tsv", "q1\twhat falls\n"), Local("qrels", "q1 0 d3 1\n")
    whole = Dataset(TsvDocs(docs), TsvQueries(queries), TrecQrels(qrels, {}), TrecScoredDocs(hits))
    registry.register("golgi-scored", whole)
    golgi.services.datasets.start({"name": "scored", "ir_dataset": "golgi-scored"})
    work(golgi)
    assert golgi.worker.data.candidates(1) == {"q1": {"d3": 9.0, "d2": 2.0, "d1": 1.0}}
    assert list(golgi.worker.data.candidates(1)["q1"]) == ["d3", "d2", "d1"]
