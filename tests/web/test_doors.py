"""No number and no name breaks a page: every route, link and form is walked, each field filled with what it is not."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from walk import LEFT_OUT, Door, all_routes, crawled, nested, routed

from app.domain.bounds import LARGEST
from app.domain.importing import ImportSettings
from app.kinds import kinds
from app.main import Golgi, build
from app.methods.base import methods
from app.settings import Settings

FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "4", "method": "nig"}
ATTRIBUTE = {"dataset": "liveqa_med", "model": "tiny-bert", "limit": "8", "steps": "2", "correct": "off"}
STUDY = {"dataset": "liveqa_med", "source": "4", "queries": "2", "depth": "4", "fractions": "5%", "seeds": "1"}
ALWAYS = (str(LARGEST + 1), "nan", "²", "n" * 300, "a\0b")
IN_TURN = (str(-LARGEST - 2), "9" * 5000, "-1", "1e999", "é" * 5000, "../../etc", "~nobody", "\ud800", "")
"""Two or three of them for every field."""
RIGHT = {"name": "liveqa_med", "model": "tiny-bert", "text": "L0.mid.1", "key": "nig", "form": "csv", "action": "pin"}


@pytest.fixture(scope="module")
def walked(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Golgi, TestClient]]:
    """A pair (run 1), a ranking (2), an ablation (3), an attribution (4), its study (5), a set, an upload."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("walk"), models_dir=models_dir, offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/datasets/demo")
    client.post("/explain", data=FORM)
    client.post("/explain", data={**FORM, "form": "ranking", "passages": "rain falls\n---\nthe lazy dog"})
    worked(golgi)
    client.post("/runs/1/ablate", data={"size": "5"})
    client.post("/attribute", data={**ATTRIBUTE, "max_length": "32"})
    worked(golgi)
    client.post("/study", data={**STUDY, "max_length": "32", "controls": "off"})
    worked(golgi)
    client.post("/sets", data={"name": "core", "run": ["1"], "size": "5"})
    yield golgi, client
    golgi.db.close()


