"""A bundle holds a page that any browser opens, and opens by upload on the page of runs."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import Golgi, build
from app.settings import Settings

NASTY = '</script><script>alert(1)</script> "rain" & <b>'
FORM = {"model": "tiny-bert", "query": NASTY, "passages": "rain falls", "steps": "6", "method": "nig"}


@pytest.fixture
def bundle(golgi: Golgi) -> bytes:
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data=FORM)
    golgi.worker.run_once()
    return client.get("/runs/1/export/bundle").content


def page_of(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("index.html").decode()


def test_the_page_tells_the_result_and_fetches_nothing(golgi: Golgi, bundle: bytes) -> None:
    page = page_of(bundle)
    report = golgi.services.pages.report(1)
    assert report.sentences[0] in page and "default-src 'none'" in page
    assert page.count("Bundled license information") == 1 and not re.search(
        r"<(?:script|link|img)[^>]* (?:src|href)=", page
    )
    plots = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    titles = [json.loads(plot)["layout"]["title"]["text"] for plot in plots]
    assert titles == [figure.title for figure in report.figures.values()] and len(titles) >= 3


def test_texts_cannot_close_a_script_or_become_tags(bundle: bytes) -> None:
    page = page_of(bundle)
    assert "<script>alert" not in page and "<b>" not in page and "&lt;script&gt;alert" in page


def test_it_is_opened_by_upload(bundle: bytes, tmp_path: Path) -> None:
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    client = TestClient(other.app(), follow_redirects=False)
    assert 'action="/bundle"' in client.get("/runs").text
    answer = client.post("/bundle", files={"file": ("run.zip", bundle)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/1")
    assert "imported" in client.get("/runs/1").text
    assert client.post("/bundle", files={"file": ("run.zip", b"no zip")}).status_code == 422
    assert client.post("/bundle", data={}).status_code == 422
    other.db.close()


def test_a_bundle_that_is_too_large_is_not_read(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.exports.MOST", 10)
    answer = TestClient(golgi.app()).post("/bundle", files={"file": ("run.zip", b"x" * 11)})
    assert answer.status_code == 422 and "golgi import FILE" in answer.text


def test_bundles_without_a_page_still_open(bundle: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as older:
        for name in ("run.json", "rows.jsonl"):
            older.writestr(name, archive.read(name))
    other = build(Settings(data_dir=tmp_path / "other", models_dir=tmp_path / "none", offline=True), recorded=None)
    assert other.services.exports.load_bundle(out.getvalue()).title
    other.db.close()
