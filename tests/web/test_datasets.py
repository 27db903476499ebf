"""Datasets, attributions, studies, sets and comparisons by browser forms and by API, on a tiny model."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.cli.parser import parser
from app.cli.values import values_of
from app.kinds import kind_of
from app.main import Golgi, build
from app.settings import Settings

PAIRS = "query\tpassage\tlabel\nwhat falls\train falls\t1\nwhat falls\tdry sand\t0\nwhat flows\twater flows\t1\n"
ATTRIBUTE = {
    "dataset": "liveqa_med",
    "model": "tiny-bert",
    "limit": "12",
    "steps": "4",
    "max_length": "64",
    "part": "all",
    "correct": "off",
}
STUDY = {
    "dataset": "liveqa_med",
    "queries": "4",
    "depth": "6",
    "fractions": "5 %, 20 %",
    "seeds": "3",
    "max_length": "64",
    "controls": "off",
}


def client_of(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def attributed(golgi: Golgi) -> TestClient:
    """The demo set brought in, and one attribution over it done."""
    client = client_of(golgi)
    client.post("/datasets/demo")
    work(golgi)
    client.post("/attribute", data=ATTRIBUTE)
    work(golgi)
    return client


@pytest.fixture(scope="module")
def measured(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """Runs 1 and 2 attribute, 3 to 5 are controls, 6 is a study of both; set 1 is the union of their tops."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("measured"), models_dir=models_dir, offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    client = client_of(golgi)
    client.post("/datasets/demo")
    work(golgi)
    client.post("/attribute", data=ATTRIBUTE)
    client.post("/attribute", data={**ATTRIBUTE, "relevance": "non_relevant"})
    work(golgi)
    client.post("/study", data={**STUDY, "source": ["1", "2"], "controls": "on", "doses": "0 0.5", "part": "all"})
    work(golgi)
    client.post("/sets", data={"name": "core", "run": ["1", "2"], "size": "20%", "combine": "any"})
    yield golgi
    golgi.db.close()


PAGES = (
    "/datasets",
    "/datasets/liveqa_med",
    "/datasets/liveqa_med?offset=50",
    "/attribute?dataset=liveqa_med",
    "/runs/1",
    "/runs/1?part=query",
    "/runs/2",
    "/study?run=1",
    "/runs/6",
    "/runs/6?measure=AP&set=3",
    "/runs/6?measure=accuracy",
    "/sets",
    "/sets?run=1",
    "/sets/1",
    "/compare",
    "/compare?run=1&run=2",
    "/compare?run=1&run=2&set=1&k=10%25",
    "/cross",
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_answer(measured: Golgi, path: str) -> None:
    answer = client_of(measured).get(path)
    assert answer.status_code == 200 and "<h1" in answer.text, answer.text[:400]


@pytest.mark.parametrize(
    "path", ["/datasets", "/datasets/liveqa_med", "/runs/1", "/runs/6", "/sets", "/sets/1", "/cross"]
)
def test_json_twins(measured: Golgi, path: str) -> None:
    assert client_of(measured).get(f"{path}.json").json()


def test_every_run_ended_well(measured: Golgi) -> None:
    runs, total = measured.services.runs.find(filters={})
    assert total == 6 and {run.state.value for run in runs} == {"done"}


def test_a_study_tells_what_the_store_holds(measured: Golgi) -> None:
    view = client_of(measured).get("/runs/6.json").json()["study"]
    values = measured.worker.results.metrics(6)["nDCG@10"]
    assert view["intact"] == pytest.approx(values[0].mean()) and view["n"] == 4
    row = view["comparisons"][0]
    assert row["intact"]["mean"] == pytest.approx((values[row["ordinal"]] - values[0]).mean())
    assert len(view["comparisons"]) == 4 and len(view["sentences"]) == 2
    assert {"curve", "doses", "changes"} == set(view["figures"])
    whole = view["figures"]["curve"]["plot"]["views"]["all controls"]
    names = {trace["name"] for trace in whole["data"] if "name" in trace}
    assert {"activation", "gradient × activation", "weight norm", "random over all layers"} <= names


def test_metrics_are_those_of_the_trec_run(measured: Golgi) -> None:
    """The exported ranking, judged by ir-measures anew, gives the stored numbers."""
    import ir_measures

    client = client_of(measured)
    plan = measured.services.runs.get(6).plan
    data = measured.worker.data
    grades = data.judgements(data.named("liveqa_med").id)
    for ordinal in (0, 1):
        run = list(ir_measures.read_trec_run(io.StringIO(client.get(f"/runs/6/trec/{ordinal}").text)))
        assert len(run) == 24
        qrels = [ir_measures.Qrel(q, p, g) for q, _ in plan["queries"] for p, g in grades[q].items()]
        found = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, run)
        mean = measured.worker.results.metrics(6)["nDCG@10"][ordinal].mean()
        assert next(iter(found.values())) == pytest.approx(mean, abs=1e-6)


