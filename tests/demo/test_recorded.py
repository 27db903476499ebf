"""The recorded runs tell the story that the first page promises."""

import json
import shutil
from pathlib import Path

from fastapi.testclient import TestClient

from app.main import DRAWN, RECORDED, build
from app.settings import Settings


def test_removing_what_pushes_the_pair_up_lowers_its_score(tmp_path: Path) -> None:
    explained, ablated = 1, 2
    golgi = build(Settings(data_dir=tmp_path, offline=True, device="cpu"))
    best = golgi.worker.results.items(explained)[0].values
    assert best["baseline"] < best["target"], "the input that says nothing scores below the passage"
    report = golgi.services.pages.report(ablated)
    share = round(0.01 * golgi.worker.results.scores(explained).mean.shape[1])
    row = next(row for row in report.figures["removal"].rows if row[0] == share)
    assert row[1] < row[3], "below the lowest of the random sets"
    golgi.db.close()


def test_a_recorded_question_is_answered_by_its_run_while_the_model_is_the_one_of_then(tmp_path: Path) -> None:
    place = tmp_path / "models" / "golgi-demo-reranker"
    shutil.copytree(Settings().models_dir / "golgi-demo-reranker", place)
    golgi = build(Settings(data_dir=tmp_path, models_dir=place.parent, offline=True, device="cpu"))
    run = golgi.services.runs.get(1)
    values = {**run.spec.settings, "model": run.spec.model}
    assert run.recorded and golgi.services.requests.start(run.spec.kind, values).id == run.id
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    other = golgi.services.requests.start(run.spec.kind, values)
    assert other.id != run.id and not other.recorded
    golgi.db.close()


def test_the_first_page_does_not_wait_for_every_recorded_run(tmp_path: Path) -> None:
    """Those that it draws are there at once, the others a moment later; a second start adds none."""
    settings = Settings(data_dir=tmp_path, offline=True, device="cpu")
    golgi = build(settings, wait=False)
    first = golgi.services.runs.find(filters={}, sort="stored", limit=100)[0]
    assert [run.recorded for run in first] == [True] * DRAWN
    golgi.take_in()
    numbers = {run.fingerprint: run.id for run in golgi.services.runs.find(filters={}, limit=100)[0]}
    assert len(numbers) == len(list(RECORDED.glob("*.zip")))
    golgi.db.close()
    again = build(settings)
    assert {run.fingerprint: run.id for run in again.services.runs.find(filters={}, limit=100)[0]} == numbers
    again.db.close()


def test_every_run_of_a_recorded_study_came_along(tmp_path: Path) -> None:
    golgi = build(Settings(data_dir=tmp_path, offline=True, device="cpu"))
    for study in golgi.services.demo.studies():
        view = golgi.services.compare.recorded_study(study)
        assert len(view.runs) == len(study.runs) > 0 and study.report.startswith("# ")
    page = TestClient(golgi.app()).get("/study/query-neurons")
    assert page.status_code == 200 and "What holds, and what does not" in page.text
    golgi.db.close()


def test_a_model_that_only_recorded_runs_know_has_a_page_that_says_how_to_get_it(tmp_path: Path) -> None:
    golgi = build(Settings(data_dir=tmp_path, offline=True, device="cpu"))
    client = TestClient(golgi.app())
    page = client.get("/models/smollm2-135m")
    assert page.status_code == 200 and "not on this machine" in page.text
    assert "golgi get-model smollm2-135m" in page.text
    assert client.get("/models/nowhere").status_code == 404
    golgi.db.close()
