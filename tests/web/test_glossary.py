"""Words are explained where they stand, and all together on the help page."""

import re

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi
from app.web.glossary import GLOSSARY
from app.web.page import FRONTEND

USED = re.compile(r"m\.word\('(\w+)'")


def test_every_word_that_is_used_is_in_the_glossary() -> None:
    used = {key for path in FRONTEND.rglob("*.html") for key in USED.findall(path.read_text(encoding="utf-8"))}
    assert len(used) >= 10 and used <= set(GLOSSARY)
    assert {"neuron", "head"} <= set(GLOSSARY), "a run names its units by one of them"


def test_an_explanation_says_more_than_the_word() -> None:
    for key, term in GLOSSARY.items():
        assert len(term.text.split()) > 10 and term.text.endswith("."), key


def test_the_help_page_lists_all(golgi: Golgi) -> None:
    page = TestClient(golgi.app()).get("/help").text
    for key, term in GLOSSARY.items():
        assert page.count(f'id="word-{key}"') == 1 and term.text.split(".")[0].replace("'", "&#39;") in page


def test_a_word_on_a_page_leads_to_its_place_without_a_script(golgi: Golgi) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data={"model": "tiny-bert", "query": "rain", "passages": "rain falls", "steps": "4"})
    golgi.worker.run_once()
    page = client.get("/runs/1").text
    links = dict(re.findall(r'<a class="word" href="(/help#word-\w+)" title="([^"]+)"', page))
    assert "/help#word-remainder" in links and "unexplained" in links["/help#word-remainder"]


@pytest.mark.parametrize("name", ["glossary.js"])
def test_the_script_writes_text_and_never_markup(name: str) -> None:
    assert "innerHTML" not in (FRONTEND / "static" / name).read_text(encoding="utf-8")


def test_no_explanation_is_torn() -> None:
    assert [key for key, term in GLOSSARY.items() if re.search(r"\w- |  ", term.text)] == []
