"""Notebooks of stored runs: what they hold, and that their cells run and give the stored numbers."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from plotly.graph_objects import Figure as Drawn

from app.domain.errors import BadInput, Conflict, NotFound
from app.figures.paper import COLOURS, drawn
from app.main import Golgi
from app.notebook import opened, stored

ROOT = Path(__file__).parents[2]
ASKED = {"query": "what causes rain", "passages": ["rain falls", "a `lazy` dog"]}


@pytest.fixture
def ablated(golgi: Golgi) -> Golgi:
    golgi.services.requests.start("explain", {"model": "tiny-bert", **ASKED, "params": {"steps": 4, "adaptive": False}})
    golgi.worker.run_once()
    golgi.services.runs.change(1, title="```an <b>odd</b> title```")
    golgi.services.requests.start("ablate", {"source": "1", "selection": {"count": 3}, "seeds": 2})
    golgi.worker.run_once()
    return golgi


def bundle(golgi: Golgi, number: int, folder: Path) -> Path:
    path = folder / f"{number}.zip"
    path.write_bytes(golgi.services.exports.export(number, "bundle"))
    return path


def cells(golgi: Golgi, number: int, folder: Path) -> dict[str, Any]:
    book = golgi.services.notebooks.make(number, lambda one: str(bundle(golgi, one, folder)))
    return json.loads(book)


@pytest.mark.parametrize("number", [1, 2])
def test_every_cell_runs_and_gives_the_stored_numbers(ablated: Golgi, number: int, tmp_path: Path) -> None:
    book = cells(ablated, number, tmp_path)
    names: dict[str, Any] = {}
    shown = []
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            *body, last = cell["source"].split("\n")
            if last.startswith("run."):
                shown.append(eval(last, names))
            else:
                exec("\n".join([*body, last]), names)
    run, page = names["run"], ablated.services.pages.run(number)
    assert run.sentences == page.report.sentences
    assert [one for one in shown if isinstance(one, Drawn)] == [drawn(one) for one in page.report.figures.values()]
    if number == 1:
        stored_scores = ablated.worker.results.scores(1)
        np.testing.assert_array_equal(run.scores.mean, stored_scores.mean)
        np.testing.assert_allclose(run.table["all"].to_numpy(), stored_scores.mean[0])
    else:
        assert run.scores is None
        assert set(run.table["family"].to_pylist()) >= {"base", "target", "random"}


def test_what_it_pins(ablated: Golgi, tmp_path: Path) -> None:
    book = cells(ablated, 2, tmp_path)
    run = ablated.services.runs.get(2)
    assert book["nbformat"] == 4 and len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    assert book["metadata"]["golgi"]["specification"] == run.spec.model_dump(mode="json")
    assert book["metadata"]["golgi"]["environment"] == run.environment
    names: dict[str, Any] = {}
    exec(book["cells"][1]["source"], names)
    assert [shlex.split(command)[:2] for command in names["COMMANDS"]] == [["golgi", "explain"], ["golgi", "ablate"]]
    assert names["FINGERPRINT"] == run.fingerprint and names["RECOMPUTE"] is False


def test_a_title_stays_text(ablated: Golgi, tmp_path: Path) -> None:
    told = cells(ablated, 1, tmp_path)["cells"][0]["source"]
    assert re.search(r"(?m)^(`{4}) ```an <b>odd</b> title``` \1$", told)


def test_a_stored_run_opens_by_number_and_fingerprint(ablated: Golgi) -> None:
    from app.settings import Settings

    folder = Path(ablated.settings.data_dir)
    settings = Settings(data_dir=folder, models_dir=ablated.settings.models_dir, offline=True)
    by_number, by_content = stored(1, settings), stored(ablated.services.runs.get(1).fingerprint, settings)
    assert by_number.record.id == by_content.record.id == 1
    np.testing.assert_array_equal(by_number.scores.mean, by_content.scores.mean)
    with pytest.raises(NotFound):
        stored("no such run", settings)


def test_what_cannot_be_opened_says_so(ablated: Golgi, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least one bundle"):
        opened()
    with pytest.raises(NotFound, match="input run"):
        opened(bundle(ablated, 2, tmp_path))
    (tmp_path / "no.zip").write_text("no")
    with pytest.raises(BadInput, match="a run bundle"):
        opened(tmp_path / "no.zip")


def test_a_run_without_a_result_has_none(golgi: Golgi) -> None:
    golgi.services.requests.start("explain", {**ASKED, "model": "tiny-bert"})
    with pytest.raises(Conflict, match="a run with a result"):
        golgi.services.notebooks.make(1, str)


def test_the_page_hands_it_out(ablated: Golgi) -> None:
    client = TestClient(ablated.app(), base_url="http://127.0.0.1:8321")
    assert 'href="/runs/2/notebook.ipynb"' in client.get("/runs/2").text
    answer = client.get("/runs/2/notebook.ipynb")
    assert answer.headers["content-disposition"] == 'attachment; filename="golgi-run-2.ipynb"'
    assert "http://127.0.0.1:8321/runs/1/export/bundle" in answer.json()["cells"][1]["source"]
    assert client.get("/runs/99/notebook.ipynb").status_code == 404


def test_colours_are_those_of_the_page() -> None:
    script = (ROOT / "frontend" / "static" / "plots.js").read_text(encoding="utf-8")
    light = re.search(r"light: \{([^}]*)\}", script)
    assert light is not None
    assert dict(re.findall(r'(\w+): "(#\w+)"', light[1])) == COLOURS
