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
    assert host.card.slug == "tiny-bert" and host.card.dtype == "float32" and len(host.card.checks) == 11
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


def test_the_budget_follows_the_memory(models_dir: Path) -> None:
    from app.models.memory import memory

    total = memory(torch.device("cpu"))["memory_total"]
    assert Hosts(models_dir, device="cpu").budget == int(0.6 * total) > 0


def broken(  # noqa: C901
    tmp_path: Path, models_dir: Path, change: str
) -> Hosts:
    folder = tmp_path / "broken"
    shutil.copytree(models_dir / "tiny-bert", folder)
    config = json.loads((folder / "config.json").read_text())
    if change == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif change == "remote":
        config |= {"model_type": "owned", "auto_map": {"AutoModel": "model.Model"}}
    elif change == "family":
        config["model_type"] = "reformer"
    elif change == "headless":
        config["architectures"] = ["BertModel"]
    elif change == "tokenizer":
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink(missing_ok=True)
    elif change == "cut off":
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:1000])
    elif change == "labels":
        config["id2label"] = {"no": "0", "yes": "1"}
    elif change == "label list":
        config["id2label"] = ["no", "yes"]
    elif change.startswith("golgi"):
        (folder / "golgi.json").write_text(change.removeprefix("golgi"))
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
        ("cut off", "whole safetensors"),
        ("labels", "numbered from zero"),
        ("label list", "numbered from zero"),
        ("golgi{", "valid JSON"),
        ("golgi[]", "JSON object"),
        ('golgi{"max_length": "long"}', "max_length"),
        ('golgi{"relevant_label": 7}', "relevant_label"),
    ],
)
def test_what_cannot_be_loaded_says_why(tmp_path: Path, models_dir: Path, change: str, says: str) -> None:
    hosts = broken(tmp_path, models_dir, change)
    assert says in (hosts.inspect("broken").problem or "")
    assert [info.slug for info in hosts.available()] == ["broken"]
    with pytest.raises(Unsupported):
        hosts.get("broken")


@pytest.mark.parametrize("gone", ["classifier.weight", "bert.encoder.layer.1.output.dense.weight"])
def test_a_file_that_lacks_weights_is_refused(tmp_path: Path, models_dir: Path, gone: str) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models_dir / "tiny-bert", tmp_path / "partial")
    path = tmp_path / "partial" / "model.safetensors"
    save_file({name: value for name, value in load_file(path).items() if name != gone}, path, {"format": "pt"})
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    with pytest.raises(Unsupported, match=gone.replace(".", r"\.")):
        hosts.get("partial")


def test_threads_that_cut_differently_do_not_meet_in_the_tokenizer(hosts: Hosts) -> None:
    from concurrent.futures import ThreadPoolExecutor

    encoder = hosts.encoder("tiny-bert")
    example = Example("0", "a b c", "d e f a b c d e f a b c d e f")
    limits = [8, 12, 16] * 200
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda limit: len(encoder.seen(example, limit).tokens), limits))
    assert seen == limits


def test_a_tokenizer_does_not_wait_for_weights(hosts: Hosts) -> None:
    import threading

    with hosts._lock:
        thread = threading.Thread(target=hosts.encoder, args=("tiny-bert",))
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive()


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
        name: float(two.target(TargetSpec(name=name), batch).explained(logits))
        for name in ("default", "margin", "logit", "log_probability")
    }
    probability = float(torch.softmax(logits, 1)[0, 1])
    assert value["default"] == pytest.approx(probability) and value["margin"] == pytest.approx(1.5)
    assert value["logit"] == 2.0 and value["log_probability"] == pytest.approx(
        torch.log_softmax(logits, 1)[0, 1].item()
    )
    assert float(two.target(TargetSpec(name="logit", label=0), batch).explained(logits)) == 0.5
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
