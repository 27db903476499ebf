"""The tour: offered once, five cards by key, ended for ever by Esc, there again from Help."""

import re
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def title(page: Any) -> str:
    return page.locator("aside.tour strong").inner_text()


def test_five_steps_by_key_and_never_again(page: Any) -> None:
    page.goto("/")
    page.get_by_role("link", name="Show me").press("Enter")
    page.wait_for_selector("aside.tour")
    seen = [title(page)]
    for _ in range(4):
        assert page.evaluate("document.activeElement.classList.contains('tour')"), "the card has the focus"
        assert page.locator("[data-toured]").count() == 1
        page.get_by_role("button", name="Next").press("Enter")
        seen.append(title(page))
    assert [told.split(" of ")[0] for told in seen] == ["1", "2", "3", "4", "5"] and len(set(seen)) == 5
    page.get_by_role("button", name="Done").press("Enter")
    assert page.locator("aside.tour").count() == 0
    page.reload()
    assert page.locator("aside.tour").count() == 0
    page.goto("/")
    assert not page.locator("#tour-offer").is_visible()


def test_esc_ends_it_and_help_has_it_again(page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    page.get_by_role("link", name="Show me").click()
    page.wait_for_selector("aside.tour")
    page.get_by_role("button", name="Next").click()
    page.reload()
    assert re.match("2 of 5", title(page)), "it goes on where it was"
    page.keyboard.press("Escape")
    assert page.locator("aside.tour").count() == 0
    page.goto("/help")
    page.get_by_role("link", name="Take the tour").click()
    assert page.locator("#tour-offer").is_visible()
    page.get_by_role("button", name="Not again").click()
    page.goto("/help")
    page.goto("/")
    assert not page.locator("#tour-offer").is_visible()


def test_a_word_is_explained_by_key_where_it_stands(page: Any) -> None:
    page.goto("/runs/1")
    word = page.locator("a.word", has_text="remainder").first
    word.focus()
    page.keyboard.press("Enter")
    assert "unexplained" in page.locator("#word").inner_text() and page.url.endswith("/runs/1")
    page.keyboard.press("Escape")
    assert not page.locator("#word").is_visible()
    assert page.evaluate("document.activeElement.matches('a.word')")