def test_a_query_shows_who_moved(measured: Golgi) -> None:
    query = measured.services.runs.get(6).plan["queries"][0][0]
    view = measured.services.pages.report(6).query(query)
    assert (
        sorted(p.rank_before for p in view.passages)
        == sorted(p.rank_after for p in view.passages)
        == [1, 2, 3, 4, 5, 6]
    )
    assert all(p.text for p in view.passages) and view.text and view.earlier == "" and view.later
    text = client_of(measured).get(f"/runs/6/queries/{query}?set=1").text
    assert "unjudged" in text and "neurons gone" in text
    assert client_of(measured).get("/runs/6/queries/nobody?set=1").status_code == 404


def test_the_command_of_a_measurement_gives_the_same_run(measured: Golgi) -> None:
    for number in (1, 6):
        args = parser().parse_args(shlex.split(measured.services.pages.run(number).command)[1:])
        assert measured.services.requests.start(args.command, values_of(args, kind_of(args.command))).id == number


def test_sets_make_a_round_trip(measured: Golgi) -> None:
    client = client_of(measured)
    told = client.get("/sets/1.json").json()
    assert told["of"] == 72 and told["text"].count("|") == 1
    text = client.get("/sets/1.txt").text
    assert text.splitlines()[1:] == told["neurons"] and text.startswith("# core")
    again = client.post("/sets", data={"name": "again", "neurons": json.dumps(told), "model": "tiny-bert"})
    number = int(again.headers["location"].rsplit("/", 1)[1])
    assert measured.services.sets.get(number).members == tuple(told["neurons"])
    other = {**told, "weights_hash": "0" * 64}
    refused = client.post("/sets", data={"name": "x", "neurons": json.dumps(other), "model": "tiny-bert"})
    assert refused.status_code == 422 and "weights" in refused.text
    for wrong in ("L0.mid.7\nnope", "L0.mid.99", "{", '{"neurons": 3}'):
        assert client.post("/sets", data={"neurons": wrong, "model": "tiny-bert"}).status_code == 422


def test_set_rules_by_form_are_those_by_hand(measured: Golgi) -> None:
    client, results = client_of(measured), measured.worker.results
    scores = [results.scores(number) for number in (1, 2)]
    tops = [set(one.order()[:14].tolist()) for one in scores]
    space = scores[0].space
    cases = {
        "all": tops[0] & tops[1],
        "any": tops[0] | tops[1],
        "minus": tops[0] - tops[1],
        "fuse_mean": set(np.argsort(-(scores[0].of("all") + scores[1].of("all")), kind="stable")[:14].tolist()),
    }
    for how, wanted in cases.items():
        made = client.post("/sets", data={"name": how, "run": ["1", "2"], "size": "20%", "combine": how})
        if not wanted:
            assert made.status_code == 422
            continue
        number = int(made.headers["location"].rsplit("/", 1)[1])
        found = {space.flat(index) for index in measured.services.sets.get(number).indices}
        assert found == wanted, how
    out = client.post("/sets", data={"run": ["1", "2"], "inside": ["1"], "size": "20%", "combine": "out_minus_in"})
    assert out.status_code == (303 if tops[1] - tops[0] else 422)
    assert client.post("/sets", data={"name": "none", "size": "1%"}).status_code == 422


