"""Every page in full, as JSON, with wrong input, and with hostile text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.kinds import kinds
from app.main import Golgi, build
from app.settings import Settings
from app.web.app import create_app

ROOT = Path(__file__).resolve().parents[2]
NASTY = '<script>alert("x")</script> "quoted" & =1+1'
FORM = {
    "model": "tiny-bert",
    "query": "what causes rain",
    "passages": "rain falls because clouds hold water",
    "steps": "6",
    "method": "nig",
}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:8321", 200), ("[::1]:8321", 200), ("evil.example", 403)])
def test_a_name_that_is_not_ours_is_refused(golgi: Golgi, tmp_path: Path, host: str, status: int) -> None:
    bare = TestClient(create_app(golgi.services, Settings(data_dir=tmp_path, allowed_hosts="")))
    assert bare.get("/help", headers={"host": host}).status_code == status
    named = TestClient(create_app(golgi.services, Settings(data_dir=tmp_path, allowed_hosts="a.example, evil.example")))
    assert named.get("/help", headers={"host": host}).status_code == 200
    locked = TestClient(create_app(golgi.services, Settings(data_dir=tmp_path, allowed_hosts="", token="x")))
    assert locked.get("/help", headers={"host": host, "authorization": "Bearer x"}).status_code == 200


def filled(golgi: Golgi) -> TestClient:
    """Run 1 explains a pair, run 2 a ranking, run 3 ablates run 1, run 4 run 2."""
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/explain", data=FORM)
    passages = "rain falls\n---\nthe lazy dog\n---\nclouds hold water"
    client.post("/explain", data={**FORM, "form": "ranking", "passages": passages})
    while golgi.worker.run_once():
        pass
    client.post("/runs/1/ablate", data={"size": "5"})
    client.post("/runs/2/ablate", data={"size": "5%", "op": "scale", "amount": "0.5", "segments": ["query"]})
    while golgi.worker.run_once():
        pass
    return client


@pytest.fixture
def done(golgi: Golgi) -> TestClient:
    """A filled instance that a test may change."""
    return filled(golgi)


@pytest.fixture(scope="module")
def still(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A filled instance that tests only look at."""
    data = tmp_path_factory.mktemp("still")
    golgi = build(Settings(data_dir=data, models_dir=models_dir, offline=True, device="cpu"), recorded=None)
    yield filled(golgi)
    golgi.db.close()


