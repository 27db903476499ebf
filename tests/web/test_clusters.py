"""Searches for query-relevant neurons and their tests, by page and form."""

from pathlib import Path
from typing import Any

import pytest
from asking import file_of, search
from fastapi.testclient import TestClient

from app.main import Golgi
from app.store.results import Results


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
    below = client.get(f"/runs/{number}?sign=negative").text
    assert "negative neurons each" in below and "kept no scores below zero" not in below
    negative = client.get(f"/runs/{number}.json?sign=negative").json()["clusters"]["queries"]
    scores = [neuron["score"] for query in negative for neuron in query["neurons"]]
    assert scores and max(scores) < 0
    twin = client.get(f"/runs/{number}.json").json()["clusters"]
    assert len(twin["queries"]) == 6 and twin["domains"][0]["queries"] == 3
    rows = client.get(f"/runs/{number}/export/csv").text.splitlines()
    assert rows[0] == "query,domain,rank,neuron,prompts,clusters,na,naica"
    for figure in ("layers", "matrix", "frequency"):
        assert client.get(f"/runs/{number}/figures/{figure}.csv").status_code == 200
    form = client.get(f"/effects?run={number}").text
    assert "Do these neurons matter for their queries?" in form and "query-relevant neurons (run" in form
    assert "a dose curve" in form and 'data-text="1, 2, 5, 10, all"' in form
    asked = {"run": str(number), "seeds": "2", "factors": "0, 2", "sizes": "1, 2, all", "negative": "on", "flags": "1"}
    sent = client.post("/effects", data=asked, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    golgi.worker.run_once()
    tested = client.get(sent.headers["location"]).text
    assert "Switched off, the query-relevant neurons change" in tested and "negative neurons" in tested
    assert "PCR (95 %)" in client.get(sent.headers["location"] + "?table=ratio").text
    looks = ("table=answers", "table=options", "measure=ratio&size=1", "measure=margin", "known=right", "known=wrong")
    for look in looks:
        assert client.get(sent.headers["location"] + "?" + look).status_code == 200, look
    for figure in ("changes", "dose", "doses"):
        assert client.get(sent.headers["location"] + f"/figures/{figure}.csv?size=2").status_code == 200
    assert "Doubled, the query-relevant neurons change" in client.get(sent.headers["location"] + "?factor=2.0").text
    run = int(sent.headers["location"].rsplit("/", 1)[1])
    command = golgi.services.pages.run(run).command
    assert command.startswith("golgi effects ") and "--sizes" in command
    again = golgi.services.requests.start("effects", {"source": str(number), "seeds": 2, "sizes": [1, 2]})
    assert again.id == run
    assert client.get(f"/runs/{run}/export/csv").text.startswith(
        "query,domain,answers,of,wording,set,seed,factor,probability"
    )


def test_a_query_has_a_page_and_domains_have_maps(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    number = search(golgi, tmp_path)
    assert f'href="/runs/{number}/queries/q3?' in client.get(f"/runs/{number}").text
    page = client.get(f"/runs/{number}/queries/q3?threshold=0.5&size=3").text
    assert "what causes fox a" in page and "found no neurons: left for measuring" in page
    assert "t = 0.5, u = 0.3, v = 3" in page and 'id="figure-query"' in page
    assert f'href="/effects?run={number}&amp;threshold=0.5' in page and "Explain this prompt" in page
    for figure, count in (("query", "query=q3"), ("units", "domain=first"), ("units", "")):
        rows = client.get(f"/runs/{number}/figures/{figure}.csv?{count}").text.splitlines()
        assert rows[0].startswith("map,neuron,block,") and len(rows) > 1
    one = client.get(f"/runs/{number}/figures/units.csv?domain=first").text.splitlines()
    assert {row.split(",")[0] for row in one[1:]} == {"first"}
    assert client.get(f"/runs/{number}/figures/query.csv").status_code == 404
    shared = client.get(f"/runs/{number}?overlap=coefficient").text
    assert "overlap coefficient of the domains" in shared and "in brackets what chance gives" in shared
    golgi.services.questions.delete("mine")
    assert client.get(f"/runs/{number}/queries/q3").status_code == 200
    missing = client.get(f"/runs/{number}/queries/nowhere")
    assert missing.status_code == 404 and "a query of this search" in missing.text
    assert client.get("/runs/1000/queries/q3").status_code == 404


def test_an_older_search_says_that_it_has_no_negative_neurons(
    client: TestClient, golgi: Golgi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its page says where the arrays were not stored."""
    number = search(golgi, tmp_path)
    named = Results.named

    def older(self: Results, number: int, group: str) -> dict[tuple[str, str], Any]:
        return {key: values for key, values in named(self, number, group).items() if "negative" not in key[1]}

    monkeypatch.setattr(Results, "named", older)
    page = client.get(f"/runs/{number}?sign=negative").text
    assert "kept no scores below zero, so it has no negative neurons" in page and "query-relevant neurons each" in page
    assert "kept no scores below zero" not in client.get(f"/runs/{number}").text


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
