"""Searches for query-relevant neurons and their tests, by page and form."""

from pathlib import Path

import pytest
from asking import file_of, search
from fastapi.testclient import TestClient

from app.main import Golgi


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


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


def test_forms_say_what_is_missing(client: TestClient) -> None:
    assert "No question sets yet" in client.get("/clusters").text
    assert "Nothing to test yet." in client.get("/effects").text
    assert client.post("/effects", data={"run": ""}).status_code == 422
    assert client.post("/clusters", data={"model": "tiny-gpt2"}).status_code == 422


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "tiny-bert"}, "a causal language model"),
        ({"model": "tiny-gpt2", "chat": "on", "flags": "1"}, "a model whose tokenizer has a chat template"),
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