PAGES = (
    "/",
    "/explain",
    "/explain?demo=pair",
    "/explain?demo=ranking",
    "/explain?model=tiny-two&query=a",
    "/explain?form=prompt&reads=prompt",
    "/explain?form=pair&reads=question",
    "/measure",
    "/neurons",
    "/heads",
    "/library",
    "/activity",
    "/runs",
    "/runs?q=rain&sort=title",
    "/runs/1",
    "/runs/1?part=query",
    "/runs/2",
    "/runs/3",
    "/runs/4",
    "/runs/1/layers/0",
    "/runs/1/layers/2?part=passage&sort=index&offset=5",
    "/neurons/tiny-bert/L1.mid.3",
    "/models",
    "/models/tiny-bert",
    "/models/tiny-gpt2",
    "/jobs",
    "/jobs/1",
    "/methods",
    "/methods/nig",
    "/clusters",
    "/effects",
    "/patch",
    "/writing",
    "/predict",
    "/locators",
    "/locate",
    "/writes",
    "/questions/new",
    "/readings",
    "/activations",
    "/study/demo",
    "/study/query-neurons",
    "/help",
    "/api/v1/docs",
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_answer(still: TestClient, path: str) -> None:
    answer = still.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text and answer.headers["vary"] == "HX-Request, Accept-Encoding"
    assert not re.search(r'(?:src|href)="(?:https?:)?//(?!testserver)', answer.text.replace("http://testserver", ""))


@pytest.mark.parametrize(
    "path",
    [
        "/runs.json",
        "/runs/1.json",
        "/runs/3.json",
        "/runs/1/layers/1.json",
        "/neurons/tiny-bert/L1.mid.3.json",
        "/models.json",
        "/measure.json",
        "/neurons.json",
        "/heads.json",
        "/library.json",
    ],
)
def test_json_twins(still: TestClient, path: str) -> None:
    answer = still.get(path)
    assert answer.status_code == 200 and answer.json()


def test_every_page_module_is_visited() -> None:
    visited = {path.split("/")[1].split("?")[0] or "home" for path in PAGES} | {"api"}
    visited |= {"datasets", "attribute", "study", "sets"}  # tests/web/test_datasets.py
    visited |= {"questions"}  # tests/web/test_questions.py
    visited |= {"figures"}  # tests/figures/test_pdf.py
    forms = {kind.address.strip("/") for kind in kinds().values() if kind.address}
    modules = {path.stem for path in (ROOT / "app/web/pages").glob("*.py")} - {"__init__", "ask"}
    assert modules <= visited | {"home"} and forms <= visited


def test_numbers_of_the_json_twin_are_those_of_the_run(done: TestClient, golgi: Golgi) -> None:
    view = done.get("/runs/3.json").json()["ablate"]
    answers = golgi.worker.results.responses(3)
    item = view["items"][0]
    assert item["before"]["target"] == answers[0][0][0] and item["after"]["target"] == answers[1][0][0]
    curve = view["figures"]["removal"]
    assert curve["columns"][0] == "neurons" and len(curve["rows"]) >= 4
    assert all(len(trace["x"]) == len(curve["rows"]) for trace in curve["plot"]["data"])


def test_the_same_question_opens_the_same_run(done: TestClient) -> None:
    again = done.post("/explain", data=FORM)
    assert again.status_code == 303 and again.headers["location"].endswith("/runs/1")


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"query": "  "}, "query", "some text as the query"),
        ({"passages": ""}, "passages", "passage"),
        ({"steps": "0"}, "steps", "greater than or equal to 2"),
        ({"steps": "1000000000"}, "steps", "less than or equal to 4096"),
        ({"steps": "many"}, "steps", "whole number"),
        ({"model": "no-such-model"}, "model", "no-such-model"),
        ({"label": "7"}, "label", "label from 0 to 0"),
        ({"target": "margin"}, "target", "two labels"),
        ({"baseline": "nonsense"}, "baseline", "baseline"),
        ({"max_length": "3"}, "max_length", "8"),
    ],
)
def test_bad_input_keeps_the_text_and_says_why(
    client: TestClient, change: dict[str, str], field: str, says: str
) -> None:
    sent = {**FORM, "query": "kept words", **change}
    answer = client.post("/explain", data=sent)
    assert answer.status_code in (404, 422), answer.text
    assert 'role="alert"' in answer.text and says in answer.text.replace("&#39;", "'")
    assert "Traceback" not in answer.text
    assert sent["passages"] in answer.text and (change.get("query") or "kept words") in answer.text


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"size": "0"}, "at least one neuron"),
        ({"size": "140%"}, "percentage"),
        ({"rank": "hand", "neurons": "L9.mid.1"}, "layers 0 to 2"),
        ({"rank": "hand", "neurons": "nonsense"}, "L3.mid.1201"),
        ({"rank": "hand"}, "empty selection"),
        ({"layers": "x"}, "whole number"),
    ],
)
def test_bad_ablations_say_why(still: TestClient, sent: dict[str, str], says: str) -> None:
    answer = still.post("/runs/1/ablate", data=sent)
    assert answer.status_code == 422 and says in answer.text and 'role="alert"' in answer.text


def test_unknown_things_are_404_with_a_next_step(client: TestClient) -> None:
    for path in ("/runs/99", "/nowhere", "/jobs/5", "/methods/none", "/r/abc", "/models/absent"):
        answer = client.get(path)
        assert answer.status_code == 404 and "Expected" in answer.text, path
    assert client.get("/runs/99.json").json()["error"]["remedy"]
    assert client.get("/runs/zero").status_code == 422


