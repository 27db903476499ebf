"""A GGUF file in the dashboard: by the form, the API and the command line, on the models page, in the run."""

import json
import re
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tiny_gguf import byte_tokenizer, tiny_llama, write_gguf

from app.__main__ import main
from app.main import Golgi

PAD = {"tokenizer.ggml.padding_token_id": 2}
ASKED = {"query": "rain falls on the", "method": "nig", "steps": "4", "form": "prompt"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "elsewhere" / "tiny.Q8_0.gguf", tiny_llama(300), byte_tokenizer(), "Q8_0", extra=PAD)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def test_a_file_is_explained(tree: Path, golgi: Golgi, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    monkeypatch.chdir(file.parent)
    first = client.post("/explain", data={**ASKED, "other": str(file), "model": ""})
    assert first.status_code == 303, first.text
    assert golgi.worker.run_once()
    run = client.get("/runs/1.json").json()["run"]
    assert run["state"] == "done" and run["spec"]["source"] == str(file) and run["spec"]["model"].startswith(file.name)
    assert run["spec"]["weights_hash"] == golgi.services.requests.desk.hosts.hash(str(file))
    body = {"model": file.name, "query": ASKED["query"], "method": "nig", "params": {"steps": 4}}
    again = client.post("/api/v1/explain", json=body)
    assert again.json()["id"] == 1, again.text
    page = client.get(f"/models/{file.name}").text
    assert "16 tensors Q8_0, 5 F32" in page and "in float32" in page and "sha256" in page
    assert "tiny.Q8_0.gguf" in client.get("/runs/1").text
    assert [path.name.split("-")[0] for path in (tree / "converted").iterdir()] == ["tiny.Q8_0"]


def test_the_models_page(tree: Path, golgi: Golgi, file: Path) -> None:
    hosts = golgi.services.requests.desk.hosts
    hosts.root = tree / "models"
    client = TestClient(golgi.app())
    assert "golgi get-model" in client.get("/models").text
    hosts.root.mkdir()
    shutil.copy(file, hosts.root / "one.gguf")
    (hosts.root / "broken.gguf").write_bytes(b"GGUF")
    page = client.get("/models").text
    assert "one.gguf; its first use writes" in page and "Cannot be loaded: Expected a whole GGUF file" in page
    assert "0 B in memory" not in page and not (tree / "converted").exists()
    one = client.get("/models/one.gguf").text
    assert "known after the first use" in one
    shown = client.get("/explain", params={"model": "broken.gguf"})
    assert shown.status_code == 200 and "Traceback" not in shown.text
    bad = client.post("/explain", data={**ASKED, "model": "broken.gguf"})
    assert bad.status_code == 422 and "whole GGUF file" in bad.text and "Traceback" not in bad.text


def test_the_command_line(tree: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data-dir", str(tree / "data"), "--device", "cpu", "--offline"]
    assert main(["check-model", str(file), *where]) == 0
    assert re.search(r"^tiny\.Q8_0\.gguf-\w{6}: Llama, 2 blocks", capsys.readouterr().out)
    asked = ["--model", str(file), "--query", ASKED["query"], "--steps", "4", "--json"]
    assert main(["explain", *asked, *where]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["spec"]["model"].startswith(file.name)
    file.write_bytes(file.read_bytes()[:-9000])
    assert main(["check-model", str(file), *where]) == 2
    assert "whole GGUF file" in capsys.readouterr().err
