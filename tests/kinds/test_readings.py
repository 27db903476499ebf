"""What neurons write, against the matrices themselves; and the page of a neuron."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from asking import file_of
from fastapi.testclient import TestClient
from tiny import save_tiny, tiny_host

from app.domain.errors import Unsupported
from app.jobs.base import Inputs
from app.kinds.readings.question import ReadoutQuestion
from app.kinds.readings.work import ReadoutWork
from app.main import Golgi, build
from app.models.host import ModelHost
from app.settings import Settings


def notes_of(host: ModelHost, *neurons: str) -> list[dict[str, object]]:
    doing = ReadoutWork(ReadoutQuestion(neurons=neurons, tokens=5), Inputs({}, None, None), host)  # type: ignore[arg-type]
    plan = doing.plan()
    return [dict(row.notes) for shard in doing.shards(plan) for row in doing.work(plan, shard).rows]


def test_tokens_are_the_column_on_the_unembedding() -> None:
    """Written out on Llama's own modules."""
    host = tiny_host("Llama")
    (notes,) = notes_of(host, "L1.mid.3")
    model = host.model
    column = model.model.layers[1].mlp.down_proj.weight[:, 3]
    plain = model.lm_head.weight @ column
    normed = model.lm_head.weight @ model.model.norm(column)
    for name, logits in (("without", plain), ("with", normed)):
        raised, lowered = notes[name]  # type: ignore[misc]
        assert [row[0] for row in raised] == logits.topk(5).indices.tolist()
        assert [row[0] for row in lowered] == (-logits).topk(5).indices.tolist()
        assert [row[2] for row in raised] == pytest.approx(logits.topk(5).values.tolist())
        assert raised[0][1] == host.tokenizer.decode([raised[0][0]])
    shares = [row[3] for row in notes["with"][0]]  # type: ignore[index]
    assert shares == pytest.approx(torch.softmax(normed, 0).topk(5).values.tolist())
    assert notes["without"][0][0][3] is None  # type: ignore[index]


def test_a_masked_model_has_a_read_out_without_the_norm() -> None:
    host = tiny_host("BERT", task="masked")
    first, second = notes_of(host, "L0.mid.0", "L0.mid.1")
    assert first["neuron"] == "L0.mid.0" and second["neuron"] == "L0.mid.1"
    column = host.model.bert.encoder.layer[0].output.dense.weight[:, 0]
    expected = (host.model.cls.predictions.decoder.weight @ column).topk(5).indices.tolist()
    assert [row[0] for row in first["without"][0]] == expected  # type: ignore[index]
    assert "with" in first or "causal language model" in str(first["no_norm"])


def test_a_ranker_has_no_head_of_tokens() -> None:
    with pytest.raises(Unsupported, match="a language model with its head"):
        notes_of(tiny_host("BERT"), "L0.mid.0")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Golgi]:
    """An instance with a finished search (run 1) on a tiny Llama."""
    save_tiny(tmp_path / "models" / "tiny-llama", "Llama")
    save_tiny(tmp_path / "models" / "tiny-bert")
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    values = {"model": "tiny-llama", "sample": {"questions": "mine", "known": 0}, "params": {"steps": 2}}
    golgi.services.requests.start("clusters", values)
    golgi.worker.run_once()
    yield golgi
    golgi.db.close()


def test_a_neuron_page_tells_where_it_matters_and_offers_its_tokens(own: Golgi) -> None:
    client = TestClient(own.app())
    neuron = own.services.pages.report(1).group("query:q3").neurons[0]
    page = client.get(f"/neurons/tiny-llama/{neuron}").text
    assert "Where it matters" in page and "query-relevant in" in page and 'href="/runs/1/queries/q3"' in page
    assert "Read its tokens" in page and "The search kept a few tokens" in page
    assert "No run has read it so yet." in client.get(f"/neurons/tiny-llama/{neuron}?norm=with").text
    sent = client.post("/readings", data={"model": "tiny-llama", "neurons": neuron}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    own.worker.run_once()
    assert own.services.runs.get(2).state.value == "done"
    for norm in ("without", "with"):
        page = client.get(f"/neurons/tiny-llama/{neuron}?norm={norm}").text
        assert "by\n      <a" in page and 'href="/runs/2"' in page and "Read its tokens" not in page
        assert f"{neuron}" in client.get(f"/runs/2?norm={norm}").text
    assert "Share" in page and "through the final norm" in page
    rows = client.get("/runs/2/export/csv").text.splitlines()
    assert rows[0] == "neuron,final norm,end,rank,token,text,logit,share" and len(rows) == 1 + 4 * 20
    twin = client.get(f"/neurons/tiny-llama/{neuron}.json?norm=with").json()
    assert len(twin["read"]["raised"]) == 20 and twin["mentions"][0]["said"]
    client.post("/runs/1/sets", data={"of": "query:q3"})
    assert 'href="/readings?set=1"' in client.get("/sets/1").text
    whole = client.post("/readings", data={"model": "tiny-llama", "set": "1"}, follow_redirects=False)
    assert whole.status_code == 303
    own.worker.run_once()
    assert "neurons read;" in client.get(whole.headers["location"]).text


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "tiny-llama"}, "neurons to read"),
        ({"model": "tiny-llama", "neurons": "L0.head.1"}, "feed-forward units"),
        ({"model": "tiny-llama", "neurons": "nonsense"}, "nonsense"),
        ({"model": "tiny-bert", "neurons": "L0.mid.1"}, "a language model, which has a head of tokens"),
        ({"model": "tiny-llama", "set": "9"}, "a saved neuron set"),
    ],
)
def test_bad_input_is_told(own: Golgi, values: dict[str, str], says: str) -> None:
    answer = TestClient(own.app()).post("/readings", data=values)
    assert 400 <= answer.status_code < 500 and says in answer.text and "Traceback" not in answer.text
