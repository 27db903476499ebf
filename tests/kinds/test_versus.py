"""Why one passage beats another: ticked in a list, explained together, told in a sentence."""

import html
import re
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import Golgi

QUERY = "what causes rain"
LIST = ["rain falls because clouds", "the lazy dog\nsleeps", "clouds gather over the sea"]
RANKING = {"model": "tiny-bert", "query": QUERY, "form": "ranking", "passages": "\n---\n".join(LIST), "steps": "6"}


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def asked(page: str, form: str) -> dict[str, Any]:
    """The hidden fields of a form of a page."""
    (body,) = re.findall(rf'<form id="{form}".*?</form>', page, re.S)
    found = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', body, re.S)
    return {name: html.unescape(value) for name, value in found}


def boxes(page: str) -> list[tuple[str, bool]]:
    """Texts that can be ticked, and whether they are."""
    found = re.findall(r'<input type="checkbox" form="against" name="passages" value="(.*?)".*?>', page, re.S)
    ticks = [" checked" in box for box in re.findall(r'<input type="checkbox" form="against".*?>', page, re.S)]
    return [(html.unescape(text), tick) for text, tick in zip(found, ticks, strict=True)]


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    """A ranking of three passages, done."""
    client = TestClient(golgi.app(), follow_redirects=False)
    assert client.post("/explain", data=RANKING).status_code == 303
    work(golgi)
    return client


def test_two_ticked_passages_of_a_ranking_are_set_against_each_other(golgi: Golgi, client: TestClient) -> None:
    page = client.get("/runs/1").text
    texts = boxes(page)
    assert sorted(text for text, _ in texts) == sorted(LIST) and [tick for _, tick in texts] == [True, False, False]
    sent = client.post("/explain", data={**asked(page, "against"), "passages": [texts[0][0], texts[2][0]]})
    assert sent.headers["location"].endswith("/runs/2")
    work(golgi)
    run = golgi.services.runs.get(2)
    first = golgi.services.runs.get(1).spec.settings
    assert run.spec.settings["target"]["name"] == "pairwise"
    assert run.spec.settings["passages"] == [texts[0][0], texts[2][0]]
    assert all(run.spec.settings[name] == first[name] for name in ("query", "method", "params", "max_length"))


def test_the_sentence_says_what_the_numbers_are(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**asked(client.get("/runs/1").text, "against"), "passages": LIST[:2]})
    work(golgi)
    report: Any = golgi.services.pages.report(2)
    versus = report.view.versus
    rows = {row.item: row for row in golgi.worker.results.items(2)}
    margin = rows[0].values["score"] - rows[1].values["score"]
    assert versus.margin == pytest.approx(margin)
    assert versus.probability == pytest.approx(1 / (1 + np.exp(-margin)), rel=1e-4)
    for side, row in zip(versus.sides, rows.values(), strict=True):
        assert side.through == pytest.approx(sum(token["score"] for token in row.tokens), abs=1e-6)
    change = rows[0].values["target"] - rows[0].values["baseline"]
    together = sum(side.through for side in versus.sides)
    assert together == pytest.approx(change, rel=0.05)
    assert f"beats “{'the lazy dog sleeps' if margin > 0 else LIST[0]}” by {abs(margin):.3g} logits" in versus.sentence
    way = 1 if margin > 0 else -1
    assert versus.carriers and all(one.score * way > 0 for one in versus.carriers)
    slow: dict[tuple[str, str], float] = {}
    for name, row in zip(("first", "second"), rows.values(), strict=True):
        texts = {"query": QUERY, "passage": LIST[row.item]}
        words: dict[tuple[str, int], list[Any]] = {}
        for token in row.tokens:
            if token["segment"] in texts:
                words.setdefault((token["segment"], token["word"]), []).append(token)
        for (segment, _), pieces in words.items():
            text = texts[segment][pieces[0]["start"] : pieces[-1]["end"]].casefold()
            key = ("query" if segment == "query" else name, text)
            slow[key] = slow.get(key, 0.0) + sum(token["score"] for token in pieces)
    speaking = {key: score for key, score in slow.items() if score * way > 0}
    for one in versus.carriers:
        assert one.score == pytest.approx(speaking[one.side, one.text.casefold()])
        assert one.share == pytest.approx(one.score / sum(speaking.values()))
    assert abs(versus.carriers[0].score) == pytest.approx(max(map(abs, speaking.values())))
    assert versus.pulls[1] == pytest.approx(sum(slow.values()) - sum(speaking.values()))


def test_both_texts_stand_side_by_side_on_one_scale(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**asked(client.get("/runs/1").text, "against"), "passages": LIST[:2]})
    work(golgi)
    page = client.get("/runs/2")
    assert page.status_code == 200 and 'id="versus"' in page.text and page.text.count('class="tokens"') == 4
    assert "first passage" in page.text and not boxes(page.text)
    report: Any = golgi.services.pages.report(2)
    words = [word for item in report.view.items for part in item.words.values() for word in part if word.score]
    scale = {round(word.strength / abs(word.score), 6) for word in words if word.strength > 0}
    assert len(scale) == 1 and max(word.strength for word in words) == pytest.approx(1)
    assert set(report.view.top[0].parts) >= {"first passage", "second passage"}
    for line in report.view.top:
        assert line.parts["first passage"] + line.parts["second passage"] == pytest.approx(line.score, abs=1e-6)


@pytest.mark.parametrize("texts", [LIST[:1], LIST])
def test_other_than_two_come_back_with_their_texts(client: TestClient, texts: list[str]) -> None:
    refused = client.post("/explain", data={**asked(client.get("/runs/1").text, "against"), "passages": texts})
    assert refused.status_code == 422 and "two passages for the target" in refused.text
    assert f"Found {len(texts)}." in refused.text
    assert all(html.escape(text) in refused.text for text in texts), "nothing that was sent is lost"


def test_a_query_of_a_dataset_asks_the_same(golgi: Golgi) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/datasets/demo")
    work(golgi)
    data = golgi.services.datasets.store
    key = data.query_keys(data.named("liveqa_med").id)[0]
    page = client.get(f"/datasets/liveqa_med/queries/{key}").text
    texts = [text for text, _ in boxes(page)]
    assert len(texts) > 10 and "Explain this list of 10" in page
    sent = client.post(
        "/explain", data={**asked(page, "against"), "passages": texts[:2], "model": "tiny-bert", "steps": "2"}
    )
    assert sent.status_code == 303 and golgi.services.runs.get(1).spec.settings["target"]["name"] == "pairwise"
    assert golgi.services.runs.get(1).spec.settings["passages"] == texts[:2], "as they stand"
    listed = re.findall(r'<input type="hidden" name="passages" value="(.*?)">', page, re.S)
    assert [html.unescape(text) for text in listed] == texts[:10]
