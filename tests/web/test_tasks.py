"""Every way of reading a model, from the form to the pages of its runs."""

import re

import pytest
from fastapi.testclient import TestClient

from app.domain.runs import RunState
from app.main import Golgi

ASKED = {
    "tiny-mlm": {"form": "prompt", "query": "the quick [MASK] jumps"},
    "tiny-text": {"form": "prompt", "query": "rain falls because clouds"},
    "tiny-qa": {"form": "pair", "query": "what causes rain", "passages": "rain falls because clouds hold water"},
}
PARTS = {"tiny-mlm": ["Text"], "tiny-text": ["Text"], "tiny-qa": ["Question", "Context"]}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


@pytest.mark.parametrize("model", list(ASKED))
def test_explained_and_switched_off(golgi: Golgi, client: TestClient, model: str) -> None:
    form = client.get(f"/explain?model={model}").text
    assert all(f">{name}<" in form for name in PARTS[model])
    assert "predicts" in client.post("/explain/seen", data={**ASKED[model], "model": model}).text
    client.post("/explain", data={**ASKED[model], "model": model, "steps": "4"})
    golgi.worker.run_once()
    run = golgi.services.runs.get(1)
    assert run.state == RunState.DONE, run.error
    page = client.get("/runs/1").text
    assert all(re.search(rf"<h3>\s*{name}\s", page) for name in PARTS[model])
    assert run.plan["target"]["sentence"] in run_text(page)
    client.post("/runs/1/ablate", data={"size": "4", "rank": "top"})
    golgi.worker.run_once()
    assert golgi.services.runs.get(2).state == RunState.DONE and client.get("/runs/2").status_code == 200


def run_text(page: str) -> str:
    return page.replace("&#39;", "'")


@pytest.mark.parametrize(
    ("model", "sent", "says"),
    [
        ("tiny-mlm", {"query": "the quick fox"}, "one mask"),
        ("tiny-mlm", {"form": "pair", "passages": "a"}, "text alone"),
        ("tiny-qa", {"form": "prompt", "passages": ""}, "1 to 50 contexts"),
        ("tiny-qa", {"target": "pairwise", "passages": "a b"}, "two passages"),
        ("tiny-text", {"label": "7"}, "a label from 0 to 2"),
    ],
)
def test_what_a_model_does_not_take_comes_back_with_a_reason(
    client: TestClient, model: str, sent: dict[str, str], says: str
) -> None:
    answer = client.post("/explain", data={**ASKED[model], "model": model, "steps": "4", **sent})
    assert answer.status_code == 422 and says in answer.text
