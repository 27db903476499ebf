"""The page of a method teaches it: formula, drawing, reasons, a way to try it; one without any of these has a page."""

import re

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi
from app.methods.base import methods
from app.methods.conductance import NeuronIntegratedGradients
from app.web.page import FRONTEND


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app())


@pytest.mark.parametrize("key", sorted(methods()))
def test_every_method_is_taught(client: TestClient, key: str) -> None:
    page = client.get(f"/methods/{key}").text
    assert "<math" in page and '<svg class="drawing"' in page
    drawing = (FRONTEND / "methods" / f"{key}.svg").read_text(encoding="utf-8")
    assert "currentColor" in drawing and "aria-label=" in drawing and not re.search(r"#[0-9a-f]{3,6}\b", drawing)
    method = methods()[key]
    assert method.fits and set(method.reasons) == set(method.model_fields)
    assert all(reason.replace("'", "&#39;") in page for reason in method.reasons.values())


@pytest.mark.parametrize("key", sorted(methods()))
def test_every_way_to_try_it_opens_a_form_with_it(client: TestClient, key: str) -> None:
    page = client.get(f"/methods/{key}").text
    ways = re.findall(r'<a class="button(?: main)?" href="([^"]+method=[^"]+)"', page)
    assert ways
    for way in ways:
        form = client.get(way.replace("&amp;", "&"))
        assert form.status_code == 200
        assert re.search(rf'value="{key}"[^>]*(?:checked|selected)|name="method"[^>]*value="{key}"', form.text), way


def test_a_method_made_for_prompts_is_tried_with_one(client: TestClient) -> None:
    page = client.get("/methods/knowledge").text
    way = re.search(r'href="([^"]+form=prompt[^"]+)"', page)
    assert way and "The capital of France is" in client.get(way[1].replace("&amp;", "&")).text


def test_models_that_were_loaded_are_told_with_the_reason(golgi: Golgi, client: TestClient) -> None:
    assert "can be asked with it" not in client.get("/methods/nig").text
    client.post("/models/tiny-bert/load")
    golgi.worker.run_once()
    assert re.search(r"tiny-bert</a>: can be asked with it", client.get("/methods/nig").text)


def test_a_method_without_formula_and_drawing_has_a_page(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NeuronIntegratedGradients, "reasons", {})
    monkeypatch.setattr("app.web.page.FRONTEND", FRONTEND / "nowhere")
    client.app.state.templates.env.tests["template"] = lambda name: False
    answer = client.get("/methods/nig")
    assert answer.status_code == 200 and "<math" not in answer.text and "What it computes" in answer.text


def test_no_file_of_a_method_that_is_gone() -> None:
    there = {path.stem for path in (FRONTEND / "methods").iterdir()}
    assert there <= set(methods())
