"""Navigation by question: every form lies behind one entry, and each page says under which it stands."""

import re

import pytest
from fastapi.testclient import TestClient

from app.kinds import kinds
from app.kinds.places import MEASURED, Place
from app.main import Golgi
from app.web.navigation import entries, tabs

CURRENT = re.compile(r'data-go="(\w+)" aria-current="page"')


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def test_every_form_lies_behind_one_question() -> None:
    asked = [kind for kind in kinds().values() if kind.address]
    assert all(kind.place is not Place.RUN for kind in asked)
    assert all(kind.place is Place.RUN for kind in kinds().values() if not kind.address)
    assert {key for key, _ in tabs()} == {kind.key for kind in asked if kind.place is Place.INPUT}
    behind = [part for entry in entries() for part in entry.behind]
    assert len(behind) == len(set(behind))
    assert {kind.address.strip("/") for kind in asked} <= set(behind)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/explain", "explain"),
        ("/locate", "explain"),
        ("/measure", "measure"),
        ("/attribute", "measure"),
        ("/compare", "compare"),
        ("/neurons", "neurons"),
        ("/sets", "neurons"),
        ("/readings", "neurons"),
        ("/heads", "heads"),
        ("/library", "library"),
        ("/datasets", "library"),
        ("/methods/nig", "library"),
        ("/activity", ""),
    ],
)
def test_a_page_says_where_it_stands(client: TestClient, path: str, name: str) -> None:
    page = client.get(path).text
    assert set(CURRENT.findall(page)) == ({name} if name else set())
    assert page.count('aria-label="Main"') == 2  # the bar, and the menu of small screens


def test_a_tab_chooses_a_model_that_reads_its_input(client: TestClient) -> None:
    chosen = {
        "?form=prompt&reads=prompt": ("tiny-gpt2", "Prompt"),
        "?form=prompt&reads=text": ("tiny-mlm", "Text"),
        "?form=pair&reads=question": ("tiny-qa", "Question and context"),
        "?form=ranking": ("tiny-bert", "Ranking of passages"),
    }
    for query, (model, title) in chosen.items():
        page = client.get(f"/explain{query}").text
        assert f'<option value="{model}" selected>' in page, query
        assert re.search(rf'aria-current="page">{title}<', page), query


def test_a_tab_that_no_model_reads_says_so(golgi: Golgi, client: TestClient) -> None:
    page = client.get("/explain?form=prompt&reads=poem").text
    assert "reads a poem" in page and 'aria-current="page">Query' not in page


def test_texts_stay_between_tabs_that_one_model_reads(client: TestClient) -> None:
    sent = {"model": "tiny-bert", "form": "ranking", "query": "kept words", "passages": "one\n---\ntwo"}
    page = client.post("/explain/form", data=sent).text
    assert "kept words" in page and "one\n---\ntwo" in page
    assert re.search('aria-current="page">Ranking', page)


def test_measure_tells_what_is_needed_first(golgi: Golgi, client: TestClient) -> None:
    page = client.get("/measure").text
    for kind in kinds().values():
        assert (f'<h3><a href="{kind.address}">' in page) is (kind.place in MEASURED), kind.key
    assert "(none here)" in page
    told = {card["kind"]: card["needs"] for card in client.get("/measure.json").json()}
    assert {need["count"] for needs in told.values() for either in needs for need in either} == {0}
    client.post("/datasets/demo")
    golgi.worker.run_once()
    told = {card["kind"]: card["needs"] for card in client.get("/measure.json").json()}
    counts = {need["noun"]: need["count"] for needs in told.values() for either in needs for need in either}
    assert counts["dataset"] == 1 and counts["question set"] == 0


def test_a_neuron_is_looked_up_by_its_id(client: TestClient) -> None:
    found = client.get("/neurons?model=tiny-bert&neuron=+L1.mid.3+")
    assert found.status_code == 303 and found.headers["location"].endswith("/neurons/tiny-bert/L1.mid.3")
    wrong = client.get("/neurons?model=tiny-bert&neuron=third")
    assert wrong.status_code == 422 and 'value="third"' in wrong.text and "L3.mid.1201" in wrong.text


def test_heads_show_runs_of_heads_alone(golgi: Golgi, client: TestClient) -> None:
    asked = {"model": "tiny-bert", "query": "rain", "passages": "rain falls", "steps": "4", "method": "nig"}
    assert "No run scores heads yet" in client.get("/heads").text
    client.post("/explain", data=asked)
    client.post("/explain", data={**asked, "preset": "heads"})
    while golgi.worker.run_once():
        pass
    view = client.get("/heads.json").json()
    assert [one["run"]["id"] for one in view["rankings"]] == [2]
    assert view["rankings"][0]["top"][0]["kind"] == "head"
    assert [one["run"]["id"] for one in client.get("/neurons.json").json()["rankings"]] == [2, 1]


def test_activity_shows_what_waits_before_the_runs(golgi: Golgi, client: TestClient) -> None:
    assert "Nothing runs or waits" in client.get("/activity").text
    client.post("/explain", data={"model": "tiny-bert", "query": "rain", "passages": "rain falls", "steps": "4"})
    page = client.get("/activity").text
    assert page.index("Running and waiting") < page.index('id="q"') and "data-poll" in page
    golgi.worker.run_once()
    assert client.get("/runs").text.count("/runs/1") >= 1 and "Running and waiting" not in client.get("/runs").text


def test_runs_are_filtered_by_dataset_method_and_target_that_are_stored(golgi: Golgi, client: TestClient) -> None:
    asked = {"model": "tiny-bert", "query": "rain", "passages": "rain falls", "steps": "4", "method": "nig"}
    client.post("/datasets/demo")
    client.post("/explain", data=asked)
    while golgi.worker.run_once():
        pass
    client.post("/attribute", data={"dataset": "liveqa_med", "model": "tiny-bert", "limit": "4", "correct": "off"})
    page = client.get("/activity").text
    assert '<option value="liveqa_med">liveqa_med</option>' in page and "<th>Dataset</th>" not in page
    assert '<option value="nig">Neuron Integrated Gradients</option>' in page
    numbers = {
        "dataset=liveqa_med": [2],
        "method=nig": [2, 1],
        "target=default": [2, 1],
        "target=pairwise": [],
        "q=liveqa": [2],
        "q=relevance+neurons": [2],
    }
    for query, wanted in numbers.items():
        assert [run["id"] for run in client.get(f"/runs.json?{query}").json()["runs"]] == wanted, query
    shown = client.get("/runs?cols=dataset&cols=target").text
    assert "<th>Dataset</th>" in shown and "<th>Method</th>" not in shown
    assert 'value="target" checked' in shown
    empty = client.get("/runs?target=pairwise").text
    assert "first passage beats the second" in empty and "No run has all of these" in empty


def test_what_is_no_neuron_is_told_at_its_field(golgi: Golgi) -> None:
    client = TestClient(golgi.app())
    answer = client.get("/neurons?model=tiny-bert&neuron=zz")
    assert answer.status_code == 422 and "Expected a neuron written" in answer.text and 'value="zz"' in answer.text
    assert "a neuron written" in client.get("/neurons.json?model=tiny-bert&neuron=zz").text
