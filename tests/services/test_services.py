"""Commands that reproduce runs, exports that read back, bundles that open elsewhere."""

import csv
import io
import json
import shlex
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from app.cli.parser import parser
from app.cli.values import values_of
from app.domain.errors import BadInput
from app.forms.read import size_of
from app.kinds import kind_of
from app.kinds.explain.ask import passages_of
from app.kinds.words import signed, words_of
from app.main import Golgi, build
from app.services.exports import as_csv
from app.settings import Settings

ASKED = {"query": "what's rain?", "passages": ["rain falls\nfrom clouds", "a 'quoted' dog"]}


@pytest.fixture
def explained(golgi: Golgi) -> Golgi:
    params = {"steps": 5, "adaptive": False, "preset": "heads"}
    golgi.services.requests.start("explain", {**ASKED, "model": "tiny-bert", "params": params})
    golgi.worker.run_once()
    values = {
        "selection": {"count": 4, "layers": [0, 2]},
        "op": "scale",
        "amount": 0.25,
        "segments": ["query"],
        "seeds": 3,
        "patched": 5,
    }
    golgi.services.requests.start("ablate", {**values, "source": "1"})
    golgi.worker.run_once()
    return golgi


def test_the_command_makes_the_same_run(explained: Golgi) -> None:
    pages, requests = explained.services.pages, explained.services.requests
    for number in (1, 2):
        args = parser().parse_args(shlex.split(pages.run(number).command)[1:])
        assert requests.start(args.command, values_of(args, kind_of(args.command))).id == number


def test_what_the_nearest_random_set_shares_with_the_chosen_one_is_told(explained: Golgi) -> None:
    results, seen = explained.worker.results, set()
    scores = results.scores(1)
    for count, seed in ((1, 1), (1, 4), (1, 7), (2, 1), (8, 1)):
        asked = {"selection": {"count": count}, "seeds": 3, "seed": seed}
        run = explained.services.requests.start("ablate", {**asked, "source": "1"})
        explained.worker.run_once()
        answers = results.responses(run.id)
        change = {at: np.mean([row[item][0] - answers[0][item][0] for item in row]) for at, row in answers.items()}
        beside = [row for row in results.settings(run.id) if row.about["axis"] == "chosen"]
        target = next(row for row in beside if row.family == "target")
        random = [row for row in beside if row.family == "random"]
        nearest = min(random, key=lambda row: abs(change[row.ordinal] - change[target.ordinal]))
        shared = sorted(set(nearest.members) & set(target.members), key=lambda flat: -scores.mean[0][flat])
        names = ", ".join(str(scores.space.index(int(flat))) for flat in shared[:3])
        many = f"{len(shared)} of" if len(shared) > 1 else "one of"
        told = f"(seed {nearest.seed}, {signed(change[nearest.ordinal])}) holds {many} the chosen neurons by chance"
        sentence = explained.services.pages.report(run.id).sentences[0]
        assert told in sentence and sentence.endswith(f" {names}.") if shared else "by chance" not in sentence
        seen.add(min(len(shared), 2))
    assert seen == {0, 1, 2}, "none, one and several were seen"


def test_exports_agree_with_the_store(explained: Golgi) -> None:
    exports = explained.services.exports
    scores = explained.worker.results.scores(1)
    table = list(csv.DictReader(io.StringIO(exports.export(1, "csv").decode())))
    np.testing.assert_allclose([float(row["all"]) for row in table], scores.mean[0])
    parquet = pq.read_table(io.BytesIO(exports.export(1, "parquet")))
    assert parquet["neuron"].to_pylist() == [row["neuron"] for row in table]
    told = json.loads(exports.export(1, "json"))
    assert told["run"]["fingerprint"] and len(told["rows"]) == len(scores.space)
    assert exports.export(1, "neurons").decode().splitlines() == [
        f"L{n.layer}.head.{n.unit}" for n in explained.worker.results.top(1, limit=1)
    ]
    answers = list(csv.DictReader(io.StringIO(exports.export(2, "csv").decode())))
    assert {row["family"] for row in answers} == {"base", "target", "bottom", "complement", "random", "start"}
    with pytest.raises(BadInput):
        exports.export(1, "docx")


