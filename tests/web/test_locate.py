"""The neurons of one query by page, form, command and API."""

from pathlib import Path
from typing import Any

import pytest
from asking import search
from fastapi.testclient import TestClient

from app.main import Golgi

TYPED: dict[str, Any] = {
    "model": "tiny-gpt2",
    "query": ["what causes the", "because clouds hold the", ""],
    "token": ["rain", "rain", ""],
    "steps": "3",
    "seeds": "2",
}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


def sent(client: TestClient, golgi: Golgi, **more: Any) -> int:
    answer = client.post("/locate", data={**TYPED, **more}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    golgi.worker.run_once()
    return int(answer.headers["location"].rsplit("/", 1)[1])


def test_a_query_has_a_page(client: TestClient, golgi: Golgi) -> None:
    number = sent(client, golgi)
    page = client.get(f"/runs/{number}").text
    assert "A single query has no pool: nothing was discounted" in page and "held out" in page
    assert "Its first neurons by knowledge attribution" in page and "Switched off" in page
    told = client.get(f"/runs/{number}.json").json()["locate"]
    assert len(told["wordings"]) == 2 and told["neurons"] and told["wordings"][1]["scaled"][0]["factor"] == 0
    assert client.get(f"/runs/{number}/export/csv").text.startswith("rank,neuron,na,naica,clusters,raises,lowers")
    assert client.get(f"/runs/{number}/figures/overview.csv").status_code == 200
    assert golgi.services.pages.run(number).command.startswith("golgi locate ")
    body = {
        "model": "tiny-gpt2",
        "prompts": TYPED["query"][:2],
        "targets": ["rain"],
        "seeds": 2,
        "params": {"steps": 3},
    }
    assert client.post("/api/v1/locate", json=body).json()["id"] == number


def test_a_pool_discounts(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    pool = search(golgi, tmp_path)
    assert f"(run {pool}, tiny-gpt2)" in client.get("/locate").text
    number = sent(client, golgi, run=str(pool))
    page = client.get(f"/runs/{number}").text
    assert "7 queries with this one" in page and "no pool" not in page and "Clusters of 7" in page
    assert f"/runs/{pool}" in page and "naica" in page
    other = client.post("/locate", data={**TYPED, "run": str(number)})
    assert other.status_code == 409 and "a finished search" in other.text
    missing = client.post("/locate", data={**TYPED, "run": "99"})
    assert missing.status_code == 404 and "because clouds hold the" in missing.text


def test_rows_come_and_go_and_tokens_are_told_before(client: TestClient) -> None:
    form = client.post("/locate/form", data={**TYPED, "row": "add"}).text
    assert form.count('name="query"') == 4 and "because clouds hold the" in form
    less = client.post("/locate/form", data={**TYPED, "row": "drop:0"}).text
    assert less.count('name="query"') == 2 and "what causes the</textarea>" not in less
    told = client.post("/locate/cost", data=TYPED).text
    assert "Wording 1, finds neurons" in told and "Wording 2, held out" in told and '"rain"' in told
    assert "ends with a blank" in client.post("/locate/cost", data={**TYPED, "query": ["a ", "b "]}).text
    assert 'name="only" value="1"' in form and 'data-target="behind"' in form


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"token": ["seaside", "rain"]}, "to be one token of the model"),
        ({"query": ["a", "b", "c"], "token": ["rain", "", "rain"]}, "a target in every wording"),
        ({"query": ["", ""], "token": ["", ""]}, "at least one wording"),
        ({"token": ["rain", "seaside"], "blank": "sum"}, "to be one token of the model"),
        ({"query": ["What?\n A. a\n B. b\n\nAnswer:", "x"], "token": ["E", "x"]}, "a letter among A, B"),
        ({"query": ["What?\n A. a\n B. a\n\nAnswer:", "x"], "token": ["A", "x"]}, "each option once"),
        ({"model": "tiny-bert"}, "a causal language model"),
        ({"factors": "none"}, "at least one factor"),
        ({"chat": "on", "flags": "1"}, "a model whose tokenizer has a chat template"),
        ({"method": "nig"}, "a method that scores feed-forward units of a prompt"),
    ],
)
def test_wrong_queries_are_told_and_keep_their_text(client: TestClient, values: dict[str, Any], says: str) -> None:
    answer = client.post("/locate", data={**TYPED, **values})
    assert 400 <= answer.status_code < 500 and says in answer.text
    for text in values.get("query", TYPED["query"]):
        assert text.split("\n")[0] in answer.text


def test_a_stored_query_leads_to_its_neurons(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    search(golgi, tmp_path)
    page = client.get("/questions/mine").text
    assert 'href="/locate?query=what+causes+rain+a&amp;token=plain' in page
    form = client.get("/locate?query=what+causes+rain+a&token=plain&query=x&token=y").text
    assert "what causes rain a</textarea>" in form and 'value="plain"' in form
