"""A unit that was clicked in a picture is found again on the page of its layer."""

import csv
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi

ASKED = {"model": "tiny-bert", "query": "what causes rain", "passages": ["rain falls because clouds hold water"]}


@pytest.fixture
def asked(golgi: Golgi, request: pytest.FixtureRequest) -> TestClient:
    params = {"steps": 3, "adaptive": False, "preset": getattr(request, "param", "ffn")}
    golgi.services.requests.start("explain", {**ASKED, "params": params})
    golgi.worker.run_once()
    return TestClient(golgi.app(), base_url="http://127.0.0.1")


def layer(client: TestClient, number: int = 1, **look: Any) -> dict[str, Any]:
    return client.get(f"/runs/1/layers/{number}.json", params=look).json()


def table(client: TestClient) -> list[list[str]]:
    """Rows of the picture's table, its head first."""
    return list(csv.reader(client.get("/runs/1/figures/overview.csv").text.splitlines()))


@pytest.mark.parametrize("end", [0, 1])
def test_every_name_in_the_picture_leads_to_its_row(asked: TestClient, end: int) -> None:
    page = asked.get("/runs/1").text
    links = dict(re.findall(r'<a href="(/runs/1/layers/\d+\?part=all&(?:amp;)?unit=[^"]+)">([^<]+)</a>', page))
    assert len(links) > 40
    wanted = next(row for row in table(asked)[1:] if (float(row[2]) < 0) == bool(end) and "." in row[0])
    (address,) = [to for to, name in links.items() if name == wanted[0]]
    found = asked.get(address.replace("&amp;", "&")).text
    (row,) = re.findall(r'<tr id="unit" aria-current="true">.*?</tr>', found, re.S)
    assert f"<code>{wanted[0]}</code>" in row and address.endswith("#unit")


def test_the_order_is_that_of_its_sign_unless_one_is_asked_for(asked: TestClient) -> None:
    rows = layer(asked)["rows"]
    lowest, highest = min(rows, key=lambda row: row[1]), max(rows, key=lambda row: row[1])
    assert layer(asked)["sort"] == "signed" and layer(asked, unit=highest[0])["sort"] == "signed"
    down = layer(asked, unit=lowest[0])
    assert lowest[1] < 0 and down["sort"] == "bottom" and down["rows"][0] == lowest and down["sought"] == lowest[0]
    assert layer(asked, unit=lowest[0], sort="index")["sort"] == "index"
    (note,) = down["figure"]["plot"]["layout"]["annotations"]
    assert note["text"] == f"unit {lowest[0].split('.')[2]}" and note["y"] == pytest.approx(lowest[1])


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ({"unit": "L2.mid.3"}, "L2.mid.3 is not here"),
        ({"unit": "L1.mid.24"}, "units 0 to 23"),
        ({"unit": "L1.q.3"}, "L1.q.3 is not here"),
        ({"unit": "<b>"}, "Expected a neuron written"),
        ({"unit": "L1.mid.3", "q": "4"}, "L1.mid.3 is not among the rows below"),
        ({"unit": "L1.mid.3", "offset": 24}, "L1.mid.3 is not among the rows below"),
    ],
)
def test_a_unit_that_is_not_there_is_said(asked: TestClient, look: dict[str, Any], told: str) -> None:
    assert told in layer(asked, **look)["missed"]
    page = asked.get("/runs/1/layers/1", params=look)
    assert page.status_code == 200 and 'id="unit"' not in page.text and "Not used on this page" not in page.text


def test_links_to_other_layers_leave_the_unit_behind(asked: TestClient) -> None:
    page = asked.get("/runs/1/layers/1", params={"unit": "L1.mid.3", "part": "query"}).text
    (tabs,) = re.findall(r'<nav class="part-tabs" aria-label="Layer">.*?</nav>', page, re.S)
    assert "part=query" in tabs and "unit" not in tabs


@pytest.mark.parametrize("asked", ["linear6"], indirect=True)
def test_the_place_is_that_of_the_unit(asked: TestClient) -> None:
    found = layer(asked, unit="L1.up.3")
    assert found["kind"] == "up" and found["sought"] == "L1.up.3" and found["missed"] == ""


@pytest.mark.parametrize("asked", ["heads"], indirect=True)
def test_heads_are_called_heads(asked: TestClient) -> None:
    page = asked.get("/runs/1").text
    for told in (
        "Where the strongest heads are",
        ">Head</th>",
        ">Which heads</h2>",
        "1 % of heads carry",
        "Every head of a layer",
    ):
        assert told in page, told
    main = page[page.index("Where the strongest heads are") : page.index('id="switch-off"')]
    assert not re.search(r"neurons (are|at|in)|\d neurons?\b|>Neurons?<", main)
    units = asked.get("/runs/1/layers/1").text
    assert "Heads of layer 1" in units and ">Head</th>" in units and not re.search(r"\d units?\b", units)
    assert table(asked)[0][0] == "head" and len([row for row in table(asked) if ".head." in row[0]]) == 3 * 4