def test_bundles_open_elsewhere_without_a_model(explained: Golgi, tmp_path: Path) -> None:
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    for number in (1, 2):
        data = explained.services.exports.export(number, "bundle")
        run = other.services.exports.load_bundle(data, recorded=True)
        assert other.services.exports.load_bundle(data).id == run.id
        assert run.recorded and run.imported is None
        made = explained.services.runs.get(number)
        assert (run.created, run.finished) == (made.created, made.finished)
        here, there = explained.services.pages.report(number), other.services.pages.report(run.id)
        drawn = [[figure.plot["data"] for figure in report.figures.values()] for report in (here, there)]
        assert drawn[0] == drawn[1] and len(drawn[0]) > 2
        assert here.sentences == there.sentences
    with pytest.raises(BadInput):
        other.services.exports.load_bundle(b"not a bundle")
    other.db.close()


def test_an_imported_run_has_the_date_of_its_making_and_says_that_it_was_imported(
    explained: Golgi, tmp_path: Path
) -> None:
    """Its date is not that of the import; it stands in the list by that date, with a badge."""
    day = datetime(2020, 2, 3, 4, 5)
    explained.services.runs.change(1, created=day, finished=day)
    data = explained.services.exports.export(1, "bundle")
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    run = other.services.exports.load_bundle(data)
    assert (run.created, run.finished) == (day, day) and run.imported is not None and not run.recorded
    again = other.services.exports.load_bundle(data)
    assert again.imported == run.imported
    page = TestClient(other.app()).get("/runs").text
    assert ">imported</span>" in page and "2020-02-03 04:05 UTC" in page and ">recorded</span>" not in page
    assert ">imported</span>" in TestClient(other.app()).get(f"/runs/{run.id}").text
    other.db.close()


def test_a_recorded_run_of_an_older_database_gets_its_date(explained: Golgi, tmp_path: Path) -> None:
    data = explained.services.exports.export(1, "bundle")
    made = explained.services.runs.get(1).created
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    run = other.services.exports.load_bundle(data, recorded=True)
    other.services.runs.change(run.id, created=datetime(2026, 1, 1))
    assert other.services.exports.load_bundle(data, recorded=True).created == made
    other.db.close()


def test_every_app_string_that_a_sheet_would_run_is_quoted() -> None:
    body = as_csv(["a", "b"], iter([("=1+1", -2.5), ("plain", 1.0)])).decode().splitlines()
    assert body == ["a,b", "'=1+1,-2.5", "plain,1.0"]


def test_passages_are_split_at_dashes_and_kept_as_they_are() -> None:
    assert passages_of("one\n two \n---\n\nthree") == ["one\n two ", "\nthree"]
    assert passages_of("a --- b") == ["a --- b"]


def test_sizes() -> None:
    assert size_of("1%") == {"fraction": 0.01} and size_of(" 25 ") == {"count": 25}
    for bad in ("", "x", "0", "0%", "101%", "-3"):
        with pytest.raises(BadInput):
            size_of(bad)


def test_words_add_up_and_keep_the_text() -> None:
    token = {"segment": "passage", "word": 0, "start": 0, "end": 3, "text": "abc", "score": 1.0}
    tokens = [
        {"segment": "cls", "word": -1, "start": 0, "end": 0, "text": "[CLS]", "score": 0.5},
        token,
        {**token, "start": 3, "end": 5, "text": "##de", "score": -3.0},
        {**token, "word": 1, "start": 6, "end": 7, "text": "f", "score": 1.0},
    ]
    whole = words_of(tokens, "", "abcde f left out", whole=True)
    assert [(w.text, w.score) for w in whole["passage"]] == [
        ("abcde", -2.0),
        (" ", None),
        ("f", 1.0),
        (" left out", None),
    ]
    assert "".join(w.text for w in whole["passage"]) == "abcde f left out"
    pieces = words_of(tokens, "", "abcde f left out", whole=False)
    assert [w.score for w in pieces["passage"] if w.score is not None] == [1.0, -3.0, 1.0]
    assert whole["passage"][-1].strength < 0, "marked as cut off"


def test_the_demo_prefills(golgi: Golgi) -> None:
    demo = golgi.services.demo
    pair, ranking = demo.pair(), demo.ranking(None, 10)
    assert pair.query and 35 <= len(pair.passages[0].split()) <= 75
    assert len(ranking.passages) == 10 and demo.collection.unknown == {"queries": 0, "passages": 0}
