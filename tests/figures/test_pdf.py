"""Figures as PDF: the size of the page, letters and lines as such, and nothing read besides the drawing."""

import re
import zlib

import pytest
from fastapi.testclient import TestClient

from app.domain.errors import BadInput, Unsupported
from app.figures import pdf as pdfs
from app.main import Golgi

OPEN = '<svg class="main-svg" xmlns="http://www.w3.org/2000/svg" width="661" height="400" style="">'
STYLE = "font-family: system-ui, sans-serif; font-size: 12px;"
DRAWING = f'{OPEN}<path d="M0,0L100,50" stroke="#000"/><text x="9" y="20" style="{STYLE}">λ = −1</text></svg>'


def content(page: bytes) -> bytes:
    """What a PDF's streams hold, unpacked."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", page, flags=re.DOTALL)
    return b"".join(zlib.decompress(part) for part in parts if part[:1] == b"x")


def test_a_drawing_becomes_a_page_of_its_size_with_lines_and_letters() -> None:
    pytest.importorskip("svg2pdf_py")
    page = pdfs.pdf(DRAWING)
    assert page.startswith(b"%PDF") and b"/MediaBox [0 0 495.75 300]" in page
    assert b"/FontDescriptor" in page and b"/Subtype /Image" not in page
    drawn = content(page)
    assert b"BT" in drawn and re.search(rb"\bl\b", drawn), "letters and lines, no picture"


@pytest.mark.parametrize(
    "inner",
    [
        '<image href="/etc/hostname" width="5" height="5"/>',
        '<image xlink:href = "file:///etc/hostname"/>',
        "<image href='&#47;etc/hostname'/>",
        '<image href="data:image/svg+xml;base64,AAAA"/>',
        '<rect fill="url(other.svg#a)"/>',
        "<style>@import 'other.css';</style>",
    ],
)
def test_a_drawing_that_wants_other_files_is_refused(monkeypatch: pytest.MonkeyPatch, inner: str) -> None:
    monkeypatch.setattr(pdfs, "makes_pdf", lambda: True)
    pytest.importorskip("svg2pdf_py")
    with pytest.raises(BadInput, match="whole in itself"):
        pdfs.pdf(DRAWING.replace("</svg>", f"{inner}</svg>"))
    with pytest.raises(BadInput, match="whole in itself"):
        pdfs.pdf('<!DOCTYPE svg [<!ENTITY x "/etc/hostname">]>' + DRAWING)


def test_what_is_no_drawing_is_told(golgi: Golgi) -> None:
    pytest.importorskip("svg2pdf_py")
    client = TestClient(golgi.app())
    for body in ("", "hello", "<svg", "\xff"):
        assert client.post("/figures/pdf", content=body.encode("latin-1")).status_code == 422
    good = client.post("/figures/pdf", content=DRAWING.encode())
    assert good.headers["content-type"] == "application/pdf" and good.content.startswith(b"%PDF")


def test_a_drawing_without_end_is_not_read(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.pages.figures.MOST", 1000)
    answer = TestClient(golgi.app()).post("/figures/pdf", content=b"x" * 2000)
    assert answer.status_code == 422 and "at most 1,000 bytes" in answer.text


def test_without_the_extra_the_button_says_so(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfs, "find_spec", lambda _: None)
    with pytest.raises(Unsupported, match="pip install"):
        pdfs.pdf(DRAWING)