def test_an_intersection_shows_what_each_part_takes_away(measured: Golgi) -> None:
    client, results = client_of(measured), measured.worker.results
    made = client.post("/sets", data={"name": "both", "run": ["1", "2"], "size": "50%", "combine": "all"})
    view = client.get(made.headers["location"]).text
    assert "Without" in view
    told = measured.services.sets.page(int(made.headers["location"].rsplit("/", 1)[1]))
    tops = [set(results.scores(number).order()[:36].tolist()) for number in (1, 2)]
    assert len(told.found.members) == len(tops[0] & tops[1])
    assert [size for _, size in told.left_out] == [36, 36] and told.chance == pytest.approx(18.0)


def test_a_deleted_set_comes_back(measured: Golgi) -> None:
    client = client_of(measured)
    client.post("/sets/1/delete")
    assert ">core<" not in client.get("/sets").text and "Undo" in client.get("/sets/1").text
    client.post("/sets/1/restore")
    assert ">core<" in client.get("/sets").text


def test_comparisons_are_refused_in_words(measured: Golgi) -> None:
    client = client_of(measured)
    assert client.get("/compare?run=6").status_code == 422
    assert client.get("/compare?run=99").status_code == 404
    assert client.get("/compare?set=98&set=99").status_code == 404
    assert "Set 99: expected" in client.get("/compare?run=1&set=99").text


def test_models_are_compared_by_depth_and_checkpoints_by_neuron(golgi: Golgi) -> None:
    client = client_of(golgi)
    for model in ("tiny-bert", "tiny-two"):
        client.post("/explain", data={"model": model, "query": "rain", "passages": "rain falls", "steps": "4"})
    client.post("/explain", data={"model": "tiny-t5", "query": "rain", "passages": "rain falls", "steps": "4"})
    work(golgi)
    spaces = [golgi.worker.results.scores(number).space for number in (1, 2, 3)]
    assert spaces[0] == spaces[1] != spaces[2]
    same = client.get("/compare.json?run=1&run=2&k=20%25").json()
    assert "Weights differ" in same["sentence"] and same["pairs"]
    assert "along" not in same["figures"]
    other = client.get("/compare.json?run=1&run=3&k=20%25").json()
    assert list(other["figures"]) == ["depths"] and "depth" in other["sentence"]
    rows = other["figures"]["depths"]["rows"]
    assert sum(row[1] for row in rows) == pytest.approx(1) and sum(row[2] for row in rows) == pytest.approx(1)
    assert client.get("/compare?run=1&run=3").status_code == 200


def test_overlap_along_training_is_that_of_the_pairs(golgi: Golgi) -> None:
    client = client_of(golgi)
    for model, query in (("tiny-bert", "rain"), ("tiny-two", "rain"), ("tiny-bert", "snow")):
        client.post("/explain", data={"model": model, "query": query, "passages": "rain falls", "steps": "4"})
    work(golgi)
    view = client.get("/compare.json?run=3&run=2&run=1&k=20%25").json()
    rows = {tuple(row[:2]): row[4] for row in view["figures"]["along"]["rows"]}
    jaccard = {(p["first"][-2:-1], p["second"][-2:-1]): p["overlap"]["jaccard"] for p in view["pairs"]}
    assert rows == {
        ("run 3", "with the last"): jaccard["3", "1"],
        ("run 2", "with the last"): jaccard["2", "1"],
        ("run 2", "with the one before"): jaccard["3", "2"],
        ("run 1", "with the one before"): jaccard["2", "1"],
    }
    assert "Overlap along training" in client.get("/compare?run=3&run=2&run=1").text


def test_other_baselines_stand_side_by_side(golgi: Golgi) -> None:
    client = attributed(golgi)
    where = client.post("/runs/1/baselines").headers["location"]
    assert where == "/compare?run=1&run=2&run=3"
    assert "Not finished yet" in client.get(where).text
    work(golgi)
    view = client.get(where.replace("?", ".json?")).json()
    assert view["waiting"] == [] and len(view["pairs"]) == 3 and "baseline unk" in client.get(where).text
    used = {golgi.services.runs.get(n).spec.settings["params"]["baseline"] for n in (1, 2, 3)}
    assert used == {"pad_query_and_passage", "pad_query", "unk_query_and_passage"}
    client.post("/study", data={**STUDY, "source": "1", "part": "all"})
    work(golgi)
    last = golgi.services.runs.find(filters={})[0][0].id
    assert client.post(f"/runs/{last}/baselines").status_code == 409


