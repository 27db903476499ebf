"""Pieces of pages for HTMX, addresses behind a prefix, and the small rules of forms and previews."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.domain.errors import BadInput
from app.forms.read import size_of
from app.kinds import kind_of
from app.kinds.explain.ask import passages_of
from app.kinds.explain.preview import marks
from app.main import Golgi, build
from app.settings import Settings
from app.web.app import create_app
from app.web.page import embed, percent, size, span

ROOT = Path(__file__).resolve().parents[2]
FRAGMENT = {"HX-Request": "true"}
FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls", "steps": "4"}


@pytest.fixture(scope="module")
def golgi_done(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """Run 1: a ranking of two. Run 2: its ablation. Run 3 waits."""
    golgi = build(
        Settings(data_dir=tmp_path_factory.mktemp("pieces"), models_dir=models_dir, offline=True), recorded=None
    )
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data={**FORM, "form": "ranking", "passages": "rain falls\n\nthe lazy dog"})
    while golgi.worker.run_once():
        pass
    client.post("/runs/1/ablate", data={"size": "4"})
    while golgi.worker.run_once():
        pass
    client.post("/explain", data={**FORM, "query": "waits"})
    yield golgi
    golgi.db.close()


@pytest.fixture
def client(golgi_done: Golgi) -> TestClient:
    return TestClient(golgi_done.app(), follow_redirects=False)


PATHS = ["/", "/explain", "/runs", "/runs/1", "/runs/2", "/runs/1/layers/0", "/models", "/models/tiny-bert", "/jobs"]
PATHS += ["/jobs/1", "/methods", "/methods/nig", "/help", "/api/v1/docs", "/neurons/tiny-bert/L0.mid.1"]


@pytest.mark.parametrize("path", PATHS)
def test_htmx_gets_the_page_without_its_frame(client: TestClient, path: str) -> None:
    piece, whole = client.get(path, headers=FRAGMENT), client.get(path)
    assert piece.status_code == whole.status_code == 200
    assert piece.headers["vary"] == whole.headers["vary"] == "HX-Request, Accept-Encoding"
    assert "<html" not in piece.text and "<title>" in piece.text and 'id="main"' in piece.text
    assert whole.text.startswith("<!doctype html>") and "Skip to the content" in whole.text
    restored = client.get(path, headers={**FRAGMENT, "HX-History-Restore-Request": "true"})
    assert restored.text.startswith("<!doctype html>")


class Links(HTMLParser):
    """Addresses, form targets and ids of a page; and buttons, links and fields without a name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [str(given[k]) for k in ("href", "src", "action", "hx-get", "hx-post") if given.get(k)]
        self.ids += [str(given["id"])] if given.get("id") else []
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "radio", "checkbox"):
            self.fields.append(given)


def links(text: str) -> Links:
    found = Links()
    found.feed(text)
    return found


@pytest.mark.parametrize("path", PATHS)
def test_links_are_local_ids_unique_fields_named(client: TestClient, path: str) -> None:
    page = links(client.get(path).text)
    assert all(link.startswith(("/", "#", "?")) for link in page.found), page.found
    assert len(page.ids) == len(set(page.ids))
    for field in page.fields:
        assert field.get("id") in page.labelled or field.get("aria-label"), field
    targets = {link.split("#")[0] for link in page.found if link.startswith("/") and "LAYER" not in link}
    for link in sorted(targets - {""}):
        assert client.get(link).status_code in (200, 303, 405), link


@pytest.mark.parametrize("prefix_kept", [True, False])
def test_works_behind_a_prefix(golgi_done: Golgi, tmp_path: Path, prefix_kept: bool) -> None:
    client = TestClient(
        create_app(golgi_done.services, Settings(root_path="/tool", data_dir=tmp_path)), follow_redirects=False
    )
    front = "/tool" if prefix_kept else ""
    page = links(client.get(f"{front}/runs/1").text)
    assert page.found and all(link.startswith(("/tool/", "#", "?")) for link in page.found)
    assert client.get(f"{front}/static/app.css").status_code == 200
    assert client.get(f"{front}/static/plotly.min.js").status_code == 200
    sent = client.post(f"{front}/runs/1/pin")
    assert sent.status_code == 303 and sent.headers["location"] == "/tool/runs/1"
    assert client.get(f"{front}/runs/1.json").json()["run"]["pinned"]


def test_nothing_served_names_another_host() -> None:
    allowed = ("http://www.w3.org/",)
    for path in sorted((ROOT / "frontend").rglob("*")):
        if path.suffix in (".html", ".css", ".js", ".svg") and path.name not in ("htmx.min.js", "plotly.min.js"):
            for url in re.findall(r"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", path.read_text()):
                assert url.startswith(allowed), (path.name, url)


def test_handlers_have_at_most_15_lines() -> None:
    for path in (ROOT / "app/web/pages").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                lines = (node.end_lineno or 0) - node.body[0].lineno + 1
                assert lines <= 15, (path.name, node.name, lines)


def test_progress_tells_the_page_what_happened(client: TestClient) -> None:
    waiting = client.get("/runs/3/progress")
    assert "data-poll" in waiting.text and "Waiting" in waiting.text and "HX-Trigger" not in waiting.headers
    ended = client.get("/runs/1/progress?have=2")
    assert ended.headers["HX-Trigger"] == "run-ended" and "data-poll" not in ended.text
    page = client.get("/runs/3").text
    assert "skeleton" in page and "run-ended from:body" in page and "Cancel" in page
    assert "run-ended from:body" not in client.get("/runs/1").text


def test_parts_side_by_side_share_a_scale(client: TestClient) -> None:
    text = client.get("/runs/1/panels/parts").text
    parts = client.get("/runs/1.json").json()["explain"]["parts"]
    assert text.count("one scale for every part") >= len(parts) - 1
    assert all(f"part={name}" in text for name in parts[1:])


