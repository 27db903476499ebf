"""What a model would write: its page, its command, its API, and the picker of the form of an explanation."""

import re

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi

ASKED = {"model": "tiny-gpt2", "query": "what causes the\n---\nwhat causes ", "token": "rain\nseaside"}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


def test_it_has_a_page_with_all_that_is_doubtful(client: TestClient, golgi: Golgi) -> None:
    sent = client.post("/writes", data=ASKED, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    moving = client.get("/runs/1").text
    assert "Asking tiny-gpt2" in moving and 'data-poll="300"' in moving
    golgi.worker.run_once()
    page = client.get("/runs/1").text
    assert "The 10 likeliest next tokens" in page and "Prompt 2 ends with a blank" in page
    assert "is not one token behind prompt 1" in page and 'data-poll="300"' not in page
    told = client.get("/runs/1.json").json()["writes"]
    assert [line["number"] for line in told["prompts"]] == [1, 2] and len(told["prompts"][0]["likeliest"]) == 10
    rows = client.get("/runs/1/export/csv").text.splitlines()
    assert rows[0] == "prompt,what,rank,text,blank,ids,tokens,probability,taken" and len(rows) == 1 + 2 * (10 + 4)
    assert golgi.services.pages.run(1).command.startswith("golgi writes ")
    body = {"model": "tiny-gpt2", "prompts": ["what causes the", "what causes "], "answers": ["rain", "seaside"]}
    assert client.post("/api/v1/writes", json=body).json()["id"] == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"query": " "}, "at least one prompt"),
        ({"token": "rain\n rain"}, "each answer once"),
        ({"model": "tiny-bert"}, "a model that predicts a token of a text"),
        ({"model": "absent"}, "Expected"),
    ],
)
def test_wrong_questions_are_told_and_keep_their_text(client: TestClient, values: dict[str, str], says: str) -> None:
    asked = {**ASKED, "query": "what causes the", **values}
    sent = client.post("/writes", data=asked)
    assert 400 <= sent.status_code < 500 and says in sent.text and "rain" in sent.text
    inside = client.post("/writes", data=asked, headers={"hx-request": "true"}).text
    assert says in re.split('id="written"', inside)[1].split("</div>")[0]


def test_a_masked_model_is_asked_for_its_mask(client: TestClient, golgi: Golgi) -> None:
    client.post("/writes", data={"model": "tiny-mlm", "query": "what causes [MASK] in spain", "token": "rain"})
    golgi.worker.run_once()
    assert "in place of the mask" in client.get("/runs/1").text
    missing = client.post("/writes", data={"model": "tiny-mlm", "query": "what causes"})
    assert missing.status_code == 422 and "one mask" in missing.text


def test_the_form_of_an_explanation_asks_in_place(client: TestClient, golgi: Golgi) -> None:
    form = client.get("/explain?model=tiny-gpt2").text
    assert 'formaction="/writes"' in form and 'data-target="alone"' in form
    assert 'formaction="/writes"' not in client.get("/explain?model=tiny-bert").text
    fields = {"model": "tiny-gpt2", "form": "prompt", "query": "what causes the", "method": "nig", "steps": "4"}
    sent = client.post("/writes", data={**fields, "token": "", "passages": ""}, headers={"hx-request": "true"})
    assert sent.status_code == 200 and 'id="written"' in sent.text and "<header" not in sent.text
    golgi.worker.run_once()
    shown = client.get("/runs/1", headers={"hx-request": "true"}).text
    assert 0 < shown.count("data-pick ") <= 10


def test_tokens_of_an_answer_are_told_before_it_is_sent(client: TestClient) -> None:
    fields = {"model": "tiny-gpt2", "form": "prompt", "query": "what causes the", "steps": "4", "token": "rain"}
    told = client.post("/explain/seen", data=fields).text
    assert "with a blank in front" in told and '"rain"' in told
    assert "without a blank in front" in told and "Behind this prompt it is" in told