def test_a_comparison_is_that_of_the_sets(measured: Golgi) -> None:
    view = client_of(measured).get("/compare.json?run=1&run=2&k=20%25").json()
    tops = [set(measured.worker.results.scores(number).order()[:14].tolist()) for number in (1, 2)]
    assert view["pairs"][0]["overlap"]["shared"] == len(tops[0] & tops[1])
    assert view["pairs"][0]["overlap"]["expected"] == pytest.approx(14 * 14 / 72)
    assert {"depth", "matrix", "by_layer", "scatter"} == set(view["figures"])


def test_a_comparison_names_and_links_what_is_compared(measured: Golgi) -> None:
    page = client_of(measured).get("/compare?run=1&run=2&k=20%25").text
    listed = page[page.index("What is compared") : page.index("Every two")]
    for number in (1, 2):
        assert f"run {number}<" in listed and f'href="/runs/{number}"' in listed
    view = client_of(measured).get("/compare.json?run=1&run=2&k=20%25").json()
    assert f'/neurons/tiny-bert/{view["movers"][0]["neuron"]}"' in page


@pytest.mark.parametrize(
    "path", ["/compare/depth.csv?run=1&run=2", "/compare/matrix.csv?run=1&run=2&set=1", "/cross.csv", "/sets/1.csv"]
)
def test_tables_of_figures_are_downloads(measured: Golgi, path: str) -> None:
    answer = client_of(measured).get(path)
    assert answer.status_code == 200 and len(answer.text.splitlines()) > 1
    assert client_of(measured).get("/compare/nothing.csv?run=1&run=2").status_code == 404


def test_bundles_of_measurements_open_elsewhere(measured: Golgi, tmp_path: Path) -> None:
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    for number in range(1, 7):
        other.services.exports.load_bundle(measured.services.exports.bundle(measured.services.runs.get(number)))
    here, there = (client_of(golgi).get("/runs/6.json").json()["study"] for golgi in (measured, other))
    for name in ("sentences", "comparisons", "queries", "figures"):
        assert json.dumps(here[name]) == json.dumps(there[name]), name
    first, second = (client_of(golgi).get("/runs/1.json").json()["attribute"] for golgi in (measured, other))
    assert first["top"] == second["top"] and first["stability"] == second["stability"]
    for number in (1, 6):
        page, owned = client_of(other).get(f"/runs/{number}"), client_of(measured).get(f"/runs/{number}")
        assert page.status_code == 200 and "/datasets/liveqa_med" not in page.text, "no link to what is not there"
        assert "liveqa_med" in page.text and "/datasets/liveqa_med" in owned.text
    csv = client_of(other).get("/runs/6/export/csv").text.splitlines()
    assert csv[0].startswith("setting,axis") and "query,passage,grade" in csv[0]
    assert len(csv) == 1 + 24 * measured.services.runs.get(6).plan["settings"]
    other.db.close()


def test_files_are_looked_at_before_they_come_in(golgi: Golgi) -> None:
    client = client_of(golgi)
    sent = client.post("/datasets", files={"files": ("my pairs.tsv", PAIRS.encode())})
    page = client.get(sent.headers["location"]).text
    assert "labelled pairs" in page and "rain falls" in page
    token = sent.headers["location"].rsplit("/", 1)[1]
    form = {"path": "my pairs.tsv", "role-0": "pairs", "form-0": "table", "delimiter-0": "\t", "header-0": "on"}
    form |= {"column-0-query": "query", "column-0-passage": "passage", "column-0-grade": "wrong", "name": "mine"}
    assert "columns named wrong" in client.post(f"/uploads/{token}", data={**form, "look": "1"}).text
    job = client.post(f"/uploads/{token}", data={**form, "column-0-grade": "label", "model": "tiny-bert"})
    assert job.status_code == 303
    work(golgi)
    view = client.get("/datasets/mine.json").json()["dataset"]
    assert (view["queries"], view["passages"], view["judgements"], view["candidates"]) == (2, 3, 3, 3)
    assert view["report"]["lengths"]["pairs"] == 3 and view["report"]["grades"] == {"0": 1, "1": 2}
    assert not (golgi.settings.data_dir / "uploads" / token).exists()
    assert "/datasets/mine" in client.get(job.headers["location"]).text


