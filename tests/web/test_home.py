"""The first page shows a recorded result before anything is clicked, and never an old one."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tiny import save_tiny

from app.data.demo import RECORDINGS
from app.main import Golgi, build
from app.settings import Settings

FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls"}


@pytest.fixture(scope="module")
def golgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """A ranking first, then the demo pair and its ablation, so that these are not runs 1 and 2."""
    room = tmp_path_factory.mktemp("home")
    (room / "recorded").mkdir()
    for at, name in enumerate(("03-explain", "01-explain", "02-ablate")):
        shutil.copy(RECORDINGS / f"{name}.zip", room / "recorded" / f"{at}.zip")
    save_tiny(room / "models" / "tiny-bert")
    settings = Settings(data_dir=room / "data", models_dir=room / "models", offline=True, device="cpu")
    found = build(settings, recorded=room / "recorded")
    yield found
    found.db.close()


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def test_a_result_is_drawn_before_anything_is_clicked(golgi: Golgi, client: TestClient) -> None:
    shown = golgi.services.home.view().shown
    assert shown is not None and shown.ids == (2, 3)
    page = client.get("/").text
    first = page[page.index('class="panel shown"') : page.index('aria-labelledby="try"')]
    assert shown.found.report.sentences[0] in first and shown.off.report.sentences[0] in first
    item = shown.found.report.view.items[0]
    assert (
        first.count("<mark")
        == sum(word.score is not None for part in ("query", "passage") for word in item.words[part]) + 2
    )
    best = shown.found.report.view.top[0]
    assert f">{best.id.split('.')[-1]}</text>" in first and first.count("<circle") > 20
    assert len(re.findall(r'href="/runs/2["#]', first)) >= 3 and 'href="/runs/3"' in first


def test_what_is_drawn_stands_on_no_other_card(client: TestClient) -> None:
    page = client.get("/").text
    cards = re.findall(r'<a class="card" href="/runs/(\d+)"', page)
    assert "1" in cards and not {"2", "3"} & set(cards)


def test_the_pair_runs_at_once_or_is_changed_first(client: TestClient) -> None:
    page = client.get("/").text
    form = page[page.index('<form method="post" action="/explain"') : page.index("Change it first")]
    assert 'formaction="/explain/form"' in form
    typed = client.post("/explain/form", data={**FORM, "query": "words that I typed"})
    assert typed.status_code == 200 and "words that I typed" in typed.text
    sent = client.post("/explain", data=FORM)
    assert sent.status_code == 303 and sent.headers["location"].endswith("/runs/4")


def test_the_page_is_kept_and_never_stale(golgi: Golgi, client: TestClient, tmp_path: Path) -> None:
    first = client.get("/")
    again = client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    save_tiny(golgi.settings.models_dir / "tiny-other")
    there = client.get("/")
    assert there.headers["etag"] != first.headers["etag"] and "tiny-other" in there.text
    client.post("/runs/3/delete")
    gone = client.get("/").text
    assert 'href="/runs/3"' not in gone and "No recorded result" in gone and '<a class="card" href="/runs/2"' in gone
    client.post("/runs/3/restore")
    assert "No recorded result" not in client.get("/").text
