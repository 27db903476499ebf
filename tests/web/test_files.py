"""Answers travel packed; the program's own files are named by what they hold and kept for ever."""

import gzip
import re
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from app.main import Golgi
from app.web.files import FOREVER, Files
from app.web.page import FRONTEND

NONE = {"accept-encoding": "identity"}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def sent(client: TestClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they travelled."""
    with client.stream("GET", path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", ["/", "/api/v1/openapi.json", "/static/plotly.min.js", "/static/app.css"])
def test_answers_travel_packed_and_are_the_same(client: TestClient, path: str) -> None:
    plain, whole = sent(client, path, **NONE)
    packed, body = sent(client, path, **{"accept-encoding": "gzip, deflate, br"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == whole and len(body) < 0.5 * len(whole)
    assert int(packed.headers["content-length"]) == len(body)
    assert "accept-encoding" in packed.headers["vary"].lower()
    tag = plain.headers.get("etag", "W/")
    assert tag.startswith("W/") or tag != packed.headers["etag"], "a weak one may stand for both"


def test_small_answers_and_packed_ones_are_left_alone(client: TestClient) -> None:
    answer, body = sent(client, "/pill", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers and body.strip().endswith(b"</a>")


def test_files_are_named_by_what_they_hold(client: TestClient) -> None:
    page = client.get("/compare").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) > 5 and any("plotly" in address for address in addresses)
    for address in addresses:
        answer = client.get(address)
        assert answer.headers["cache-control"] == FOREVER, address
        again = client.get(address.partition("?")[0], headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content, address
    assert client.get("/static/app.css?v=0123456789abcdef").headers["cache-control"] == "public, no-cache"


def test_a_changed_file_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a")
    files = Files(tmp_path)
    before = files.digest("a.css")
    (tmp_path / "a.css").write_text("bb")
    assert files.digest("a.css") != before


def test_every_file_has_the_type_that_browsers_run(client: TestClient) -> None:
    types = {".js": "javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for path in (FRONTEND / "static").iterdir():
        if path.suffix in types:
            assert types[path.suffix] in client.get(f"/static/{path.name}").headers["content-type"], path