def test_tables_of_figures(client: TestClient) -> None:
    lines = client.get("/runs/1/figures/profile.csv").text.splitlines()
    rows = client.get("/runs/1.json").json()["explain"]["figures"]["profile"]["rows"]
    assert len(lines) == len(rows) + 1 and float(lines[1].split(",")[1]) == rows[0][1]
    units = client.get("/runs/1/layers/0.csv").text.splitlines()
    assert len(units) == client.get("/runs/1/layers/0.json").json()["total"] + 1
    assert client.get("/runs/1/figures/none.csv").status_code == 404


def test_unknown_parameters_are_named_not_refused(client: TestClient) -> None:
    page = client.get("/runs?model=a&colour=red").text
    assert "<code>colour</code>" in page and "<code>model</code>" not in page.split("Runs</h1>")[0]
    assert "Not used on this page" not in client.get("/explain?query=a&steps=7&demo=pair").text


def test_errors_of_pieces_go_to_the_corner(client: TestClient) -> None:
    answer = client.get("/runs/77/progress", headers=FRAGMENT)
    assert answer.status_code == 404 and answer.headers["HX-Retarget"] == "#toast" and "<html" not in answer.text


def test_refusals_are_pages_for_people(client: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "accept": "text/html"}
    answer = client.post("/runs/1/pin", headers=headers)
    assert answer.status_code == 403 and "from another site" in answer.text and "<h1" in answer.text
    assert client.post("/runs/1/nonsense").status_code == 404


def test_texts_survive_in_the_form(client: TestClient) -> None:
    text = "\n  first line is empty\n\tאבג <b>"
    page = client.post("/explain/form", data={**FORM, "passages": text, "steps": "9"}).text
    area = re.search(r'<textarea id="passages"[^>]*>\n(.*?)</textarea>', page, re.S)
    assert area and area[1].replace("&lt;", "<").replace("&gt;", ">") == text
    assert 'value="9"' in page and 'dir="auto"' in page


def test_preview_counts_marks_and_estimates(client: TestClient) -> None:
    text = client.post("/explain/seen", data={**FORM, "passages": " rain\nfalls"}).text
    assert "Explaining <strong>relevance logit" in text and "of at most 64 tokens" in text
    assert "1 leading blank, 1 line break" in text and "going by run 1" in text
    ranking = client.post("/explain/seen", data={**FORM, "form": "ranking", "passages": "a\n---\nb\n---\nc"}).text
    assert "3 inputs" in ranking and "Passage 3:" in ranking
    wrong = client.post("/explain/seen", data={**FORM, "target": "nonsense"})
    assert wrong.status_code == 200 and "Expected Target: &#39;default&#39;" in wrong.text


@pytest.mark.parametrize(
    ("text", "mode", "found"),
    [
        ("a\n---\nb", "pair", ["a\n---\nb"]),
        ("a\r\nb", "pair", ["a\nb"]),
        ("a\n---\nb\n\nc", "ranking", ["a", "b\n\nc"]),
        ("a\n\nb\n \nc", "ranking", ["a", "b", "c"]),
        (" a \n---\n\n---\n b", "ranking", [" a ", " b"]),
        ("", "ranking", [""]),
        ("", "pair", [""]),
    ],
)
def test_passages_as_they_stand(text: str, mode: str, found: list[str]) -> None:
    assert passages_of(text, mode) == found


def test_values_of_forms() -> None:
    ask = kind_of("explain").ask
    sent = {"form": ["prompt"], "query": ["a"], "passages": ["left over"], "model": ["a"], "other": [" b "]}
    assert ask.read(ask.browser(sent)) == {"query": "a", "model": "b"}
    assert ask.read(ask.browser({**sent, "other": [""]}))["model"] == "a"
    assert size_of("25") == {"count": 25} and size_of(" 2.5% ") == {"fraction": 0.025}
    for wrong in ("0", "-3", "0%", "101%", "nan%", "many", "1.5"):
        with pytest.raises(BadInput) as caught:
            size_of(wrong)
        assert caught.value.field == "size"


def test_values_of_an_ablation() -> None:
    ask = kind_of("ablate").ask
    sent = {"rank": ["top"], "picked": ["1"], "neuron": ["L0.mid.1"], "neurons": ["L1.mid.2, L1.mid.3"]}
    picked = ask.read(ask.browser(sent))
    assert picked["selection"] == {"rank": "hand", "neurons": ["L0.mid.1", "L1.mid.2", "L1.mid.3"]}
    sent = {"op": ["scale"], "amount": ["1.5"], "layers": ["L0, 2"], "segments": ["query"]}
    scaled = ask.read(ask.browser(sent))
    assert scaled["amount"] == 1.5 and scaled["selection"]["layers"] == [0, 2] and scaled["segments"] == ["query"]


def test_numbers_in_words() -> None:
    assert percent(0.000172) == "0.0172 %" and percent(1.0) == "100 %" and percent(None) == "–" and percent(0) == "0 %"
    assert size(999) == "999 B" and size(31_982_314) == "32.0 MB" and size(2.5e9) == "2.50 GB"
    assert span(4.11) == "4.1 s" and span(116.9) == "2 min" and span(None) == "–"
    assert marks("plain") == "" and marks("\n a\tb ") == "2 leading blanks, 1 trailing blank, 1 tab"
    assert "</script" not in embed({"a": "</script><!--"}) and "\\u003c/script" in embed({"a": "</script>"})


def test_an_error_does_not_say_that_nothing_was_read(client: TestClient) -> None:
    page = client.get("/compare?run=99&run=98")
    assert page.status_code == 404 and "Not used on this page" not in page.text
