"""A finished run's page is built once, told from memory, and never told stale."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi, build
from app.settings import Settings
from app.store.db import Database
from app.store.runs import Runs
from app.web.app import create_app
from app.web.kept import Page, Shelf

FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "6", "method": "nig"}
PARTS = (
    "/runs/1",
    "/runs/1.json",
    "/runs/1?part=query",
    "/runs/3",
    "/runs/1/figures/profile.csv",
    "/runs/1/layers/0",
    "/runs/1/panels/parts",
    "/compare?run=1&run=2",
    "/cross",
)


def filled(golgi: Golgi) -> TestClient:
    """Runs 1 and 2 explain a pair each, run 3 ablates run 1."""
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data=FORM)
    client.post("/explain", data={**FORM, "query": "what causes snow"})
    work(golgi)
    client.post("/runs/1/ablate", data={"size": "5"})
    work(golgi)
    return client


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    """An instance that a test may change."""
    return filled(golgi)


@pytest.fixture(scope="module")
def still(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """A filled instance that tests only look at."""
    data = tmp_path_factory.mktemp("still")
    golgi = build(Settings(data_dir=data, models_dir=models_dir, offline=True, device="cpu"), recorded=None)
    filled(golgi)
    yield golgi
    golgi.db.close()


def tag(client: TestClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, path
    return answer.headers["etag"]


@pytest.mark.parametrize("path", PARTS)
def test_who_has_a_page_is_not_told_it_again(still: Golgi, path: str) -> None:
    client = TestClient(still.app())
    first = client.get(path)
    again = client.get(path)
    assert again.content == first.content and again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-type"] == first.headers["content-type"]
    have = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert have.status_code == 304 and not have.content
    assert have.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"
    assert have.headers["vary"] == first.headers["vary"]
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert plain.content == first.content and "content-encoding" not in plain.headers


def test_kept_pages_are_the_pages_that_are_built(still: Golgi, tmp_path: Path) -> None:
    client, bare = (
        TestClient(still.app()),
        TestClient(create_app(still.services, Settings(data_dir=tmp_path, kept_pages_mb=0))),
    )
    for path in PARTS:
        client.get(path)
        assert client.get(path).content == bare.get(path).content, path
        assert bare.get(path, headers={"if-none-match": tag(bare, path)}).status_code == 304


def test_a_kept_page_is_not_built_again(still: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(still.app())
    client.get("/runs/1")
    monkeypatch.setattr(still.services.pages, "run", lambda *_: pytest.fail("built again"))
    assert client.get("/runs/1").status_code == 200


CHANGES: dict[str, Callable[[TestClient], object]] = {
    "renamed": lambda client: client.post("/runs/1/edit", data={"title": "rain, renamed", "note": ""}),
    "noted": lambda client: client.post("/runs/1/edit", data={"title": "", "note": "a note"}),
    "pinned": lambda client: client.post("/runs/1/pin"),
    "deleted": lambda client: client.post("/runs/1/delete"),
    "used by another run": lambda client: client.post("/runs/1/ablate", data={"size": "7"}),
    "its ablation renamed": lambda client: client.post("/runs/3/edit", data={"title": "the ablation"}),
    "its ablation deleted": lambda client: client.post("/runs/3/delete"),
    "a job waits": lambda client: client.post("/explain", data={**FORM, "query": "another"}),
}


def test_whatever_the_page_shows_makes_it_anew(client: TestClient) -> None:
    before = client.get("/runs/1")
    for change, make in CHANGES.items():
        make(client)
        after = client.get("/runs/1", headers={"if-none-match": before.headers["etag"]})
        assert after.status_code == 200 and after.content != before.content, change
        before = after


def test_what_another_process_writes_is_seen(golgi: Golgi, client: TestClient) -> None:
    before = tag(client, "/runs/1")
    assert tag(client, "/runs/1") == before
    other = Database(golgi.settings.url)
    Runs(other).change(1, title="written elsewhere")
    other.close()
    assert tag(client, "/runs/1") != before and "written elsewhere" in client.get("/runs/1").text
    compared = tag(client, "/compare?run=1&run=2")
    Runs(golgi.db).change(2, title="another title")
    assert tag(client, "/compare?run=1&run=2") != compared


def test_progress_of_other_runs_does_not_make_pages_anew(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**FORM, "query": "another"})
    before = tag(client, "/runs/1")
    job = golgi.services.jobs.open()[0]
    golgi.services.jobs.log(job.id, "still at it")
    assert tag(client, "/runs/1") == before


def test_a_moving_run_is_never_kept(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**FORM, "query": "another"})
    assert "etag" not in client.get("/runs/4").headers
    work(golgi)
    assert "etag" in client.get("/runs/4").headers


def test_pieces_for_htmx_are_other_pages(still: Golgi) -> None:
    client = TestClient(still.app())
    assert tag(client, "/runs/1") != tag(client, "/runs/1", **{"hx-request": "true"})
    assert "<nav" not in client.get("/runs/1", headers={"hx-request": "true"}).text.partition("<main")[0]


def test_another_process_tells_other_tags(still: Golgi) -> None:
    older, newer = TestClient(still.app()), TestClient(still.app())
    assert newer.get("/runs/1", headers={"if-none-match": tag(older, "/runs/1")}).status_code == 200


def page(size: int) -> Page:
    return Page(b"x" * size, "text/html", {})


def test_the_shelf_is_bounded() -> None:
    shelf = Shelf(100)
    for number in range(10):
        shelf.page(str(number), lambda: page(20))
        shelf.page("0", lambda: pytest.fail("thrown out though it is asked for"))
    assert shelf.held == 100
    shelf.page("too large", lambda: page(26))
    assert shelf.held == 100
    with pytest.raises(ValueError, match="broken"):
        shelf.page("broken", broken)
    assert shelf.page("broken", lambda: page(1)).packed == b"x"


def broken() -> Page:
    raise ValueError("broken")


def test_many_who_ask_at_once_wait_for_one() -> None:
    shelf, built = Shelf(100), []

    def build() -> Page:
        time.sleep(0.05)
        built.append(1)
        return page(10)

    threads = [threading.Thread(target=shelf.page, args=("a", build)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
