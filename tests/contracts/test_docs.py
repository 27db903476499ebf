"""The README says what the code has."""

import argparse
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from markdown_it import MarkdownIt
from tiny import FAMILIES, readings

import app.web.pages
from app.cli.commands import COMMANDS
from app.cli.parser import parser
from app.methods.base import methods
from app.models.tasks import tasks
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> set[str]:
    return {cell.strip("`") for cell in re.findall(r"^\| (`[^|]+`) \|", section(title), flags=re.MULTILINE)}


def test_settings() -> None:
    assert first_cells("Settings") == set(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())


def test_commands() -> None:
    actions = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]
    assert (
        first_cells("Commands") == {f"golgi {name}" for name in actions[0].choices} == {f"golgi {n}" for n in COMMANDS}
    )


def test_methods() -> None:
    assert first_cells("Methods") == set(methods())


def test_families() -> None:
    rows = re.findall(r"^\| [^|`]+\((\w+)[^|`]*\) \| ([^|]+) \|$", section("Model families"), flags=re.MULTILINE)
    listed = {head: {name.strip() for name in names.split(",")} for head, names in rows}
    assert set(listed) == {task.heads[0] for task in tasks().values()}
    for task in tasks().values():
        assert listed[task.heads[0]] == {name for name in FAMILIES if task.key in readings(name)}, task.key


def routes() -> list[APIRoute]:
    """Every route that answers GET, of every module of pages."""
    names = [info.name for info in pkgutil.iter_modules(app.web.pages.__path__)]
    routers = [importlib.import_module(f"app.web.pages.{name}").router for name in names]
    return [route for router in routers for route in router.routes if "GET" in getattr(route, "methods", ())]


def renders(endpoint: Callable[..., object]) -> bool:
    """Whether a handler renders a page, by itself or through a private function of its module."""
    endpoint = getattr(endpoint, "func", endpoint)
    module = inspect.getmodule(endpoint)
    helpers = [f for name, f in inspect.getmembers(module, inspect.isfunction) if name.startswith("_")]
    called = [f"{f.__name__}(" for f in helpers if "render(" in inspect.getsource(f)]
    return any(call in inspect.getsource(endpoint) for call in ("render(", *called))


def test_pages() -> None:
    """The table has every address that renders a whole page, and no other."""
    pages = {route.path for route in routes() if renders(route.endpoint)}
    assert first_cells("Pages") == {path for path in pages if not path.endswith(".json")}


def test_pages_have_the_twins_that_are_told() -> None:
    stored = ("/runs", "/neurons", "/models", "/methods", "/jobs")
    twins = {route.path.removesuffix(".json") for route in routes() if route.path.endswith(".json")}
    assert {page for page in first_cells("Pages") if page.startswith(stored) and ":path" not in page} <= twins


def test_every_template_is_a_page() -> None:
    named = {
        name
        for path in (ROOT / "app/web").rglob("*.py")
        for names in re.findall(r'render\(\s*\w+, "(\w+)"|pages/(\w+)\.html', path.read_text(encoding="utf-8"))
        for name in names
        if name
    }
    assert named == {path.stem for path in (ROOT / "frontend/pages").glob("*.html")}


def test_exactly_two_set_up_commands() -> None:
    commands = [line for line in section("Set up").splitlines() if line.startswith("pip ")]
    assert commands == ["pip install -e . && golgi serve", "pip install -e '.[test]' && pytest -n auto --dist loadfile"]


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def links(page: Path) -> list[str]:
    """Where links and pictures of a page lead within the repository, as they are written there."""
    inline = [part for token in MarkdownIt().parse(page.read_text(encoding="utf-8")) for part in token.children or ()]
    found = [str(part.attrs.get("href") or part.attrs.get("src") or "") for part in inline]
    return [link.split("#")[0] for link in found if link and "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_linked_files_exist(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_document_is_linked() -> None:
    linked = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert len(PAGES) > 5 and len(linked) > 6
    assert {page.resolve() for page in PAGES if page.name != "README.md"} <= linked
