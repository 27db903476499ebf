"""Loading: local folders, the pool, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tiny import save_tiny

from app.domain.errors import BadInput, NotFound, OutOfMemory, Unsupported
from app.domain.examples import Example
from app.domain.targets import TargetSpec
from app.models.loading import Hosts


@pytest.fixture
def hosts(models_dir: Path) -> Hosts:
    return Hosts(models_dir, device="cpu", offline=True, aliases={"short": "tiny-bert"})


def test_folders_paths_and_aliases(hosts: Hosts, models_dir: Path) -> None:
    host = hosts.get("tiny-bert")
    assert host.card.slug == "tiny-bert" and host.card.dtype == "float32" and len(host.card.checks) == 10
    assert hosts.get("tiny-bert") is host
    assert hosts.inspect(str(models_dir / "tiny-bert")).family == "BERT"
    assert hosts.inspect("short").neurons == 72
    assert hosts.inspect("tiny-two").labels == ("LABEL_0", "LABEL_1") and hosts.inspect("tiny-two").relevant_label == 1
    assert {info.slug for info in hosts.available()} >= {"tiny-bert", "tiny-two", "tiny-t5", "tiny-gpt2"}


def test_half_precision_on_disk_is_float32_in_memory(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "half")
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file({k: v.half() if v.is_floating_point() else v for k, v in load_file(path).items()}, path, {"format": "pt"})
    card = Hosts(tmp_path, device="cpu", offline=True).get("half").card
    assert card.dtype == "float32" and not card.off


def test_the_least_recently_used_goes_first(models_dir: Path) -> None:
    size = Hosts(models_dir, device="cpu").get("tiny-bert").card.bytes
    hosts = Hosts(models_dir, device="cpu", budget_bytes=int(2.6 * size), offline=True)
    hosts.get("tiny-bert")
    hosts.get("tiny-two")
    hosts.get("tiny-bert")
    hosts.get("tiny-gpt2")
    loaded = [card.slug for card in hosts.loaded()]
    assert "tiny-two" not in loaded and loaded[-1] == "tiny-gpt2"
    with pytest.raises(OutOfMemory):
        Hosts(models_dir, device="cpu", budget_bytes=100).get("tiny-bert")
    assert hosts.unload("tiny-gpt2") and not hosts.unload("tiny-gpt2")


def broken(  # noqa: C901
    tmp_path: Path, models_dir: Path, change: str
) -> Hosts:
    folder = tmp_path / "broken"
    shutil.copytree(models_dir / "tiny-bert", folder)
    config = json.loads((folder / "config.json").read_text())
    if change == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif change == "remote":
        config["auto_map"] = {"AutoModel": "model.Model"}
    elif change == "family":
        config["model_type"] = "reformer"
    elif change == "headless":
        config["architectures"] = ["BertModel"]
    elif change == "tokenizer":
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink(missing_ok=True)
    elif change in ("weights", "config"):
        (folder / {"weights": "model.safetensors", "config": "config.json"}[change]).unlink()
    if change != "config":
        (folder / "config.json").write_text("{" if change == "json" else json.dumps(config))
    return Hosts(tmp_path, device="cpu", offline=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("pickle", "pickled weights"),
        ("remote", "auto_map"),
        ("family", "reformer"),
        ("headless", "bare encoder"),
        ("tokenizer", "tokenizer"),
        ("weights", "no weights"),
        ("config", "config.json"),
        ("json", "valid JSON"),
    ],
)
def test_what_cannot_be_loaded_says_why(tmp_path: Path, models_dir: Path, change: str, says: str) -> None:
    hosts = broken(tmp_path, models_dir, change)
    assert says in (hosts.inspect("broken").problem or "")
    with pytest.raises(Unsupported):
        hosts.get("broken")


def test_unknown_names_offline(hosts: Hosts) -> None:
    with pytest.raises(NotFound, match="offline"):
        hosts.inspect("nobody/nothing")
    with pytest.raises(NotFound):
        hosts.inspect("  ")


def test_weights_hash_follows_the_weights(hosts: Hosts) -> None:
    assert hosts.hash("tiny-bert") != hosts.hash("tiny-two")
    assert hosts.hash("tiny-bert") == hosts.hash("tiny-bert")


def test_targets(hosts: Hosts) -> None:
    two = hosts.get("tiny-two")
    batch = two.encode([Example("0", "a b", "c d")])
    logits = torch.tensor([[0.5, 2.0]])
    value = {
        name: float(two.target(TargetSpec(name=name), batch)(logits))
        for name in ("default", "margin", "logit", "log_probability")
    }
    probability = float(torch.softmax(logits, 1)[0, 1])
    assert value["default"] == pytest.approx(probability) and value["margin"] == pytest.approx(1.5)
    assert value["logit"] == 2.0 and value["log_probability"] == pytest.approx(
        torch.log_softmax(logits, 1)[0, 1].item()
    )
    assert float(two.target(TargetSpec(name="logit", label=0), batch)(logits)) == 0.5
    one = hosts.get("tiny-bert")
    assert one.target(TargetSpec()).resolved.sentence == "relevance logit (index 0 of 1, label 'LABEL_0')"
    with pytest.raises(BadInput):
        two.target(TargetSpec(label=2))
    gpt = hosts.get("tiny-gpt2")
    prompt = gpt.encode([Example("0", "rain falls on the")])
    predicted = gpt.target(TargetSpec(), prompt).resolved.token_id
    assert predicted == int(gpt.run(prompt, None).logits[0].argmax())
    assert gpt.target(TargetSpec(token="rain"), prompt).resolved.token_id == gpt.tokenizer("rain")["input_ids"][0]


def test_yes_no_template_and_cut(hosts: Hosts) -> None:
    t5 = hosts.get("tiny-t5")
    batch = t5.encode([Example("0", "rain", "clouds hold water")])
    parts = {
        name: "".join(s.text for s in batch.spans[0] if s.segment == name).replace("##", "") for name in batch.segments
    }
    assert parts["query"] == "rain" and parts["passage"] == "cloudsholdwater" and parts["eos"] == "</s>"
    long = t5.seen(Example("0", "rain", "clouds " * 100), max_length=32)
    assert len(long.tokens) == 32 and long.cut_passage > 0 and long.cut_query == 0
    assert long.tokens[-1].segment == "eos" and long.tokens[-2].segment == "template"


def test_spans_point_at_the_text(hosts: Hosts) -> None:
    example = Example("0", "What  causes RAIN?", "rain, falls\n\tmainly")
    seen = hosts.seen("tiny-bert", example, None)
    for span in seen.tokens:
        if span.segment in ("query", "passage") and not span.text.startswith("["):
            text = example.query if span.segment == "query" else example.passage
            assert text[span.start : span.end].lower() == span.text.removeprefix("##")
    with pytest.raises(BadInput):
        hosts.seen("tiny-bert", Example("0", " ", "x"), None)
