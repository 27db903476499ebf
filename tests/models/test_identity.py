"""What decides an answer is in a run's identity; caches follow a folder's path and files; the loaded weights count."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import save_tiny

from app.domain.runs import RunSpec, canonical
from app.jobs.sameness import see_same
from app.models.loading import Hosts

SPEC: dict[str, Any] = {"kind": "k", "version": 1, "model": "m", "weights_hash": "w", "settings": {}}


@pytest.fixture
def folder(tmp_path: Path, models_dir: Path) -> Path:
    """A model of its own."""
    return Path(shutil.copytree(models_dir / "tiny-bert", tmp_path / "models" / "mine"))


def edit(path: Path, **values: Any) -> None:
    """Other entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values, indent=3))


def test_older_questions_keep_their_fingerprint() -> None:
    body = {name: value for name, value in SPEC.items() if name != "model"} | {"inputs": {}}
    assert RunSpec(**SPEC).fingerprint == hashlib.sha256(canonical(body).encode()).hexdigest()[:16]
    named = RunSpec(**SPEC, identity={"configuration": "a", "tokenizer": "b", "precision": "float32"})
    other = named.model_copy(update={"identity": {**(named.identity or {}), "precision": "bfloat16"}})
    assert len({RunSpec(**SPEC).fingerprint, named.fingerprint, other.fingerprint}) == 3
    assert RunSpec(**SPEC).changed_since("w", named.identity) == ()
    assert named.changed_since("v", other.identity) == ("weights", "precision")


def test_a_corrected_configuration_or_tokenizer_is_another_model(folder: Path) -> None:
    hosts = Hosts(folder.parent, device="cpu", offline=True)
    first, host, weights = hosts.identity("mine"), hosts.get("mine"), hosts.hash("mine")
    edit(folder / "config.json", hidden_act="relu")
    second = hosts.identity("mine")
    assert first["configuration"] != second["configuration"] and first["tokenizer"] == second["tokenizer"]
    assert hosts.hash("mine") == weights and hosts.get("mine") is not host
    edit(folder / "tokenizer_config.json", model_max_length=32)
    third = hosts.identity("mine")
    assert third["tokenizer"] != second["tokenizer"] and hosts.encoder("mine").max_length == 32
    edit(folder / "config.json", transformers_version="0", torch_dtype="float16")
    assert hosts.identity("mine") == third
    half = Hosts(folder.parent, device="cpu", dtype="bfloat16", offline=True)
    assert half.identity("mine") == {**third, "precision": "bfloat16"}


def test_a_run_goes_on_with_the_same_model_only(folder: Path) -> None:
    from types import SimpleNamespace

    from app.domain.errors import GolgiError

    hosts = Hosts(folder.parent, device="cpu", offline=True)
    spec = RunSpec(**{**SPEC, "weights_hash": hosts.hash("mine")}, identity=hosts.identity("mine"))
    run: Any = SimpleNamespace(spec=spec)
    see_same(hosts.get("mine").card, run)
    edit(folder / "config.json", hidden_act="relu")
    with pytest.raises(GolgiError, match="the configuration this run was started for"):
        see_same(hosts.get("mine").card, run)
    half = Hosts(folder.parent, device="cpu", dtype="bfloat16", offline=True)
    edit(folder / "config.json", hidden_act="gelu")
    with pytest.raises(GolgiError, match="GOLGI_DTYPE"):
        see_same(half.get("mine").card, run)


def test_two_folders_of_one_name_are_two_models(tmp_path: Path) -> None:
    places = [tmp_path / where / "checkpoint-500" for where in ("a", "b")]
    for seed, place in enumerate(places):
        save_tiny(place, seed=seed)
    hosts = Hosts(tmp_path / "none", device="cpu", offline=True)
    cards = [hosts.get(str(place)).card for place in places]
    assert cards[0].slug != cards[1].slug and cards[0].weights_hash != cards[1].weights_hash
    encoders = [hosts.encoder(str(place)) for place in places]
    assert encoders[0] is not encoders[1] and len(hosts.loaded()) == 2
    assert hosts.unload(str(places[0])) and hosts.encoder(str(places[1])) is encoders[1]
    assert hosts.encoder(str(places[0])) is not encoders[0]


def test_weights_of_the_same_size_and_time_are_others(folder: Path) -> None:
    hosts = Hosts(folder.parent, device="cpu", offline=True)
    path, before = folder / "model.safetensors", hosts.hash("mine")
    times = path.stat()
    tensors = {name: value * 2 for name, value in load_file(path).items()}
    save_file(tensors, folder / "new", {"format": "pt"})
    os.utime(folder / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "new").rename(path)
    assert path.stat().st_mtime_ns == times.st_mtime_ns and path.stat().st_size == times.st_size
    assert hosts.hash("mine") != before


def test_what_is_not_loaded_is_neither_counted_nor_hashed(folder: Path) -> None:
    hosts = Hosts(folder.parent, device="cpu", offline=True)
    before, count = hosts.hash("mine"), hosts.inspect("mine").memory_bytes
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors, folder / "consolidated.safetensors", {"format": "pt"})
    assert hosts.hash("mine") == before and hosts.inspect("mine").memory_bytes == count
    assert "consolidated.safetensors" in "".join(hosts.inspect("mine").notes)
    names = sorted(tensors)
    for number, part in enumerate((names[::2], names[1::2])):
        save_file({name: tensors[name] for name in part}, folder / f"part-{number}.safetensors", {"format": "pt"})
    places = {name: f"part-{at % 2}.safetensors" for at, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert hosts.hash("mine") == before
    (folder / "model.safetensors").unlink()
    info, card = hosts.inspect("mine"), hosts.get("mine").card
    assert info.memory_bytes == count == 4 * card.parameters and card.weights_hash != before


def test_the_files_that_are_hashed_are_those_that_the_library_loads(folder: Path) -> None:
    """One file goes before an index, as in the library."""
    tensors = {name: torch.zeros_like(value) for name, value in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "zeros.safetensors", {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": dict.fromkeys(tensors, "zeros.safetensors")})
    )
    hosts = Hosts(folder.parent, device="cpu", offline=True)
    host = hosts.get("mine")
    assert float(host.model.classifier.weight.abs().max()) > 0
    assert "zeros.safetensors" in "".join(hosts.inspect("mine").notes)
