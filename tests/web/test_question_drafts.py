"""Queries by hand: typed, changed, looked at, stored; what was typed survives every fault."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.data.question_prompts import made
from app.domain.question_drafts import draft_of
from app.main import Golgi

TYPED: dict[str, Any] = {
    "name": "mine",
    "base": "",
    "seed": "3",
    "n": ["0", "1"],
    "key-0": "france",
    "domain-0": "capital",
    "prompt-0": ["The capital of France is", "France has the capital", ""],
    "target-0": ["Paris", " Paris ", ""],
    "key-1": "",
    "domain-1": "letters",
    "choices-1": "1",
    "question-1": "What causes rain?",
    "option-1": ["clouds", "dogs", "foxes", "plains"],
    "right-1": "0",
}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def test_a_form_is_stored_as_a_set(client: TestClient, golgi: Golgi) -> None:
    assert 'href="/questions/new"' in client.get("/questions").text
    sent = client.post("/questions/new", data={**TYPED, "do": "save"})
    assert sent.headers["location"] == "/questions/mine", sent.text
    stored = golgi.worker.questions.question_set("mine")
    france, rain = golgi.worker.questions.queries(stored.id)
    assert [(w.prompt, w.target) for w in france.wordings] == [
        ("The capital of France is", "Paris"),
        ("France has the capital", "Paris"),
    ]
    options = ("clouds", "dogs", "foxes", "plains")
    assert rain.key == "q1" and rain.answer == "clouds"
    assert rain.wordings == made("q1", "What causes rain?", options, 0, 3)
    assert stored.source == "made by hand" and stored.report["layout"] == "by hand" and stored.report["seed"] == 3
    page = client.get("/questions/mine").text
    assert "layout by hand" in page and "/questions/new?base=mine" in page


def test_buttons_add_and_remove_and_nothing_typed_is_lost(client: TestClient) -> None:
    page = client.post("/questions/new", data={**TYPED, "do": "add-wording:0"}).text
    assert page.count('name="prompt-0"') == 4 and "The capital of France is" in page
    assert client.post("/questions/new", data={**TYPED, "do": "drop-wording:0:2"}).text.count('name="prompt-0"') == 2
    assert client.post("/questions/new", data={**TYPED, "do": "add"}).text.count('name="n"') == 3
    assert client.post("/questions/new", data={**TYPED, "do": "add-choice"}).text.count('name="option-2"') == 4
    dropped = client.post("/questions/new", data={**TYPED, "do": "drop:0"}).text
    assert "The capital of France is" not in dropped and "What causes rain?" in dropped
    for strange in ("drop:9", "drop-wording:0", "else", "drop:x", "add-wording:²"):
        answer = client.post("/questions/new", data={**TYPED, "do": strange})
        assert answer.status_code == 422 and "The capital of France is" in answer.text


def test_a_look_tells_what_imports_tell(client: TestClient) -> None:
    page = client.post("/questions/new", data={**TYPED, "prompt-0": ["A ", "", ""], "target-0": ["b", "", ""]}).text
    assert "a prompt that ends with a blank" in page and "queries with one wording" in page
    assert "2 queries read, 2 kept" in page and client.get("/questions.json").json()["sets"] == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "a b"}, "1 to 100 letters"),
        ({"name": "new"}, "another name than"),
        ({"seed": "many"}, "Seed"),
        ({"target-0": ["Paris", "", ""]}, "a target in every wording"),
        ({"prompt-0": ["The capital of France is", "", ""]}, "a prompt in every wording"),
        ({"option-1": ["clouds", "dogs", "clouds ", "plains"]}, "four different options"),
        ({"option-1": ["clouds", "dogs", "", "plains"]}, "option C empty"),
        ({"right-1": "7"}, "the right option, one of A, B, C, D"),
        ({"question-1": " "}, "a question"),
        ({"key-1": "france"}, "a key that no other query has"),
        ({"key-1": "k" * 201}, "at most 200 characters"),
        ({"domain-0": "zero\0"}, "a zero character"),
        ({"base": "absent"}, "a stored question set"),
        ({"n": []}, "at least one query"),
    ],
)
def test_a_fault_is_told_and_what_was_typed_stays(client: TestClient, values: dict[str, Any], says: str) -> None:
    answer = client.post("/questions/new", data={**TYPED, "do": "save", **values})
    assert 400 <= answer.status_code < 500 and says in answer.text and "Traceback" not in answer.text
    assert "n" in values or ("The capital of France is" in answer.text and "plains" in answer.text)
    assert client.get("/questions.json").json()["sets"] == []


def test_queries_are_added_to_a_set_as_a_new_one(client: TestClient, golgi: Golgi) -> None:
    client.post("/questions/new", data={**TYPED, "do": "save"})
    form = client.get("/questions/new?base=mine").text
    assert 'value="mine-more"' in form and '<option value="mine" selected>' in form
    more = {"base": "mine", "n": ["0"], "prompt-0": ["Two and two are"], "target-0": ["four"]}
    assert client.post("/questions/new", data={**more, "name": "mine", "do": "save"}).status_code == 409
    assert client.post("/questions/new", data={**more, "name": "mine-more", "do": "save"}).status_code == 303
    old, new = (golgi.worker.questions.question_set(name) for name in ("mine", "mine-more"))
    assert (old.queries, new.queries) == (2, 3) and old.hash != new.hash
    assert golgi.worker.questions.queries(new.id)[:2] == golgi.worker.questions.queries(old.id)
    assert golgi.worker.questions.queries(new.id)[2].key == "q2"
    assert client.get("/questions/new?base=absent").status_code == 404


def test_a_draft_has_an_end() -> None:
    draft = draft_of({"n": [str(number) for number in range(500)]})
    assert len(draft.queries) == 100 == len(draft.with_query(False).queries)
    assert len(draft_of({"n": ["0"], "prompt-0": ["x"] * 99, "target-0": ["y"] * 99}).queries[0].wordings) == 20