def test_a_broken_file_leaves_nothing(golgi: Golgi) -> None:
    client = client_of(golgi)
    body = PAIRS + "what falls\twet sand\t0\n" * 30 + "what\tbreaks\n"
    sent = client.post("/api/v1/datasets/files", data={"name": "bad"}, files={"files": ("p.tsv", body.encode())})
    assert sent.status_code == 202
    work(golgi)
    job = client.get(f"/jobs/{sent.json()['id']}").text
    assert "p.tsv, line 35" in job and "failed" in job
    assert client.get("/datasets.json").json()["datasets"] == [] and client.get("/datasets/bad").status_code == 404
    assert golgi.worker.data.texts(1, "query", {"what falls"}) == {}


def test_bm25_fills_in_for_a_missing_run(golgi: Golgi, tmp_path: Path) -> None:
    folder = golgi.settings.imports / "beir"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Rain", "text": "it falls"}\n{"_id": "b", "title": "", "text": "dry sand"}\n'
        '{"_id": "b", "text": "again"}\n{"_id": "e", "text": " "}\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "rain falls"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t2\n1\tz\t1\n")
    client = client_of(golgi)
    sent = client.post("/api/v1/datasets", json={"name": "small", "folder": "beir"})
    assert sent.status_code == 202, sent.text
    work(golgi)
    found = client.get("/datasets/small.json").json()["dataset"]
    assert found["report"]["first_stage"] == "BM25 top 100" and found["candidates"] == 1
    assert found["report"]["duplicates"] == {"passage": 1} and found["report"]["empty"] == {"passage": 1}
    assert found["report"]["faults"]["judgements_unknown_passage"] == 1
    assert client.post("/datasets", data={"name": "x", "folder": "/etc"}).status_code == 422
    assert client.post("/datasets", data={"name": "small", "folder": "beir"}).status_code == 409
    assert client.post("/datasets", data={"name": "y"}).status_code == 422


def test_a_stopped_import_leaves_nothing(golgi: Golgi) -> None:
    client = client_of(golgi)
    client.post("/datasets/demo")
    client.post("/jobs/1/stop")
    work(golgi)
    assert client.get("/datasets.json").json()["datasets"] == []
    assert client.post("/datasets/demo").status_code == 303


def test_an_interactive_job_goes_before_the_end_of_an_import(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.jobs.importing import Import

    client = client_of(golgi)
    counted, seen = Import._counted, []

    def slow(self: Import) -> Iterator[object]:
        form = {"model": "tiny-bert", "query": "rain", "passages": "rain falls", "steps": "4"}
        client.post("/explain", data=form)
        for at, record in enumerate(counted(self)):
            if at == 10:
                seen.append(golgi.services.runs.get(1).state.value)
            yield record

    monkeypatch.setattr(Import, "_counted", slow)
    client.post("/datasets/demo")
    golgi.worker.run_once()
    assert seen == ["done"] and client.get("/datasets/liveqa_med").status_code == 200


def test_deleting_a_dataset_can_be_undone(golgi: Golgi) -> None:
    client = client_of(golgi)
    client.post("/datasets/demo")
    work(golgi)
    gone = client.post("/datasets/liveqa_med/delete").headers["location"]
    assert "Undo" in client.get(gone).text and client.get("/datasets/liveqa_med").status_code == 404
    client.post("/datasets/1/restore")
    assert client.get("/datasets/liveqa_med").status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"dataset": "nobody"}, 404),
        ({"dataset": ""}, 422),
        ({"limit": "many"}, 422),
        ({"limit": "0"}, 422),
        ({"model": "nobody"}, 404),
        ({"model": "tiny-gpt2"}, 422),
    ],
)
def test_a_wrong_attribution_keeps_the_form(measured: Golgi, form: dict[str, str], status: int) -> None:
    answer = client_of(measured).post("/attribute", data={**ATTRIBUTE, **form})
    assert answer.status_code == status and 'role="alert"' in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("form", "status"),
    [({}, 422), ({"source": "99"}, 404), ({"source": "6"}, 409), ({"source": "1", "fractions": "a lot"}, 422)],
)
def test_a_wrong_study_keeps_the_form(measured: Golgi, form: dict[str, str], status: int) -> None:
    answer = client_of(measured).post("/study", data={**STUDY, **form})
    assert answer.status_code == status and 'role="alert"' in answer.text


