"""The skeleton of run pages, in a real browser."""

from typing import Any

import pytest

pytestmark = pytest.mark.browser
ORDER = ["answer", "words", "where", "which", "matter", "check", "about"]


@pytest.mark.parametrize("number", [1, 2, 5, 14])
def test_sections_stand_in_one_order_and_have_one_primary_action(page: Any, number: int) -> None:
    page.goto(f"/runs/{number}")
    found = page.eval_on_selector_all("#run section[id]", "all => all.map((one) => one.id)")
    sections = [one for one in found if one in ORDER]
    links = page.eval_on_selector_all(".subnav nav:first-child a", "all => all.map((one) => one.hash.slice(1))")
    assert sections == links == [one for one in ORDER if one in sections] and len(sections) > 2
    assert page.locator("main .main").count() == 1


def test_words_are_stepped_through_by_key_and_tell_their_numbers(page: Any) -> None:
    page.goto("/runs/1")
    box = page.locator("[data-steps]").first
    box.focus()
    box.press("ArrowRight")
    first = page.evaluate("document.activeElement.title")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title") != first
    assert page.evaluate("document.activeElement.title") in page.locator(".told-word").first.inner_text()
    faint = page.eval_on_selector_all(
        "#words mark[tabindex]", "all => all.map((one) => one.style.getPropertyValue('--s'))"
    )
    assert faint and min(map(float, faint)) >= 0.1, "nothing is tinted below the threshold"
