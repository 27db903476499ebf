"""Long pickers are searched by typing, with the keyboard alone; short ones and those without the script stay plain."""

from typing import Any

import pytest

pytestmark = pytest.mark.browser
LONG = """() => {
  const form = document.createElement('form'), options = [...Array(12).keys()];
  form.innerHTML = `<label for="long">Model</label><select id="long" name="long">${
    options.map((at) => `<option value="m${at}">model number ${at}</option>`).join('')}</select>`;
  document.querySelector('main').append(form);
  document.dispatchEvent(new CustomEvent('htmx:load', { detail: { elt: form } }));
  window.changes = 0;
  document.getElementById('long').addEventListener('change', () => { window.changes += 1; });
}"""


def test_a_long_select_is_searched_and_chosen_from_by_key(page: Any) -> None:
    page.goto("/help")
    page.evaluate(LONG)
    box, select = page.get_by_label("Search Model"), page.locator("#long")
    box.fill("number 11")
    assert select.locator("option").count() == 2, "what fits, and what is chosen"
    box.press("Enter")
    assert select.input_value() == "m11" and page.evaluate("window.changes") == 1
    assert page.evaluate("document.activeElement.id") == "long" and page.url.endswith("/help")
    box.fill("")
    assert select.locator("option").count() == 12 and select.input_value() == "m11"
    box.fill("nothing like it")
    box.press("Enter")
    assert select.input_value() == "m11"


def test_rows_with_boxes_are_searched(page: Any) -> None:
    page.goto("/compare")
    page.wait_for_selector("form table")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    rows = page.locator("form table").first.locator("tbody tr")
    assert rows.count() > 8
    box = page.get_by_label("Search Runs")
    rows.nth(0).locator("input").check()
    box.fill("xquad_en")
    shown = [row.inner_text() for row in rows.all() if row.is_visible()]
    assert 1 < len(shown) < rows.count() and all("xquad_en" in text for text in shown[1:])
    box.fill("")
    assert all(row.is_visible() for row in rows.all())


def test_short_pickers_stay_plain(page: Any) -> None:
    page.goto("/explain?demo=pair")
    assert page.locator(".finds").count() == 0
