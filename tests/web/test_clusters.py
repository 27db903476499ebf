"""Searches for query-relevant neurons and their tests, by page and form."""

import json
from pathlib import Path

import pytest
from asking import queries
from fastapi.testclient import TestClient

from app.main import Golgi


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


def file_of(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rows = [
        {
            "key": query.key,
            "domain": query.domain,
            "wordings": [{"prompt": w.prompt, "target": w.target, "options": []} for w in query.wordings],
        }
        for query in queries()
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def search(golgi: Golgi, tmp_path: Path, limit: int = 20) -> int:
    if not golgi.services.questions.store.find():
        golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    values = {"model": "tiny-gpt2", "sample": {"questions": "mine", "known": 0, "limit": limit}, "params": {"steps": 3}}
    run = golgi.services.requests.start("clusters", values)
    golgi.worker.run_once()
    done = golgi.services.runs.get(run.id)
    assert done.state.value == "done", done.error
    return run.id


def test_a_search_and_its_test_have_pages(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    number = search(golgi, tmp_path)
    page = client.get(f"/runs/{number}").text
    assert "6 queries of 2 domains" in page and "The pool has 6 queries; below 30" in page
    assert 'name="threshold"' in page and "what causes rain a" in page
    other = client.get(f"/runs/{number}?threshold=0.9&common=1&size=2").text
    assert "t = 0.9, u = 1, v = 2" in other
    twin = client.get(f"/runs/{number}.json").json()["clusters"]
    assert len(twin["queries"]) == 6 and twin["domains"][0]["queries"] == 3
    rows = client.get(f"/runs/{number}/export/csv").text.splitlines()
    assert rows[0] == "query,domain,rank,neuron,prompts,clusters,na,naica"
    for figure in ("layers", "matrix", "frequency"):
        assert client.get(f"/runs/{number}/figures/{figure}.csv").status_code == 200
    form = client.get(f"/effects?run={number}").text
    assert "Do these neurons matter for their queries?" in form and "query-relevant neurons (run" in form
    sent = client.post("/effects", data={"run": str(number), "seeds": "2", "factors": "0, 2"}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    golgi.worker.run_once()
    tested = client.get(sent.headers["location"]).text
    assert "Switched off, the query-relevant neurons change" in tested and "PCR (95 %)" in tested
    assert "Doubled, the query-relevant neurons change" in client.get(sent.headers["location"] + "?factor=2.0").text
    run = int(sent.headers["location"].rsplit("/", 1)[1])
    assert golgi.services.pages.run(run).command.startswith("golgi effects ")
    assert client.get(f"/runs/{run}/export/csv").text.startswith(
        "query,domain,answers,of,wording,set,seed,factor,probability"
    )


def test_a_prediction_has_a_page_and_says_what_it_cannot_do(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    number = search(golgi, tmp_path, limit=2)
    form = client.get(f"/predict?run={number}").text
    assert (
        "Do these neurons know the answers" in form and f"/predict?run={number}" in client.get(f"/runs/{number}").text
    )
    preview = client.post("/predict/cost", data={"run": str(number)}).text
    assert "2 of 2 queries" in preview
    sent = client.post("/predict", data={"run": str(number), "seeds": "2"}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    golgi.worker.run_once()
    page = client.get(sent.headers["location"]).text
    assert "Of 2 new queries of 2 domains, the domain" in page and "not told apart from" in page
    run = int(sent.headers["location"].rsplit("/", 1)[1])
    assert golgi.services.pages.run(run).command.startswith("golgi predict ")
    assert client.get(f"/runs/{run}/figures/accuracy.csv").text.startswith("domain,way,accuracy")
    assert client.get(f"/runs/{run}/export/csv").text.startswith("query,domain,passed_over,wording,options,right")
    whole = search(golgi, tmp_path)
    refused = client.post("/predict", data={"run": str(whole)})
    assert refused.status_code == 422 and "and left 0" in refused.text
    other = client.post("/predict", data={"run": str(run)})
    assert other.status_code == 409 and "a finished search" in other.text


def test_locators_are_compared_on_a_page(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    number = search(golgi, tmp_path)
    data = {"run": str(number), "seeds": "2", "queries": "4", "steps": "3", "k": "5"}
    assert "4 of 6 queries" in client.post("/locators/cost", data=data).text
    sent = client.post("/locators", data=data, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    golgi.worker.run_once()
    page = client.get(sent.headers["location"]).text
    assert (
        "Sets of one size, switched off" in page
        and "mean of all word embeddings" in page
        and "put back, recover most" in page
    )
    run = int(sent.headers["location"].rsplit("/", 1)[1])
    assert golgi.services.pages.run(run).command.startswith("golgi locators ")
    for figure in ("correlations", "layers", "cloud0", "cloud1", "tracing"):
        assert client.get(f"/runs/{run}/figures/{figure}.csv").status_code == 200
    assert client.get(f"/runs/{run}/export/csv").text.startswith("query,domain,neuron,group,Knowledge attribution")
    few = search(golgi, tmp_path, limit=2)
    assert client.post("/locators", data={"run": str(few), "queries": "3"}).status_code == 422


def test_forms_say_what_is_missing(client: TestClient) -> None:
    assert "No question sets yet" in client.get("/clusters").text
    for form in ("effects", "predict", "locators"):
        assert "Nothing to test yet." in client.get(f"/{form}").text
        assert client.post(f"/{form}", data={"run": ""}).status_code == 422
    assert client.post("/clusters", data={"model": "tiny-gpt2"}).status_code == 422


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "tiny-bert"}, "a causal language model"),
        ({"model": "tiny-gpt2", "domains": "nowhere"}, "domains of mine"),
        ({"model": "tiny-gpt2", "method": "nig"}, "a method that scores feed-forward units of a prompt"),
        ({"model": "tiny-gpt2", "questions": "absent"}, "question set"),
    ],
)
def test_wrong_searches_are_told(
    client: TestClient, golgi: Golgi, tmp_path: Path, values: dict[str, str], says: str
) -> None:
    golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    sent = client.post("/clusters", data={"questions": "mine", **values})
    assert 400 <= sent.status_code < 500 and says in sent.text
