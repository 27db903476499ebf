"""What a new user does, in a real browser on the demo model."""

import json
import re
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
    cards = page.locator("a.card", has_text="recorded")
    assert cards.count() >= 2
    cards.first.click()
    page.wait_for_selector(".main-svg", timeout=SLOW)
    assert page.get_by_text("recorded").count() >= 1


def test_explain_click_a_neuron_and_come_back(page: Any) -> None:
    url = explained(page)
    assert page.locator(".tokens mark").count() > 20
    link = page.locator("#which table a", has_text=".mid.").first
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


def test_a_neuron_can_be_typed_into_the_form(page: Any) -> None:
    """The field has the name of the boxes in the tables of neurons; a script that errs fails the test."""
    page.goto("/explain?demo=pair")
    page.select_option("#target", "activation")
    page.fill("#neuron", "L3.mid.12")
    page.locator("#neuron").dispatch_event("change")
    page.locator("#seen", has_text="L3.mid.12").wait_for(timeout=SLOW)
    assert page.locator("#neuron").input_value() == "L3.mid.12"


def test_what_is_wrong_is_told_while_the_form_is_filled(page: Any) -> None:
    page.goto("/explain")
    seen = page.locator("#seen")
    page.locator("#seen", has_text="Type or paste the query").wait_for(timeout=SLOW)
    assert page.locator("#seen .warn").count() == 0, "nothing is wrong with a form that nobody touched"
    page.locator(".kinds-of-input a", has_text="Ranking").click()
    page.wait_for_selector(".kinds-of-input a[aria-current]:has-text('Ranking of passages')")
    page.fill("#query", "what causes rain")
    page.fill("#passages", "\n".join(f"line {number}" for number in range(8)))
    page.locator("#seen .warn", has_text="1 passage of 8 lines").wait_for(timeout=SLOW)
    page.fill("#passages", "\n\n".join(f"passage {number}" for number in range(8)))
    page.locator("#seen", has_text="8 passages, told apart by empty lines").wait_for(timeout=SLOW)
    page.select_option("#target", "pairwise")
    page.locator("#seen .warn", has_text="two passages").wait_for(timeout=SLOW)
    told = seen.inner_text()
    page.get_by_role("button", name="Explain", exact=True).click()
    page.wait_for_selector(".error")
    assert told.split(";")[0].removeprefix("Expected ") in page.locator(".error").first.inner_text()


def soon(page: Any, what: str, value: str) -> bool:
    """Whether an expression of the page takes a value within five seconds."""
    for _ in range(50):
        if page.evaluate(what) == value:
            return True
        page.wait_for_timeout(100)
    return False


def test_paper_is_light_in_the_dark_theme(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/runs/2")
    page.wait_for_selector("#figure-removal .main-svg", timeout=SLOW)
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('.finding')).color"
    plot = "document.querySelector('#figure-removal .main-svg').style.backgroundColor"
    line = "getComputedStyle(document.querySelectorAll('#figure-removal .js-line')[3]).stroke"
    assert page.evaluate(paper) == "rgb(18, 21, 24)" and page.evaluate(plot) == "rgb(25, 29, 33)"
    assert page.evaluate(line) == "rgb(109, 176, 238)", "dark blue is lightened in the dark"
    for chosen in (False, True):
        if chosen:
            page.emulate_media(color_scheme="light")
            page.locator("[data-do=theme]").click()
        page.emulate_media(media="print")
        assert soon(page, plot, "rgb(255, 255, 255)")
        assert page.evaluate(paper) == "rgb(255, 255, 255)" and page.evaluate(ink) == "rgb(27, 33, 38)"
        assert page.evaluate(line) == "rgb(42, 111, 176)"
        page.emulate_media(media="screen")
        assert soon(page, plot, "rgb(25, 29, 33)")


def test_a_threshold_is_dragged_and_taken(page: Any) -> None:
    page.goto("/runs/1")
    page.wait_for_selector("#figure-distribution .main-svg")
    told = page.locator("#threshold")
    told.wait_for(state="visible")
    assert told.get_attribute("data-count") == "92"
    share = re.search(r"(\d+) % of the positive attribution", page.locator(".finding").first.inner_text())[1]
    held = re.search(r"hold ([\d.]+) % of the positive attribution", told.inner_text())[1]
    assert round(float(held)) == int(share), "one definition of the share on one page"
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
    assert page.locator("#rank").input_value() == "top"


def test_full_screen_draws_a_figure_in_its_new_size(page: Any) -> None:
    explained(page)
    figure = page.locator("#figure-profile")
    plot = figure.locator(".main-svg").first
    before = plot.bounding_box()
    figure.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement && document.fullscreenElement.querySelector('.main-svg')")
    page.wait_for_timeout(500)
    during = plot.bounding_box()
    assert during["height"] > 1.5 * before["height"] and during["width"] > 1.3 * before["width"]
    page.evaluate("document.exitFullscreen()")
    page.wait_for_timeout(500)
    after = plot.bounding_box()
    assert (after["width"], after["height"]) == (before["width"], before["height"])


def test_figures_leave_as_pdf(page: Any, tmp_path: Path) -> None:
    pytest.importorskip("svg2pdf_py")
    explained(page)
    with page.expect_download() as waited:
        page.locator("#figure-profile").get_by_role("button", name="PDF").click()
    path = tmp_path / "figure.pdf"
    waited.value.save_as(path)
    assert path.read_bytes().startswith(b"%PDF") and b"/FontDescriptor" in path.read_bytes()
