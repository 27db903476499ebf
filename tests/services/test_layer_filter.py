"""The filter of a layer's units."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.domain.errors import BadInput
from app.main import Golgi
from app.services.layer_view import kept

SCORES = np.asarray([0.5, -0.2, 0.0, 0.01, -0.6, 2e-4])


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("  ", [0, 1, 2, 3, 4, 5]),
        (">0.01", [0]),
        (">=0.01", [0, 3]),
        ("< -0.1", [1, 4]),
        ("abs>0.1", [0, 1, 4]),
        ("ABS>.1 <0", [1, 4]),
        (">1e-4 <=1e-2", [3, 5]),
        ("4", [4]),
        ("4, L1.mid.2", [2, 4]),
        ("1 4 >-0.5", [1]),
        ("77", []),
    ],
)
def test_what_a_filter_keeps(text: str, units: list[int]) -> None:
    assert np.flatnonzero(kept(text, SCORES)).tolist() == units


@pytest.mark.parametrize("text", ["large", ">", "> x", "=3", "-4", "1.5", "L1.mid", ">0.1;"])
def test_what_it_does_not_know_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="the number of a unit"):
        kept(text, SCORES)


def test_the_page_filters_and_keeps_what_was_typed(golgi: Golgi) -> None:
    asked = {"query": "what causes rain", "passages": ["rain falls"], "params": {"steps": 4, "adaptive": False}}
    golgi.services.requests.start("explain", {**asked, "model": "tiny-bert"})
    golgi.worker.run_once()
    client = TestClient(golgi.app(), base_url="http://127.0.0.1")
    everything = client.get("/runs/1/layers/1.json").json()
    some = client.get("/runs/1/layers/1.json", params={"q": ">0", "sort": "bottom"}).json()
    wanted = sorted((row for row in everything["rows"] if row[1] > 0), key=lambda row: row[1])
    assert some["rows"] == wanted and some["found"] == len(wanted) < everything["found"] == everything["total"]
    page = client.get("/runs/1/layers/1", params={"q": "3", "part": "passage"}).text
    assert "1 of 24 units" in page and 'name="part" value="passage"' in page and "Not used on this page" not in page
    odd = client.get("/runs/1/layers/1", params={"q": "<b>"})
    assert odd.status_code == 200 and 'value="&lt;b&gt;"' in odd.text and "Expected &gt;0.01" in odd.text
    assert "No unit of this layer passes" in client.get("/runs/1/layers/1", params={"q": ">1e9"}).text
    assert client.get("/runs/1/layers/1", params={"offset": -5}).status_code == 200
