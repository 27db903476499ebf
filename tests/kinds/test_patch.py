"""A model with a search's neurons scaled for good, from button to folder: it answers as hooks at all tokens do."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from asking import file_of
from fastapi.testclient import TestClient
from tiny import save_tiny

from app.cli.commands import keep_set
from app.cli.parser import parser
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.sites import NeuronIndex
from app.interventions.edits import Cell, Sources, compile_edits
from app.main import Golgi, build
from app.models.loading import Hosts
from app.settings import Settings

PROMPT = "what causes rain a"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Golgi]:
    """An instance with a models folder of its own, and a finished search (run 1)."""
    save_tiny(tmp_path / "models" / "tiny-llama", "Llama")
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    values = {"model": "tiny-llama", "sample": {"questions": "mine", "known": 0}, "params": {"steps": 2}}
    golgi.services.requests.start("clusters", values)
    golgi.worker.run_once()
    yield golgi
    golgi.db.close()


def test_from_a_query_to_an_edited_model(own: Golgi, tmp_path: Path) -> None:
    client = TestClient(own.app(), follow_redirects=False)
    page = client.get("/runs/1/queries/q3").text
    assert 'action="/runs/1/sets"' in page and 'value="query:q3"' in page
    kept = client.post("/runs/1/sets", data={"of": "query:q3", "threshold": "0.3", "size": "5"})
    assert kept.status_code == 303
    number = int(urlsplit(kept.headers["location"]).path.rsplit("/", 1)[1])
    saved = own.services.sets.get(number)
    wanted = own.services.pages.report(1, {"threshold": "0.3", "size": "5"}).group("query:q3").neurons
    assert saved.members == wanted and 0 < len(wanted) <= 5 and "t = 0.3" in saved.name
    assert f'href="/patch?set={number}"' in client.get(f"/sets/{number}").text
    for factor in (0.0, 2.0):
        folder = f"edited-{factor:g}"
        values = {"set": str(number), "factor": str(factor), "folder": folder}
        assert "would be written to the new folder" in client.post("/patch/cost", data=values).text
        sent = client.post("/patch", data=values)
        assert sent.status_code == 303, sent.text
        own.worker.run_once()
        told = client.get(sent.headers["location"]).text
        assert f"&#39;{folder}&#39; is tiny-llama with {len(wanted)} neurons" in told and "Open the new model" in told
        assert client.get(f"/models/{folder}").status_code == 200
        equal_to_hooks(tmp_path / "models", folder, wanted, factor)
        note = json.loads((tmp_path / "models" / folder / "golgi.json").read_text())["scaled"]
        assert note["amount"] == factor and note["neurons"] == len(wanted)
    assert not list((tmp_path / "models").glob(".*.part"))


def equal_to_hooks(models: Path, folder: str, neurons: tuple[str, ...], factor: float) -> None:
    """Answers of the folder are those of the model under hooks at every token."""
    hosts = Hosts(models, device="cpu", dtype="float64", offline=True)
    host, edited = hosts.get("tiny-llama"), hosts.get(folder)
    space, batch = host.space("ffn"), host.encode([Example("0", PROMPT)])
    members = np.array(sorted(space.flat(NeuronIndex.parse(text)) for text in neurons), dtype=np.int64)
    setting = Setting("target", members, op=Op.SCALE, amount=factor)
    hooked = host.run(batch, None, edits=compile_edits(space, [Cell(0, setting)], Sources())).logits
    torch.testing.assert_close(edited.run(edited.encode([Example("0", PROMPT)]), None).logits, hooked)
    assert not torch.allclose(host.run(batch, None).logits, hooked)


def test_a_domain_is_saved_by_api_and_command(own: Golgi, tmp_path: Path) -> None:
    client = TestClient(own.app())
    kept = client.post("/api/v1/runs/1/sets", json={"of": "domain:first", "name": "mine", "look": {"size": 3}})
    assert kept.status_code == 201 and kept.json()["name"] == "mine"
    united = {
        member
        for key in ("q0", "q2", "q4")
        for member in own.services.pages.report(1, {"size": "3"}).group(f"query:{key}").neurons
    }
    assert set(kept.json()["neurons"]) == united
    words = ["keep-set", "1", "--of", "domain:first", "--look", "size=3", "--offline"]
    words += ["--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")]
    assert keep_set(parser().parse_args(words)) == 0
    assert own.services.sets.get(2).members == own.services.sets.get(1).members


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"folder": "new"}, "neurons to scale"),
        ({"set": "1", "folder": ""}, "an empty name"),
        ({"set": "1", "folder": "../up"}, "a name of letters, digits"),
        ({"set": "1", "folder": "tiny-llama"}, "a name that no model has yet"),
        ({"set": "7", "folder": "new"}, "a saved neuron set"),
        ({"set": "1", "folder": "new", "factor": "1e9"}, "factor"),
        ({"neurons": "L0.head.1", "model": "tiny-llama", "folder": "new"}, "feed-forward units"),
        ({"neurons": "L0.mid.1", "folder": "new"}, "a model"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    own: Golgi, tmp_path: Path, values: dict[str, str], says: str
) -> None:
    client = TestClient(own.app())
    client.post("/runs/1/sets", data={"of": "query:q3"})
    answer = client.post("/patch", data=values)
    assert 400 <= answer.status_code < 500 and says in answer.text and "Traceback" not in answer.text
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny-llama"]


def test_groups_that_are_not_there_are_told(own: Golgi) -> None:
    client = TestClient(own.app())
    for of in ("query:nowhere", "domain:", "q3"):
        answer = client.post("/runs/1/sets", data={"of": of})
        assert answer.status_code == 404 and "query:KEY or domain:NAME" in answer.text
    assert client.post("/runs/1/sets", data={}).status_code == 422