def test_a_size_is_chosen_on_some_queries_and_measured_on_others(golgi: Golgi) -> None:
    client = attributed(golgi)
    client.post("/study", data={**STUDY, "source": ["1"], "part": "selection"})
    work(golgi)
    page = client.get("/runs/2").text
    assert "Held-out validation" in page
    view = golgi.services.pages.report(2).view
    assert len(view.picked) == 1
    answer = client.post("/runs/2/confirm")
    assert answer.status_code == 303 and answer.headers["location"].endswith("/runs/3")
    work(golgi)
    chosen, held = (golgi.services.runs.get(number) for number in (2, 3))
    assert held.spec.settings["fractions"] == [view.picked[0].fraction]
    assert held.spec.settings["evaluation"] == {**chosen.spec.settings["evaluation"], "part": "test"}
    before, after = ({query for query, _ in run.plan["queries"]} for run in (chosen, held))
    assert before and after and before.isdisjoint(after)
    assert f"/r/{chosen.fingerprint}" in client.get("/runs/3").text
    args = parser().parse_args(shlex.split(golgi.services.pages.run(3).command)[1:])
    assert golgi.services.requests.start(args.command, values_of(args, kind_of(args.command))).id == 3
    refused = client.post("/runs/3/confirm")
    assert refused.status_code == 409 and "part selection" in refused.text
    assert client.post("/runs/1/confirm").status_code == 409


def test_the_cost_is_told_before_the_start(measured: Golgi) -> None:
    client, runs = client_of(measured), measured.services.runs
    before = runs.find(filters={})[1]
    page = client.post("/attribute/cost", data={**ATTRIBUTE, "limit": "5"}).text
    assert re.search(r"<strong>5 of [\d,]+ pairs</strong>", page) and "going by" in page
    study = runs.get(6)
    assert study.plan["settings"] > 1
    asked = {**study.spec.settings, "model": "tiny-bert", "sources": ["1", "2"]}
    found = measured.services.requests.cost("study", asked)
    assert found.passes == study.plan["settings"] * len(study.plan["pairs"]) and found.taken == study.plan["items"]
    assert found.run == 6 and found.seconds == pytest.approx(study.seconds)
    page = client.post("/study/cost", data={**STUDY, "source": ["1", "2"], "controls": "on", "part": "all"}).text
    assert re.search(r"<strong>4 of [\d,]+ queries</strong>", page) and "run 6" in page
    asked = measured.services.requests.cost("attribute", {**runs.get(1).spec.settings, "model": "tiny-bert"})
    plan = runs.get(1).plan
    assert asked.fitting == plan["fitting"] and asked.passes == min(12, plan["fitting"]) * plan["passes"]
    assert (
        "Choose a dataset, or import one first"
        in client.post("/attribute/cost", data={**ATTRIBUTE, "dataset": ""}).text
    )
    assert "Choose a run to take neurons from" in client.post("/study/cost", data=STUDY).text
    assert runs.find(filters={})[1] == before, "nothing was started"


def test_an_address_fills_the_form_of_sets(measured: Golgi) -> None:
    page = client_of(measured).get("/sets?run=1&rank=abs&size=17").text
    assert 'value="17"' in page and re.search(r'value="abs"\s+selected', page) and "Not used on this page" not in page
