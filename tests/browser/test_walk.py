"""Every page of the recorded demo, small and dark, and large and light: it opens, fits, can be walked by key, and axe
finds nothing serious on it."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from accessibility import barriers

pytestmark = pytest.mark.browser

LOOKS = {"small and dark": (400, "dark"), "large and light": (1280, "light")}
MODEL = "golgi-demo-reranker"
PAGES = (
    "/",
    "/explain",
    "/explain?demo=pair",
    "/explain?demo=ranking",
    "/explain?form=prompt&reads=prompt",
    "/measure",
    "/neurons",
    "/heads",
    "/library",
    "/activity",
    "/attribute",
    "/study",
    "/runs",
    "/runs/1",
    "/runs/2",
    "/runs/3",
    "/runs/4",
    "/runs/8",
    "/runs/14",
    "/runs/19",
    "/runs/19?measure=AP",
    "/runs/1/layers/2",
    f"/neurons/{MODEL}/L0.mid.832",
    "/datasets",
    "/questions",
    "/questions/new",
    "/clusters",
    "/effects",
    "/patch",
    "/writing",
    "/predict",
    "/locators",
    "/locate",
    "/writes",
    "/readings",
    "/activations",
    "/sets",
    "/sets/1",
    "/compare",
    "/compare?run=5&run=6&set=1",
    "/compare?run=5&run=6&run=7&run=8&run=9&run=12",
    "/compare?run=8&run=9999",
    "/cross",
    "/study/demo",
    "/study/query-neurons",
    "/models",
    f"/models/{MODEL}",
    "/methods",
    "/methods/nig",
    "/jobs",
    "/help",
    "/api/v1/docs",
)
LOOK = r"""() => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown);
  const levels = headings.map((one) => Number(one.tagName[1]));
  const fields = ["TEXTAREA", "SELECT", "INPUT"];
  const moves = (style) => /auto|scroll/.test(style.overflowX + style.overflowY);
  const over = (one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
  return {
    wide: document.documentElement.scrollWidth - innerWidth,
    skipped: levels.filter((level, at) => level > (at ? levels[at - 1] : 0) + 1),
    first: levels.filter((level) => level === 1).length,
    unreachable: [...document.querySelectorAll("body *")]
      .filter((one) => !fields.includes(one.tagName) && shown(one) && one.tabIndex < 0)
      .filter((one) => moves(getComputedStyle(one)) && over(one))
      .map((one) => `${one.tagName}.${one.className}#${one.id}`),
    text: document.body.innerText,
  };
}"""
LEFT = re.compile(
    r"\bNone\b|\bnan\b|\bNaN\b|<built-in|\{\{|\bUndefined\b|\bundefined\b|\b1 (?:neurons|runs|sets|pairs)\b"
)


@pytest.fixture(scope="module")
def saved(server: str) -> None:
    """One set, so that the pages of sets have something to show."""
    body = urlencode([("run", "5"), ("run", "6"), ("size", "1%"), ("combine", "all"), ("rank", "top")]).encode()
    urlopen(Request(f"{server}/sets", data=body)).read()


@pytest.fixture(params=LOOKS)
def walker(request: pytest.FixtureRequest, server: str, saved: None, browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of one size and theme, and what its console says."""
    width, theme = LOOKS[request.param]
    context = browser.new_context(base_url=server, viewport={"width": width, "height": 900}, color_scheme=theme)
    page, said = context.new_page(), list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type in ("error", "warning") else None)
    yield page, said
    context.close()


def faults(page: Any, said: list[str], path: str) -> list[str]:
    """What is wrong with a page; empty where nothing is."""
    said.clear()
    answer = page.goto(path)
    page.wait_for_function("!document.querySelector('.figure .plot') || document.querySelector('.figure .main-svg')")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    look = page.evaluate(LOOK)
    found = [f"status {answer.status}"] if answer.status != 200 else []
    found += [f"console: {told}" for told in said]
    found += [f"{look['wide']} px too wide"] if look["wide"] > 0 else []
    found += [f"a heading of level {level} skips one" for level in look["skipped"]]
    found += [f"{look['first']} headings of level 1"] if look["first"] != 1 else []
    found += [f"scrolls, but no key gets there: {one}" for one in look["unreachable"]]
    told = (
        re.sub(r"\bNone\b", "", look["text"]) if path.startswith("/api/") else look["text"]
    )  # Python's None, documented
    found += barriers(page)
    return found + [f"left over: {told[max(0, hit.start() - 40) : hit.end() + 20]!r}" for hit in LEFT.finditer(told)]


def test_every_page_is_whole(walker: tuple[Any, list[str]]) -> None:
    page, said = walker
    wrong = {path: told for path in PAGES if (told := faults(page, said, path))}
    assert wrong == {}, json.dumps(wrong, indent=1)


def test_every_navigation_entry_is_walked(page: Any) -> None:
    page.goto("/")
    hrefs = page.eval_on_selector_all("header nav a, footer a", "links => links.map((one) => one.getAttribute('href'))")
    known = {path.split("?")[0] for path in PAGES} | {"/healthz"}
    assert set(hrefs) <= known and len(hrefs) > 8


def test_barriers_are_found(page: Any) -> None:
    page.set_content("<html><body><img src=data:,><input><p style='color:#999;background:#aaa'>words</p></body></html>")
    assert {told.split()[1] for told in barriers(page)} >= {"image-alt", "label", "color-contrast", "html-has-lang"}
