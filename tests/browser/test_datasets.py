"""Datasets in a real browser on the demo model: bring in, attribute, switch off, compare."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
SLOW = 90_000


def test_a_dataset_from_files_to_a_study(page: Any, tmp_path: Path) -> None:
    from app.data.demo import FOLDER
    from app.demo.corpora import load

    corpus = load(FOLDER)
    rows = [
        f"{corpus.queries[q]['text']}\t{corpus.passages[p]}\t{grade}"
        for q, grades in list(corpus.grades.items())[:10]
        for p, grade in list(grades.items())[:6]
        if "\t" not in corpus.passages[p]
    ]
    path = tmp_path / "questions.tsv"
    path.write_text("query\tpassage\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    page.goto("/datasets")
    page.locator("#files").set_input_files(str(path))
    page.get_by_role("button", name="Look at them").click()
    page.wait_for_url("**/uploads/**")
    assert page.locator("#role-0").input_value() == "pairs"
    page.locator("#name").fill("questions")
    page.get_by_role("button", name="Bring it in").click()
    page.get_by_role("link", name="Open the dataset").click(timeout=SLOW)
    page.get_by_role("link", name="Which neurons matter here?").click()
    page.locator("#f-limit").fill("6")
    page.locator("#f-part").select_option("all")
    page.locator("summary", has_text="More settings").click()
    page.locator("#f-steps").fill("4")
    page.locator("#f-max_length").fill("64")
    page.get_by_role("button", name="Attribute").click()
    page.wait_for_selector("#which", timeout=SLOW)
    assert "Over 6 relevant pairs of questions" in page.locator(".finding").first.inner_text()
    page.wait_for_selector("#figure-overview .main-svg", timeout=SLOW)
    page.get_by_role("link", name="Do they matter? Switch them off").click()
    page.locator("#f-dataset").select_option("questions")
    page.locator("#f-part").select_option("all")
    page.locator("#f-queries").fill("3")
    page.locator("#f-fractions").fill("1 %, 5 %")
    page.locator("summary", has_text="More settings").click()
    page.locator("#f-seeds").fill("2")
    page.locator("#f-max_length").fill("64")
    page.get_by_role("button", name="Start the study").click()
    page.wait_for_selector("#figure-curve .main-svg", timeout=SLOW)
    assert page.locator("#table ~ section tbody tr").count() >= 2
    page.locator("#queries ~ section a").first.click()
    page.wait_for_url("**/queries/**")
    assert page.locator(".moves li").count() >= 4


def test_rows_are_walked_by_keys(page: Any) -> None:
    page.goto("/runs")
    page.keyboard.press("j")
    first = page.locator("tr[data-here]").inner_text()
    page.keyboard.press("j")
    assert page.locator("tr[data-here]").inner_text() != first
    page.keyboard.press("k")
    assert page.locator("tr[data-here]").inner_text() == first


def test_the_tray_takes_runs_to_the_comparison(page: Any) -> None:
    page.goto("/runs?kind=attribute")
    buttons = page.locator("[data-tray]")
    wanted = [buttons.nth(at).get_attribute("data-id") for at in (1, 0)]
    for at in (1, 0):
        buttons.nth(at).click()
    assert buttons.first.get_attribute("aria-pressed") == "true"
    page.goto(f"/runs/{wanted[0]}")
    assert page.locator("#run-tools [data-tray]").inner_text() == "In the tray"
    page.locator("#tray").get_by_role("link", name="Compare").click()
    page.wait_for_url(f"**/compare?run={wanted[0]}&run={wanted[1]}")
    page.wait_for_selector("#figure-depth .main-svg", timeout=SLOW)
    page.locator("[data-empty]").click()
    assert page.locator("#tray").is_hidden()
