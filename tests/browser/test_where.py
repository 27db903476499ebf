"""Where the strong units are, in a real browser: what is pointed at is told, and what is clicked is found again."""

import re
from typing import Any

import pytest

pytestmark = pytest.mark.browser
SLOW = 30_000

PLACE = """([curve, point]) => {
  const plot = document.querySelector("#figure-overview .plot"), trace = plot.data[curve], layout = plot._fullLayout;
  const box = plot.getBoundingClientRect(), along = layout[(trace.xaxis || "x").replace("x", "xaxis")];
  const across = trace.type === "bar" ? trace.x[point] / 2 : trace.x[point];
  const down = layout.yaxis._offset + layout.yaxis.l2p(trace.y[point]);
  return [box.left + along._offset + along.l2p(across), box.top + down];
}"""


def opened(page: Any, width: int = 1280) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/runs/1")
    page.wait_for_selector("#figure-overview .main-svg", timeout=SLOW)
    page.locator("#figure-overview").scroll_into_view_if_needed()


def strongest(page: Any, curve: int) -> tuple[str, int]:
    """Name and number of the dot that is farthest from 0, which no other covers."""
    script = "(c) => { const t = document.querySelector('#figure-overview .plot').data[c], s = t.x.map(Math.abs);"
    script += " const at = s.indexOf(Math.max(...s)); return [t.customdata[at][0], at]; }"
    name, at = page.evaluate(script, curve)
    return name, at


@pytest.mark.parametrize("curve", [0, 1])
@pytest.mark.parametrize("width", [1280, 400])
def test_a_dot_tells_itself_and_leads_to_its_row(page: Any, curve: int, width: int) -> None:
    opened(page, width)
    name, at = strongest(page, curve)
    x, y = page.evaluate(PLACE, [curve, at])
    page.mouse.move(x, y)
    page.locator("#figure-overview .hoverlayer text").first.wait_for(timeout=SLOW)
    told = page.locator("#figure-overview .hoverlayer").first.text_content()
    assert name in told and "score" in told and "rank 1 from the" in told
    page.mouse.click(x, y)
    page.wait_for_url(f"**/layers/{name[1]}?part=all&unit={name}#unit")
    row = page.locator("tr#unit")
    assert name in row.inner_text() and row.is_visible()
    top = row.evaluate("(row) => row.getBoundingClientRect().top")
    assert 0 < top < 900, "the row is in view"


def test_a_bar_leads_to_its_layer(page: Any) -> None:
    opened(page)
    x, y = page.evaluate(PLACE, [3, 2])
    page.mouse.click(x, y)
    page.wait_for_url(re.compile(r"/layers/2\?part=all$"))
    assert "Layer 2" in page.locator("h1").inner_text() and page.locator("tr#unit").count() == 0


def test_the_table_leads_to_the_same_row_by_key(page: Any) -> None:
    opened(page)
    page.locator("#figure-overview").get_by_role("button", name="Table").press("Enter")
    link = page.locator("#figure-overview .twin tbody a").first
    name = link.inner_text()
    link.press("Enter")
    page.wait_for_url(f"**unit={name}#unit")
    assert name in page.locator("tr#unit").inner_text()


def test_numbers_of_neurons_stay_inside_the_picture_of_a_phone(page: Any) -> None:
    opened(page, 400)
    script = """() => { const plot = document.querySelector("#figure-overview .plot").getBoundingClientRect();
      const texts = [...document.querySelectorAll("#figure-overview .textpoint")];
      const boxes = texts.map((one) => one.getBoundingClientRect());
      return boxes.filter((box) => box.left < plot.left || box.right > plot.right).length; }"""
    assert page.locator("#figure-overview .textpoint").count() > 3
    assert page.evaluate(script) == 0
