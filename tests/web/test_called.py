"""A prompt never sees a query or a passage: forms, pages and errors call a text as its model's way of reading does."""

import html
import re

import pytest
from fastapi.testclient import TestClient

from app.domain.texts import called
from app.main import Golgi

PROMPT = {"model": "tiny-gpt2", "form": "prompt", "query": "rain falls on the", "steps": "4", "method": "nig"}
OTHER = re.compile(r"\bquer(?:y|ies)\b|\bpassages?\b", re.I)
COMMANDS = re.compile(r"golgi \w+ --.*")
"""The command line names its options after the question."""


def said(page: str) -> list[str]:
    """What a page's own text says of queries and passages; the tabs name every kind of input."""
    for part in (r"<script.*?</script>", r'<nav class="kinds-of-input.*?</nav>', r"<pre>.*?</pre>"):
        page = re.sub(part, " ", page, flags=re.S)
    attributes = " ".join(re.findall(r'(?:title|placeholder|aria-label|data-caption|data-title)="([^"]*)"', page))
    text = html.unescape(re.sub(r"<[^>]+>", " ", page)) + attributes
    return [text[max(0, hit.start() - 40) : hit.end() + 20] for hit in OTHER.finditer(COMMANDS.sub("", text))]


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def test_words_go_by_the_kind_of_input() -> None:
    assert called("pad query and passage", "query", "passage") == "pad query and passage"
    assert called("pad query and passage", "prompt", None) == "pad prompt"
    assert called("pad_query_and_passage", "question", "context") == "pad_question_and_context"
    assert called("pad query, pad passage", "question", "context") == "pad question, pad context"
    assert called("a query of mine", "prompt", None) == "a query of mine"


def test_a_prompt_sees_no_query_and_no_passage(golgi: Golgi, client: TestClient) -> None:
    assert said(client.get("/explain?form=prompt&reads=prompt").text) == []
    assert said(client.post("/explain", data={**PROMPT, "query": " "}).text) == []
    assert said(client.post("/explain", data={**PROMPT, "steps": "0"}).text) == []
    assert said(client.post("/explain/seen", data=PROMPT).text) == []
    client.post("/explain", data=PROMPT)
    golgi.worker.run_once()
    client.post("/runs/1/ablate", data={"size": "5"})
    golgi.worker.run_once()
    for path in ("/runs/1", "/runs/2", "/runs/1/layers/1", "/runs/1/panels/parts"):
        answer = client.get(path)
        assert answer.status_code == 200 and said(answer.text) == [], path
    assert said(client.post("/runs/1/ablate", data={"size": "5", "segments": "nonsense"}).text) == []
    about = dict(golgi.services.pages.run(1).about)
    assert about["prompt"] == PROMPT["query"] and "passages" not in about and "query" not in about


def test_a_question_has_a_context(golgi: Golgi, client: TestClient) -> None:
    asked = {"model": "tiny-qa", "query": "what falls", "passages": "rain falls", "steps": "4", "method": "nig"}
    page = client.get("/explain?form=pair&reads=question").text
    assert "pad question and context" in page and "pad query" not in page
    client.post("/explain", data=asked)
    golgi.worker.run_once()
    about = dict(golgi.services.pages.run(1).about)
    assert about["question"] == "what falls" and about["contexts"] == "rain falls"