def worked(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def doors_of(golgi: Golgi, client: TestClient) -> list[Door]:
    """Routes, what their pages link to and send, the fields of every kind's form, and what its runs let look at."""
    pairs = b"query\tpassage\tgrade\nrain?\train falls\t1\nsun?\train\t0\n"
    upload = client.post("/datasets", files={"files": ("pairs.tsv", pairs)}).headers["location"]
    found = [*routed(golgi.app(), {**RIGHT, "token": upload.rpartition("/")[2]})]
    found += crawled(client, ("/", upload, *(f"/runs/{number}" for number in range(1, 6))))
    for kind in kinds().values():
        asked = tuple((field.name, "") for field in kind.ask.fields())
        for end in ("", f"/{kind.preview}") if kind.address else ():
            found.append(Door("POST", kind.address + end, form=(*asked, ("model", "tiny-bert"))))
        found.append(Door("GET", "/runs/{number}", (("number", "1"),), tuple((n, "") for n in kind.Look.model_fields)))
    return found


def fields_of(doors: list[Door]) -> Iterator[tuple[Door, str, str]]:
    """Every field once; those of the same address (but for numbers) and name are the same field."""
    seen = set()
    for door in doors:
        for place, name in door.fields():
            path = re.sub(r"\{number\}|\d+", "N", door.path)
            if (door.method, path, place, name) not in seen:
                seen.add((door.method, path, place, name))
                yield door, place, name


def test_no_field_of_any_door_breaks_it(walked: tuple[Golgi, TestClient]) -> None:
    """A wrong value is refused with a sentence, told to be left out, or used; nothing fails, nothing shows a trace."""
    golgi, client = walked
    doors = doors_of(golgi, client)
    assert len(doors) > 150 and {"GET", "POST"} == {door.method for door in doors}
    broken, asked = [], 0
    for number, (door, place, name) in enumerate(fields_of(doors)):
        for value in (*ALWAYS, *IN_TURN[number % 4 :: 4]):
            answer = door.ask(client, place, name, value)
            asked += 1
            told = answer.status_code < 400 or "xpected" in answer.text
            if answer.status_code >= 500 or not told or "Traceback" in answer.text:
                broken.append((door.method, door.path, place, name, value[:20], answer.status_code))
    assert broken == [] and asked > 2000
    for door in doors:
        assert door.ask(client).status_code < 500, door


def test_numbers_beyond_the_store_name_nothing(walked: tuple[Golgi, TestClient]) -> None:
    golgi, client = walked
    numbered = [door for door in routed(golgi.app(), RIGHT) if "number" in dict(door.parts)]
    assert len(numbered) > 25
    for door in numbered:
        for value in (str(LARGEST + 1), str(-(10**30)), "0"):
            answer = door.ask(client, "parts", "number", value)
            assert answer.status_code in (404, 422), (door, value)
            assert answer.status_code == 404 or door.body, (door, value)
    page = client.get("/runs/9999999999999999999")
    assert page.status_code == 404 and "Expected the number of something that is stored here" in page.text
    assert client.get("/compare?run=1&run=1").status_code == 200
    assert client.get("/runs?offset=9999999999999999999").status_code == 422
    assert client.get("/runs/1?part=" + "n" * 2000).status_code == 422
    negative = client.post("/explain/seen", data={**FORM, "max_length": "-5"})
    assert negative.status_code == 200 and "greater than or equal to 8" in negative.text


def test_long_addresses_and_odd_names_are_answered(walked: tuple[Golgi, TestClient]) -> None:
    _, client = walked
    odd = ("/uploads/%00", "/models/..%2F..%2Fetc", "/static/%00", "/static/..%2F..%2Fpyproject.toml")
    for address in (
        f"/runs?q={'x' * 60_000}",
        f"/runs?q={'é' * 9999}",
        f"/runs?{'x' * 60_000}",
        "/" + "a/" * 5000,
        *odd,
    ):
        answer = client.get(address)
        assert 200 <= answer.status_code < 500, address
    long = client.post("/datasets", files={"files": ("n" * 300 + ".tsv", b"a\tb\n")})
    assert long.status_code == 422 and "file name of at most 255 bytes" in long.text
    climbing = client.post("/datasets", files={"files": ("../../up.tsv", b"query\tpassage\tgrade\na\tb\t1\n")})
    assert climbing.status_code == 303


def test_every_parameter_is_bounded(walked: tuple[Golgi, TestClient]) -> None:
    """Whole numbers of addresses, queries and forms have both ends, texts an end; so has every question."""
    golgi, _ = walked
    loose = []
    for route in all_routes(golgi.app().routes):
        for one in nested(route.dependant):
            for each in (*one.path_params, *one.query_params, *one.body_params):
                kept: Any = Annotated[(each.field_info.annotation, *each.field_info.metadata, "")]
                if "UploadFile" not in str(each.field_info.annotation):
                    schema = TypeAdapter(kept).json_schema()
                    texts = each not in one.body_params or "Form" in type(each.field_info).__name__
                    loose += [(route.path, each.alias, *at) for at in unbounded(schema, texts=texts)]
    assert loose == []
    for kind in kinds().values():
        assert [*unbounded(kind.ask.Form.model_json_schema(), texts=False)] == [], kind.key
        assert [*unbounded(kind.Look.model_json_schema())] == [], kind.key
    for schema in (*methods().values(), ImportSettings):
        assert [*unbounded(schema.model_json_schema(), texts=False)] == [], schema


def unbounded(schema: Any, at: tuple[str, ...] = (), texts: bool = True) -> Iterator[tuple[str, ...]]:
    """Places of a JSON schema whose numbers or texts may be of any size; the texts of questions are people's own."""
    if not isinstance(schema, dict):
        return
    ends = [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}]
    given, file = set(schema), {"contentMediaType"} & set(schema) or schema.get("format") == "binary"
    free = not ({"enum", "const"} & given or file)
    if schema.get("type") == "integer" and free and not all(end & given for end in ends):
        yield at
    if schema.get("type") == "string" and free and "maxLength" not in given and texts and "$defs" not in at:
        yield at
    for name, inner in schema.items():
        for number, each in enumerate(inner if isinstance(inner, list) else [inner]):
            yield from unbounded(each, (*at, name, str(number)), texts and not (at and at[0] == "$defs"))


def test_json_bodies_hold_no_half_surrogates(walked: tuple[Golgi, TestClient]) -> None:
    _, client = walked
    bodies = {"/api/v1/explain": {"model": "\ud800"}, "/api/v1/sets": {"name": "\ud800", "rule": {"op": "\ud800"}}}
    bodies["/api/v1/datasets"] = {"name": "\ud800"}
    for path, body in bodies.items():
        sent = client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert sent.status_code in (404, 422) and sent.json()["error"]["expected"], path
    deep: dict[str, Any] = {"op": "all", "of": []}
    for _ in range(200):
        deep = {"op": "all", "of": [deep]}
    assert client.post("/api/v1/sets", json={"rule": deep}).status_code == 422
    assert LEFT_OUT is not None


def test_an_error_in_the_program_keeps_the_connection(walked: tuple[Golgi, TestClient]) -> None:
    """Over a real socket: the answer is whole, dressed and plain, and the same connection is asked again."""
    golgi, _ = walked
    app = golgi.app()

    @app.get("/broken")
    @app.get("/broken.json")
    def broken() -> None:
        raise RuntimeError("inside")

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", proxy_headers=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for path in ("/broken", "/broken.json", "/runs/9999999999999999999", "/help"):
            line.request("GET", path)
            held = line.sock
            answer = line.getresponse()
            body = answer.read().decode()
            assert answer.status == {"/broken": 500, "/broken.json": 500, "/help": 200}.get(path, 404)
            assert answer.headers["content-security-policy"] and answer.headers["x-content-type-options"] == "nosniff"
            assert "Traceback" not in body and "inside" not in body and line.sock is held is not None
            assert answer.status != 500 or ("Try again" in body and answer.headers["cache-control"] == "no-store")
    finally:
        line.close()
        server.should_exit = True
        thread.join(timeout=10)
