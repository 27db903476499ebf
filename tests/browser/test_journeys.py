"""What a new user does, in a real browser on the demo model."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
SLOW = 30_000


def explained(page: Any) -> str:
    page.goto("/")
    page.get_by_role("button", name="Run it here").click()
    page.wait_for_selector("#figure-overview .main-svg", timeout=SLOW)
    return page.url


def test_recorded_runs_open_with_no_model(page: Any) -> None:
    page.goto("/")
    cards = page.locator("a", has_text="recorded")
    assert cards.count() >= 2
    cards.first.click()
    page.wait_for_selector(".main-svg", timeout=SLOW)
    assert page.get_by_text("recorded").count() >= 1


def test_explain_click_a_neuron_and_come_back(page: Any) -> None:
    url = explained(page)
    assert page.locator(".tokens mark").count() > 20
    link = page.locator("table a", has_text=".mid.").first
    name = link.inner_text().strip()
    link.click()
    page.wait_for_url("**/neurons/**")
    assert name in page.locator("h1").inner_text()
    page.go_back()
    page.wait_for_selector("#figure-overview .main-svg", timeout=SLOW)
    assert page.url.split("#")[0] == url.split("#")[0]


def test_ablation_falls_outside_the_random_band(page: Any) -> None:
    explained(page)
    page.get_by_role("button", name="Switch them off").click()
    page.wait_for_selector("#figure-removal .main-svg", timeout=SLOW)
    assert "outside the random band" in page.locator("main").inner_text()
    first = page.url.split("#")[0].split("?")[0]
    told = json.loads(page.request.get(first + ".json").text())["ablate"]
    by_name = {control["name"]: control for control in told["controls"]}
    low, high = by_name["random"]["low"], by_name["random"]["high"]
    assert low <= high and not low <= by_name["target"]["change"] <= high
    page.reload()
    page.wait_for_selector("#figure-removal .main-svg", timeout=SLOW)
    page.get_by_role("link", name="permalink").first.click()
    page.wait_for_selector("#figure-removal .main-svg", timeout=SLOW)
    assert page.url.split("#")[0].split("?")[0] == first


def test_figures_leave_as_svg_with_the_numbers_shown(page: Any, tmp_path: Path) -> None:
    explained(page)
    figure = page.locator("#figure-profile")
    with page.expect_download() as waited:
        figure.get_by_role("button", name="SVG").click()
    path = tmp_path / "figure.svg"
    waited.value.save_as(path)
    text = path.read_text()
    assert text.startswith("<svg") and "Positive and negative sums by layer" in text
    figure.get_by_role("button", name="Table").click()
    assert figure.locator("tbody tr").count() == 6


def test_empty_text_says_so_and_keeps_the_rest(page: Any) -> None:
    page.goto("/explain")
    page.locator("#passages").fill("  a passage with spaces  ")
    page.locator("#passages").press("Control+Enter")
    page.wait_for_selector('[role="alert"]')
    assert "empty text" in page.locator('[role="alert"]').first.inner_text()
    assert page.locator("#passages").input_value() == "  a passage with spaces  "


def test_control_enter_sends_the_form(page: Any) -> None:
    page.goto("/explain?demo=pair")
    page.locator("#query").press("Control+Enter")
    page.wait_for_url("**/runs/*")
    page.wait_for_selector("#figure-overview .main-svg", timeout=SLOW)
    assert page.locator("#figure-profile .main-svg").count() > 0


def test_tokens_are_counted_while_typing(page: Any) -> None:
    page.goto("/explain")
    page.locator("#query").fill("what causes rain")
    page.locator("#passages").press_sequentially("water ")
    page.locator("#passages").fill("water " * 400)
    page.locator("#passages").press_sequentially("x")
    page.locator("#seen", has_text="do not fit").wait_for(timeout=SLOW)
    assert "✂" in page.locator("#seen").inner_text()


@pytest.mark.parametrize("path", ["/", "/explain?demo=pair", "/runs", "/runs/1", "/models", "/methods/nig", "/jobs"])
@pytest.mark.parametrize("width", [400, 2560])
def test_nothing_scrolls_sideways(page: Any, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_theme_is_kept_and_figures_follow(page: Any) -> None:
    page.goto("/runs/1")
    page.wait_for_selector(".main-svg", timeout=SLOW)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("[data-do=theme]").click()
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_a_long_job_is_cancelled_and_keeps_its_part(page: Any) -> None:
    page.goto("/explain?demo=ranking")
    page.locator("[name=steps]").fill("400")
    page.get_by_role("button", name="Explain", exact=True).click()
    page.wait_for_url("**/runs/*")
    page.get_by_role("button", name="Cancel").click(timeout=SLOW)
    page.locator(".note", has_text="Partial").first.wait_for(timeout=SLOW)
    state = json.loads(page.request.get(page.url.split("#")[0].split("?")[0] + ".json").text())["run"]["state"]
    assert state == "partial"


def test_a_form_that_comes_back_shows_the_wrong_field(page: Any) -> None:
    page.goto("/explain?demo=pair")
    query = page.locator("[name=query]").first.input_value()
    page.locator("form:has([name=steps])").evaluate("form => { form.noValidate = true; }")
    page.locator("[name=steps]").fill("0")
    page.get_by_role("button", name="Explain", exact=True).click()
    told = page.locator(".error.at-field")
    told.wait_for()
    assert "Found '0'" in told.inner_text()
    assert page.evaluate("document.activeElement.name") == "steps"
    box = told.bounding_box()
    assert 0 < box["y"] < 900 - box["height"], "what was expected is in view"
    assert page.locator("[name=query]").first.input_value() == query


def test_a_threshold_is_dragged_and_taken(page: Any) -> None:
    page.goto("/runs/1")
    page.wait_for_selector("#figure-distribution .main-svg")
    told = page.locator("#threshold")
    told.wait_for(state="visible")
    assert told.get_attribute("data-count") == "92"
    line = page.locator("#figure-distribution .shapelayer path").first
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y, steps=8)
    page.mouse.up()
    page.wait_for_function("document.getElementById('threshold').dataset.count > 92")
    count = told.get_attribute("data-count")
    assert told.inner_text().startswith(f"{int(count):,} neurons")
    told.get_by_role("button").click()
    assert page.locator("#size").input_value() == count
    assert page.locator("#rank").input_value() == "abs"
