"""The door itself: tokens, cookies, HEAD, and who may keep an answer."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from walk import all_routes

from app.main import Golgi
from app.settings import Settings
from app.web.app import create_app
from app.web.tokens import FREE, LONGEST_WAIT, Patience, client_of, same

HTML = {"accept": "text/html"}


def locked(golgi: Golgi, tmp_path: Path, base: str = "http://testserver", **more: str) -> TestClient:
    app = create_app(golgi.services, Settings(token="secret", data_dir=tmp_path, **more))
    return TestClient(app, base_url=base, follow_redirects=False)


def test_the_token_is_not_taken_from_an_address(golgi: Golgi, tmp_path: Path) -> None:
    client = locked(golgi, tmp_path)
    answer = client.get("/sign-in?token=secret", headers=HTML)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers and "<code>token</code>" in answer.text
    assert client.get("/runs.json?token=secret").status_code == 401


@pytest.mark.parametrize(
    ("base", "trusted", "proto", "secure"),
    [
        ("http://testserver", "", "", False),
        ("https://testserver", "", "", True),
        ("http://testserver", "127.0.0.1", "https", False),
        ("http://testserver", "testclient", "https", True),
        ("http://testserver", "127.0.0.1, testclient", "https", True),
        ("https://testserver", "testclient", "http", False),
    ],
)
def test_the_cookie_is_secure_behind_tls(
    golgi: Golgi, tmp_path: Path, base: str, trusted: str, proto: str, secure: bool
) -> None:
    client = locked(golgi, tmp_path, base, trusted_proxies=trusted)
    answer = client.post("/sign-in", data={"token": "secret"}, headers={"X-Forwarded-Proto": proto} if proto else {})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie
    assert ("secure" in cookie.replace("golgi-token=secret", "")) == secure


def test_wrong_tokens_are_slowed_down(golgi: Golgi, tmp_path: Path) -> None:
    client = locked(golgi, tmp_path)
    seen = [client.post("/sign-in", data={"token": f"guess {n}"}, headers=HTML) for n in range(FREE + 2)]
    assert [answer.status_code for answer in seen] == [403] * FREE + [429] * 2
    late = seen[-1]
    assert int(late.headers["retry-after"]) >= 1 and "another try after 1 s" in late.text
    assert client.get("/runs.json", headers={"authorization": "Bearer secret"}).status_code == 429
    assert client.get("/sign-in").status_code == client.get("/healthz").status_code == 200
    other = {"X-Forwarded-For": "203.0.113.7"}
    near = locked(golgi, tmp_path, trusted_proxies="testclient")
    guesses = [near.get("/runs.json", headers={**other, "authorization": f"Bearer {n}"}) for n in range(FREE + 1)]
    assert [answer.status_code for answer in guesses] == [401] * FREE + [429]
    assert near.get("/runs.json", headers={"authorization": "Bearer secret"}).status_code == 200


def test_an_old_cookie_locks_nobody_out(golgi: Golgi, tmp_path: Path) -> None:
    client = locked(golgi, tmp_path)
    for _ in range(30):
        assert client.get("/pill", headers={"cookie": "golgi-token=old"}).status_code == 401
    assert client.post("/sign-in", data={"token": "secret"}).status_code == 303


def test_waits_double_and_are_forgotten() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    waits = []
    for number in range(FREE + 8):
        patience.wrong("192.0.2.1", f"guess {number}")
        waits.append(patience.wait("192.0.2.1"))
        now[0] += waits[-1]
    assert waits[:FREE] == [0.0] * (FREE - 1) + [1.0] and waits[FREE : FREE + 4] == [2, 4, 8, 16]
    assert waits[-1] == LONGEST_WAIT and patience.wait("192.0.2.2") == 0
    now[0] += 1000
    patience.wrong("192.0.2.1", "again")
    assert patience.wait("192.0.2.1") == 0
    for number in range(10):
        patience.wrong("2001:db8::1", f"guess {number}")
    assert patience.wait("2001:db8::ffff") > 0 and patience.wait("2001:db8:0:1::1") == 0
    patience.right("2001:db8::2")
    assert patience.wait("2001:db8::1") == 0 and client_of("testclient") == "testclient"
    assert same("é", "é") and not same("secre", "secret")


def test_head_answers_wherever_get_does(golgi: Golgi) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    paths = [route.path for route in all_routes(golgi.app().routes) if "GET" in (route.methods or ())]
    assert len(paths) > 50
    for path in [*paths, "/static/app.css", "/static/none.css", "/nowhere"]:
        filled = path.replace("{number}", "1").replace("{layer}", "0").replace("{name}", "tiny-bert")
        head, whole = client.head(filled), client.get(filled)
        assert head.status_code == whole.status_code and head.content == b"", path
        for name in ("content-type", "content-length", "cache-control", "content-security-policy"):
            assert head.headers.get(name) == whole.headers.get(name), (path, name)
    assert client.head("/datasets/demo").status_code == client.get("/datasets/demo").status_code


def test_pages_are_kept_by_the_reader_alone(golgi: Golgi, tmp_path: Path) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    for path in ("/", "/runs", "/runs.json", "/api/v1/runs", "/pill", "/healthz", "/api/v1/openapi.json"):
        assert client.get(path).headers["cache-control"] == "private, no-cache", path
    assert client.get("/static/app.css").headers["cache-control"] == "public, no-cache"
    assert client.get("/static/plotly.min.js").headers["cache-control"] == "public, no-cache"
    assert client.get("/runs/99").headers["cache-control"] == "no-store"
    assert locked(golgi, tmp_path).get("/sign-in").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["[", "localhost/static/?", "localhost/static/#", "localhost:99999999", "é", "a b", ""]
)
def test_no_host_opens_the_door_or_breaks_it(golgi: Golgi, tmp_path: Path, host: str) -> None:
    bare = TestClient(create_app(golgi.services, Settings(data_dir=tmp_path, allowed_hosts="")))
    for path in ("/runs.json", "/nowhere"):
        answer = locked(golgi, tmp_path).get(path, headers={"host": host.encode()})
        assert answer.status_code == 401
        assert bare.get(path, headers={"host": host.encode()}).status_code in (200, 403, 404)
