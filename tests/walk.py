"""Every way into the application, found by walking its routes, and the links and forms of its pages.

A door is a request that is right as it stands; each of its fields (a part of the path, of the query, of a form, of a
JSON body) can be filled with something else. A new route, link or form is found without being named here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response
from starlette.routing import BaseRoute

Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Door:
    """A way in: method, address with ``{name}`` for its parts, and what is right for each field."""

    method: str
    path: str
    parts: Pairs = ()
    query: Pairs = ()
    form: Pairs = ()
    body: Pairs = ()

    def fields(self) -> Iterator[tuple[str, str]]:
        """Where a field is (``parts``, ``query``, ``form``, ``body``) and its name, each once."""
        for place in ("parts", "query", "form", "body"):
            yield from ((place, name) for name in dict.fromkeys(name for name, _ in getattr(self, place)))

    def ask(self, client: TestClient, place: str = "", name: str = "", value: Any = None) -> Response:
        """Go through, one field filled with ``value``."""
        held = {each: _filled(getattr(self, each), name if each == place else "", value) for each in PLACES}
        path = self.path
        for part, text in held["parts"]:
            path = re.sub(rf"\{{{part}(:path)?\}}", lambda _, text=text: quoted(text), path)
        query = "&".join(f"{quoted(key)}={quoted(text)}" for key, text in held["query"])
        form = "&".join(f"{quoted(key)}={quoted(text)}" for key, text in held["form"])
        more: dict[str, Any] = {}
        if self.body:
            given = {key: text for key, text in held["body"] if text is not LEFT_OUT}
            more = {"content": json.dumps(given), "headers": {"content-type": "application/json"}}
        if held["form"]:
            more = {"content": form, "headers": {"content-type": "application/x-www-form-urlencoded"}}
        return client.request(self.method, path + (f"?{query}" if query else ""), **more)


LEFT_OUT = object()
"""What a field of a JSON body holds that is right when it is not given."""
PLACES = ("parts", "query", "form", "body")


def quoted(text: Any) -> str:
    """A text in an address, half surrogates as the bytes that they would be."""
    return quote(str(text).encode("utf-8", "surrogatepass"), safe="")


def _filled(pairs: Pairs, name: str, value: Any) -> list[tuple[str, Any]]:
    return [(key, value if key == name else text) for key, text in pairs]


@dataclass
class Forms(HTMLParser):
    """Forms and links of a page."""

    address: str
    doors: list[Door] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    open: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    select: str = ""
    area: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get"):
            if tag != "link" and given.get(name, "#")[:1] not in ("#", ""):
                self.links.add(urljoin(self.address, given[name]))
        if tag == "form":
            action = urljoin(self.address, given.get("action") or self.address)
            self.open.append((given.get("method", "get").upper(), action, []))
        elif self.open and tag in ("input", "select", "textarea", "button") and given.get("name"):
            self._named(tag, given)
        elif self.open and tag == "option" and self.select and "selected" in given:
            self.open[-1][2].append((self.select, given.get("value", "")))
        if self.open and "hx-post" in given:
            self.open[-1][2].append(("hx-post", urljoin(self.address, given["hx-post"])))

    def _named(self, tag: str, given: Mapping[str, str]) -> None:
        name = given["name"]
        if tag == "input" and given.get("type") == "file":
            return
        if tag == "select":
            self.select = name
        value = {"select": "", "textarea": ""}.get(tag, given.get("value", ""))
        self.area = name if tag == "textarea" else self.area
        self.open[-1][2].append((name, value))

    def handle_data(self, data: str) -> None:
        if self.area and self.open:
            fields = self.open[-1][2]
            fields[-1] = (fields[-1][0], fields[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        self.area = "" if tag == "textarea" else self.area
        self.select = "" if tag == "select" else self.select
        if tag == "form" and self.open:
            method, action, fields = self.open.pop()
            pairs = {name: value for name, value in fields if name != "hx-post"}
            for target in {action, *(value for name, value in fields if name == "hx-post")}:
                posts = method == "POST" or target != action
                self.doors.append(door(target, "POST" if posts else "GET", pairs))


def door(address: str, method: str, fields: Mapping[str, str]) -> Door:
    """A door of an address and the fields of its form."""
    url = urlsplit(address)
    query = tuple(dict(parse_qsl(url.query, keep_blank_values=True)).items())
    pairs = tuple(fields.items())
    return Door(method, url.path, (), query + (pairs if method == "GET" else ()), pairs if method == "POST" else ())


def crawled(client: TestClient, starts: tuple[str, ...]) -> tuple[Door, ...]:
    """Doors of the links and forms of all pages that are reached from ``starts``: one for each method, kind of
    address (numbers in it left open) and set of fields."""
    waiting, seen = list(starts), set(starts)
    doors: dict[Any, Door] = {}
    while waiting:
        answer = client.get(waiting.pop(0))
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page = Forms(str(answer.request.url))
        page.feed(answer.text)
        found = [door(link, "GET", {}) for link in sorted(page.links) if urlsplit(link).netloc == "testserver"]
        for one in (*found, *page.doors):
            key = (one.method, re.sub(r"\d+", "N", one.path), frozenset(name for _, name in one.fields()))
            if key not in doors:
                doors[key] = one
                address = one.path + ("?" + urlencode(one.query) if one.query else "")
                if one.method == "GET" and address not in seen:
                    seen.add(address)
                    waiting.append(address)
    return tuple(doors.values())


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Routes with a handler, those of included routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from all_routes(route.original_router.routes)


def routed(app: FastAPI, right: Mapping[str, str]) -> Iterator[Door]:
    """Doors of every route, its path, query, form and JSON fields filled with what is ``right`` by name, else ``1``."""
    for route in all_routes(app.routes):
        flat = list(nested(route.dependant))
        parts = tuple((name, right.get(name, "1")) for name in re.findall(r"\{(\w+)(?::path)?\}", route.path))
        query = tuple((each.alias, right.get(each.alias, "1")) for one in flat for each in one.query_params)
        whole = [each for one in flat for each in one.body_params]
        sent = [each for each in whole if "Form" in type(each.field_info).__name__]
        form = tuple((each.alias, right.get(each.alias, "1")) for each in sent)
        schema = next((each.field_info.annotation for each in whole if each not in sent), None)
        names = getattr(schema, "model_fields", {})
        body = tuple((name, right.get(name, "1") if info.is_required() else LEFT_OUT) for name, info in names.items())
        for method in sorted(route.methods or ()):
            yield Door(method, route.path, parts, query, form, body)


def nested(dependant: Dependant) -> Iterator[Dependant]:
    """What a handler asks for, and what that asks for in turn."""
    yield dependant
    for inner in dependant.dependencies:
        yield from nested(inner)
