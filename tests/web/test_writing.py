"""Free text with scaled neurons, by page and form."""

from pathlib import Path

import pytest
from asking import search
from fastapi.testclient import TestClient

from app.domain.runs import Lane
from app.kinds.writing import KIND
from app.kinds.writing.ask import texts_of
from app.kinds.writing.question import NEUTRAL, WritingQuestion
from app.main import Golgi

ASKED = {"prompts": "what causes rain in spain", "golds": "because clouds hold water", "whose": "first", "seeds": "2"}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


def test_a_text_by_hand_and_queries_of_a_search_have_pages(client: TestClient, golgi: Golgi, tmp_path: Path) -> None:
    number = search(golgi, tmp_path)
    assert "What do they do to free text?" in client.get(f"/runs/{number}").text
    form = client.get(f"/writing?run={number}").text
    assert '<textarea id="f-prompts"' in form and "Whose neurons" in form
    values = {"run": str(number), "neutral": "the quick brown fox", "max_new": "3", "blank": "space", "flags": "1"}
    sent = client.post("/writing", data={**values, **ASKED}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    golgi.worker.run_once()
    page = client.get(sent.headers["location"] + "?factor=2.0").text
    assert "Multiplying the neurons of first by 2 changes the mean log probability" in page and "ROUGE-L" in page
    assert page.count("<mark") >= 4 and "random neurons" in page
    run = int(sent.headers["location"].rsplit("/", 1)[1])
    assert client.get(f"/runs/{run}/figures/dose.csv").status_code == 200
    rows = client.get(f"/runs/{run}/export/csv").text.splitlines()
    assert rows[0].startswith("text,query,domain,prompt,gold,set,seed,factor,F,perplexity,written")
    assert len(rows) == 1 + 1 + 2 * 3
    assert golgi.services.pages.run(run).command.startswith("golgi writing ")
    whole = golgi.services.requests.start("writing", {"source": str(number), "seeds": 1, "max_new": 2})
    golgi.worker.run_once()
    page = client.get(f"/runs/{whole.id}").text
    assert "over 6 texts" in page and "each query’s own" in page.replace("&#39;", "’").replace("'", "’")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"golds": ""}, "one gold answer for each prompt"),
        ({"whose": "own"}, "the name of a domain (first, second)"),
        ({"whose": "nobody"}, "the name of a domain (first, second)"),
        ({"factors": "none"}, "at least one factor"),
        ({"every": "2"}, "tokens behind the prompt"),
        ({"run": "999"}, "stored run"),
        ({"run": ""}, "a search for query-relevant neurons"),
    ],
)
def test_what_is_wrong_is_told(
    client: TestClient, golgi: Golgi, tmp_path: Path, values: dict[str, str], says: str
) -> None:
    number = search(golgi, tmp_path)
    sent = client.post("/writing", data={"run": str(number), "flags": "1", **ASKED, **values})
    assert 400 <= sent.status_code < 500 and says in sent.text, sent.text[:500]
    if "golds" not in values:
        assert "because clouds hold water" in sent.text


def test_one_text_does_not_wait_for_batches() -> None:
    assert KIND.lane_of(WritingQuestion(prompts=("a",), golds=("b",))) is Lane.INTERACTIVE
    assert KIND.lane_of(WritingQuestion()) is Lane.BATCH and len(NEUTRAL.split()) > 40


def test_texts_stand_between_lines_of_dashes() -> None:
    assert texts_of("one\r\ntwo\n---\n\nthree ") == ["one\ntwo", "three "]
    assert texts_of(" \n") == [] and texts_of("a\n---\n") == ["a", ""]
