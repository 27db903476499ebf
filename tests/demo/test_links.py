"""Every kind of link on the pages of a fresh copy leads somewhere that understands it."""

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient

from app.main import build
from app.settings import Settings

EACH = 3
"""Visits of one kind of address: numbers and neurons put aside, the names of its parameters kept."""


class Links(HTMLParser):
    """Addresses of a page's links and of what it asks for by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src", "hx-get") and value]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    golgi = build(Settings(data_dir=tmp_path_factory.mktemp("links"), offline=True, device="cpu"))
    yield TestClient(golgi.app(), base_url="http://127.0.0.1")
    golgi.db.close()


def kind_of(url: str) -> tuple[str, tuple[str, ...]]:
    parts = urlsplit(url)
    return re.sub(r"\d+|[0-9a-f]{16}", "N", parts.path), tuple(sorted({key for key, _ in parse_qsl(parts.query)}))


def test_every_kind_of_link_leads_somewhere(client: TestClient) -> None:
    waiting, seen, kinds, twins = ["/"], {"/"}, Counter[tuple[str, tuple[str, ...]]](), 0
    while waiting:
        here = waiting.pop()
        if kinds[kind_of(here)] >= EACH:
            continue
        kinds[kind_of(here)] += 1
        answer = client.get(here)
        assert answer.status_code == 200, here
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        assert "Not used on this page" not in answer.text, here
        path, _, query = here.partition("?")
        twin = client.get(f"{path.rstrip('/')}.json?{query}")
        twins += twin.status_code == 200
        assert twin.status_code in (200, 404), (here, twin.text)
        for link in Links(answer.text).found:
            url = urlsplit(urljoin(here, link))
            target = url.path + (f"?{url.query}" if url.query else "")
            if not url.netloc and not url.scheme and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert len(kinds) > 80 and twins > 30


def test_a_measure_that_no_query_has_is_not_offered(client: TestClient) -> None:
    """SciFact and XQuAD judge relevant passages only, so nothing is known of the others."""
    studies = {run["title"]: run for run in client.get("/runs.json?kind=study").json()["runs"]}
    without = next(run for title, run in studies.items() if title.startswith("scifact"))
    assert "p_other" in without["facts"]["measures"]
    assert "measure=p_other" not in client.get(f"/runs/{without['id']}").text
    assert client.get(f"/runs/{without['id']}?measure=p_other").status_code == 404
    cells = client.get("/cross.json?measure=p_other").json()["cells"]
    assert {column for _, column, _, _ in cells} == {"selqa", "tatqa", "liveqa_med"}


def test_the_study_leads_to_all_its_rankings(client: TestClient) -> None:
    links = [link for link in Links(client.get("/study/demo").text).found if link.startswith("/compare?")]
    assert len(links) == 1
    assert [key for key, _ in parse_qsl(urlsplit(links[0]).query)] == ["run"] * 5
