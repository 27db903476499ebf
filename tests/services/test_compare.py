"""Everything that is chosen is compared, and what cannot be is named."""

from itertools import combinations
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.domain.errors import BadInput, NotFound
from app.main import Golgi, build
from app.settings import Settings

RUNS = (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, models_dir: Any) -> Any:
    """Six runs that rank neurons, the seventh does not; a set."""

    data = tmp_path_factory.mktemp("compared")
    golgi = build(Settings(data_dir=data, models_dir=models_dir, offline=True, device="cpu"), recorded=None)
    for number in RUNS:
        asked = {"model": "tiny-bert", "query": "what causes rain", "passages": ["clouds " * number]}
        golgi.services.requests.start("explain", {**asked, "params": {"steps": 2, "adaptive": False}})
        golgi.worker.run_once()
    golgi.services.requests.start("ablate", {"source": "1", "seeds": 1, "curve": [], "doses": []})
    golgi.worker.run_once()
    run = golgi.services.runs.get(1)
    top = {"op": "top", "run": run.fingerprint, "selection": {"count": 3}}
    golgi.services.sets.make("", top)
    yield golgi
    golgi.db.close()


def test_every_two_of_six_are_drawn(compared: Golgi) -> None:
    view = compared.services.compare.view(RUNS, [])
    pairs = {f"run {a} and run {b}" for a, b in combinations(RUNS, 2)}
    figure = view.figures["depth"]
    lines = [trace for trace in figure.plot["data"] if trace["name"] != "by chance"]
    assert {line["name"] for line in lines} == {row[0] for row in figure.rows} == pairs and len(pairs) == 15
    looks = {(line["line"]["color"], line["line"]["dash"]) for line in lines}
    assert len(looks) == 15, "told apart by colour and dash"
    assert {title for title, _ in view.looks} == pairs and len(view.pairs) == 15


def test_any_two_are_looked_at_neuron_by_neuron(compared: Golgi) -> None:
    client = TestClient(compared.app())
    view = compared.services.compare.view([1, 2, 3], [1], 0.05)
    query = dict(view.looks)["run 2 and run 3"]
    assert query == "run=2&run=3&run=1&set=1&k=5%25"
    page = client.get(f"/compare?{query}")
    assert page.status_code == 200 and "Rank in run 2" in page.text and "run 2 and run 3 · " in page.text
    assert client.get(f"/compare.json?{query}").json()["share"] == 0.05


def test_an_unknown_run_is_named_and_the_others_stay(compared: Golgi) -> None:
    view = compared.services.compare.view([1, 9999, 2, 7], [5])
    assert [side.key for side in view.sides] == ["run 1", "run 2"] and view.figures and view.sentence
    assert [told.split(":")[0] for told in view.left_out] == ["Run 9999", "Run 7", "Set 5"]
    page = TestClient(compared.app()).get("/compare?run=1&run=9999&run=2")
    assert page.status_code == 200 and "Run 9999" in page.text and "The others stay" in page.text
    alone = TestClient(compared.app()).get("/compare?run=1&run=9999")
    assert alone.status_code == 200 and 'value="1" aria-label="run 1"\n' in alone.text and "Run 9999" in alone.text
    again = compared.services.compare.view([1, 1, 2], [])
    assert [side.key for side in again.sides] == ["run 1", "run 2"] and again.left_out == ()


def test_nothing_that_can_be_compared_is_an_error(compared: Golgi) -> None:
    with pytest.raises(NotFound):
        compared.services.compare.view([9999], [])
    with pytest.raises(BadInput):
        compared.services.compare.view([7], [])