def test_hostile_text_is_escaped_everywhere(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**FORM, "query": NASTY, "passages": NASTY})
    golgi.worker.run_once()
    client.post("/runs/1/edit", data={"title": NASTY, "note": NASTY})
    for path in ("/", "/runs", "/runs/1", "/jobs", f"/explain?query={NASTY}"):
        page = client.get(path).text
        assert "<script>alert" not in page, path
    assert "&lt;script&gt;" in client.get("/runs/1").text


def test_cut_text_is_shown_never_silent(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={**FORM, "passages": "rain falls " * 200})
    golgi.worker.run_once()
    page = client.get("/runs/1").text
    assert re.search(r"[1-9]\d+ did not fit into 64", page) and 'class="cut"' in page
    live = client.post("/explain/seen", data={**FORM, "passages": "rain falls " * 200}).text
    assert "do not fit" in live


def test_rename_pin_delete_and_undo(done: TestClient) -> None:
    done.post("/runs/1/edit", data={"title": "My title", "note": "a note"})
    done.post("/runs/1/pin")
    page = done.get("/runs").text
    assert "My title" in page and "pinned" in page and "a note" in page
    gone = done.post("/runs/1/delete")
    assert "undo=1" in gone.headers["location"]
    assert "My title" not in done.get("/runs").text
    done.post("/runs/1/restore")
    assert "My title" in done.get("/runs").text


def test_cross_site_writes_are_refused(client: TestClient) -> None:
    assert client.post("/explain", data=FORM, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/explain", data=FORM, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post("/explain", data=FORM, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_token_and_read_only(golgi: Golgi, tmp_path: Path) -> None:
    locked = TestClient(create_app(golgi.services, Settings(token="secret", data_dir=tmp_path)), follow_redirects=False)
    assert locked.get("/runs", headers={"accept": "text/html"}).headers["location"].endswith("/sign-in")
    assert locked.get("/runs.json").status_code == 401
    assert locked.get("/runs.json", headers={"authorization": "Bearer secret"}).status_code == 200
    assert locked.get("/healthz").status_code == 200
    assert locked.post("/sign-in", data={"token": "wrong"}).status_code == 403
    locked.post("/sign-in", data={"token": "secret"})
    assert locked.get("/runs").status_code == 200
    looking = TestClient(
        create_app(golgi.services, Settings(read_only=True, data_dir=tmp_path)), follow_redirects=False
    )
    assert looking.get("/").status_code == 200 and looking.post("/explain", data=FORM).status_code == 403


def test_api(golgi: Golgi, client: TestClient) -> None:
    body = {"model": "tiny-bert", "query": "rain", "passages": ["clouds"], "params": {"steps": 4}}
    run = client.post("/api/v1/explain", json=body).json()
    golgi.worker.run_once()
    assert client.get(f"/api/v1/runs/{run['id']}").json()["run"]["state"] == "done"
    made = client.post(f"/api/v1/runs/{run['id']}/ablate", json={"selection": {"count": 3}})
    assert made.status_code == 202 and made.json()["spec"]["inputs"] == {"source": run["fingerprint"]}
    assert client.post("/api/v1/explain", json={**body, "query": ""}).json()["error"]["field"] == "query"
    assert "/api/v1/explain" in client.get("/api/v1/openapi.json").json()["paths"]


def test_strict_headers(client: TestClient) -> None:
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "script-src 'self';" in headers["content-security-policy"]
    assert client.get("/static/plotly.min.js").status_code == 200
    assert client.get("/static/htmx.min.js").status_code == 200


def test_handlers_are_short_and_ask_services() -> None:
    for path in (ROOT / "app/web/pages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 20, (path.name, node.name)


def test_causal_prompts_and_yes_no_models(golgi: Golgi, client: TestClient) -> None:
    client.post("/explain", data={"model": "tiny-gpt2", "form": "prompt", "query": "rain falls on the", "steps": "4"})
    client.post("/explain", data={**FORM, "model": "tiny-t5"})
    while golgi.worker.run_once():
        pass
    first, second = client.get("/runs/1"), client.get("/runs/2")
    assert "predicted by the model" in first.text and "against" in second.text
    refused = client.post("/explain", data={**FORM, "model": "tiny-gpt2"})
    assert refused.status_code == 422 and "prompt alone" in refused.text
