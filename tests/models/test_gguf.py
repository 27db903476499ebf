"""GGUF files are models: what comes out is what went in, and what would be left out is refused."""

import errno
import json
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from tiny import save_tiny
from tiny_gguf import KINDS, byte_tokenizer, tiny_llama, write_gguf
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    GPT2Config,
    GPT2LMHeadModel,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from app.domain.errors import Conflict, Unsupported
from app.domain.examples import Example
from app.models import converted
from app.models import gguf as headers
from app.models.converted import Card, in_one_go, write
from app.models.loading import Hosts

SIZES: Mapping[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 80,
    "pad_token_id": None,
}
IDS = torch.tensor([[5, 60, 7, 250, 260, 9, 299, 31, 44, 280, 275, 8, 8, 90]])


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return byte_tokenizer()


def shaken(model: Any) -> Any:
    """The model with every number of its own, norms and biases too."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return model.eval()


def phi3() -> Any:
    return shaken(Phi3ForCausalLM(Phi3Config(vocab_size=300, **SIZES, sliding_window=5)))


def gpt2() -> Any:
    return shaken(
        GPT2LMHeadModel(GPT2Config(vocab_size=300, n_positions=80, n_embd=64, n_layer=2, n_head=4, n_inner=96))
    )


def llama3() -> Any:
    """Llama with the rotation of its third version."""
    rope = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    model = tiny_llama(300)
    model.config.rope_parameters = {**rope, "original_max_position_embeddings": 8192}
    state = model.state_dict()
    again = type(model)(model.config).eval()
    again.load_state_dict(state)
    return again


def llama3_factors() -> torch.Tensor:
    """[8] what llama.cpp's converter writes for it, by its own formula."""
    factors = []
    for at in range(0, 16, 2):
        wave = 2 * math.pi * 5e5 ** (at / 16)
        smooth = (8192 / wave - 1) / (4 - 1)
        whole = 1.0 if wave < 8192 / 4 else 8.0 if wave > 8192 else 1 / ((1 - smooth) / 8 + smooth)
        factors.append(whole)
    assert 1.0 in factors and 8.0 in factors
    return torch.tensor(factors)


MODELS: Mapping[str, tuple[Callable[[], Any], Mapping[str, Any]]] = {
    "Llama": (lambda: tiny_llama(300), {}),
    "Llama with tied ends": (lambda: tiny_llama(300, tied=True), {}),
    "Llama with wide heads": (lambda: tiny_llama(300, head_dim=32), {}),
    "Llama 3": (llama3, {"rope_freqs__weight": llama3_factors()}),
    "Qwen2": (lambda: shaken(Qwen2ForCausalLM(Qwen2Config(vocab_size=300, **SIZES))), {}),
    "Qwen3": (
        lambda: shaken(Qwen3ForCausalLM(Qwen3Config(vocab_size=300, head_dim=32, **SIZES))),
        {"extra": {"qwen3.attention.key_length": 32, "qwen3.attention.value_length": 32}},
    ),
    "Phi-3": (phi3, {"extra": {"phi3.attention.sliding_window": 5}}),
    "GPT-2": (gpt2, {"extra": {"gpt2.feed_forward_length": 96}}),
}


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(IDS).logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", MODELS)
def test_the_folder_is_the_model(tmp_path: Path, tokenizer: Any, name: str) -> None:
    make, how = MODELS[name]
    original = make()
    file = write_gguf(tmp_path / "a.gguf", original, tokenizer, **how)
    folder = write(file, tmp_path / "folder", Card("a"))
    again, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    for key, weight in original.state_dict().items():
        assert torch.equal(again.state_dict()[key], weight), key
    assert torch.equal(logits(again.eval()), logits(original))
    assert not hasattr(again, "hf_quantizer") and "quantization" not in (folder / "config.json").read_text()


def test_the_rotation_matters() -> None:
    """Without its factors Llama 3 is another model, so that the test above can fail."""
    original = llama3()
    plain = type(original)(tiny_llama(300, rope_theta=5e5).config).eval()
    plain.config.rope_parameters = {"rope_type": "default", "rope_theta": 5e5}
    plain = type(original)(plain.config).eval()
    plain.load_state_dict(original.state_dict())
    assert not torch.allclose(logits(plain), logits(original), atol=1e-3)


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_1"])
def test_packed_values_are_those_that_they_stand_for(tmp_path: Path, tokenizer: Any, kind: str) -> None:
    original = tiny_llama(300)
    file = write_gguf(tmp_path / "a.gguf", original, tokenizer, kind)
    assert AutoTokenizer.from_pretrained(write(file, tmp_path / "folder", Card("a"))).is_fast
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "folder", dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in original.parameters():
            if weight.dim() == 2:
                packed = gguf.quants.quantize(weight.numpy(), KINDS[kind])
                weight.copy_(torch.from_numpy(gguf.quants.dequantize(packed, KINDS[kind]).astype("float32")))
    assert torch.equal(logits(again), logits(original))
    origin = (tmp_path / "folder" / "golgi.json").read_text()
    assert f"a.gguf: 16 tensors {kind}, 5 F32" in origin and "float32" in origin
    card = (tmp_path / "folder" / "README.md").read_text()
    assert "cc0-1.0" in card and converted.sha256(file) in card and str(tmp_path) not in card


LEFT_OUT = {
    "biases": (lambda: tiny_llama(300, attention_bias=True), {}, "blk.0.attn_q.bias"),
    "factors": (lambda: tiny_llama(300), {"rope_freqs__weight": torch.full((8,), 3.0)}, "rotary factors"),
    "stretched": (lambda: tiny_llama(300), {"extra": {"llama.rope.scaling.type": "linear"}}, "rope.scaling.type"),
    "window": (
        lambda: shaken(Qwen2ForCausalLM(Qwen2Config(vocab_size=300, **SIZES))),
        {"extra": {"qwen2.attention.sliding_window": 4}},
        r"sliding_window 4 \(read as None\)",
    ),
    "half rotated": (
        lambda: tiny_llama(300),
        {"extra": {"llama.attention.key_length": 8}},
        r"rope\.dimension_count 16 \(read as 8\)",
    ),
    "experts": (lambda: tiny_llama(300), {"extra": {"llama.expert_count": 8}}, "expert_count 8"),
    "unknown": (lambda: tiny_llama(300), {"extra": {"llama.logit_scale": 0.25}}, r"logit_scale 0\.25 \(unknown\)"),
    "another head": (lambda: tiny_llama(300), {"cls__output__weight": torch.ones(1, 64)}, "cls.output.weight"),
    "family": (lambda: tiny_llama(300), {"extra": {"general.architecture": "falcon"}}, "'falcon'"),
    "part": (lambda: tiny_llama(300), {"extra": {"split.count": 3}}, "one part of 3"),
}


@pytest.mark.parametrize("change", LEFT_OUT)
def test_what_would_be_left_out_is_refused(tmp_path: Path, tokenizer: Any, change: str) -> None:
    make, how, match = LEFT_OUT[change]
    write_gguf(tmp_path / "a.gguf", make(), tokenizer, **how)
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    with pytest.raises(Unsupported, match=match):
        hosts.get("a.gguf")
    assert hosts.inspect("a.gguf").slug == "a.gguf"
    assert not list((tmp_path / ".converted").glob("*"))


@pytest.mark.parametrize("change", ["text", "empty", "header", "cut off"])
def test_a_broken_file_is_a_sentence(tmp_path: Path, tokenizer: Any, change: str) -> None:
    file = write_gguf(tmp_path / "a.gguf", tiny_llama(300), tokenizer)
    whole = file.read_bytes()
    file.write_bytes({"text": b"hello", "empty": b"", "header": whole[:900], "cut off": whole[:-9000]}[change])
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    with pytest.raises(Unsupported, match=r"Copy the file again|See the models page"):
        hosts.get("a.gguf")
    assert change == "cut off" or "a.gguf" in str(hosts.inspect("a.gguf").problem)


def test_without_the_packages_a_sentence_says_what_installs_them(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "a.gguf", tiny_llama(300), tokenizer)
    monkeypatch.setattr(headers, "find_spec", lambda name: None if name == "gguf" else name)
    hosts = Hosts(tmp_path, device="cpu", offline=True)
    assert "pip install gguf " in str(hosts.inspect("a.gguf").problem)
    with pytest.raises(Unsupported, match="pip install gguf "):
        hosts.get("a.gguf")


@pytest.fixture
def hosts(tmp_path: Path, tokenizer: Any) -> Hosts:
    """A file, a folder with one, a folder with two, and an ordinary folder with one beside its safetensors."""
    root = tmp_path / "models"
    save_tiny(root / "plain", "Llama")
    for name in ("single", "two"):
        (root / name).mkdir()
    told = {"general.file_type": 7}
    one = write_gguf(root / "one.Q8_0.gguf", tiny_llama(300), tokenizer, "Q8_0", extra=told)
    for place in ("single/x.gguf", "two/x.gguf", "two/y.GGUF", "plain/z.gguf", "../elsewhere.gguf"):
        shutil.copy(one, root / place)
    aliases = {"short": str(tmp_path / "elsewhere.gguf")}
    return Hosts(root, device="cpu", offline=True, aliases=aliases, converted=tmp_path / "converted")


def test_a_file_or_a_folder_with_one_is_a_model(hosts: Hosts, tmp_path: Path) -> None:
    infos = {info.slug: info for info in hosts.available()}
    assert set(infos) == {"one.Q8_0.gguf", "plain", "short", "single", "two"}
    assert not hosts.converted.root.exists()
    dry = infos["one.Q8_0.gguf"]
    assert dry.origin.startswith("one.Q8_0.gguf, mostly Q8_0; its first use")
    assert dry.problem is None and (dry.family, dry.task, dry.layers, dry.neurons) == ("Llama", "causal", 2, 192)
    assert "one GGUF file in a folder; found x.gguf, y.GGUF" in str(infos["two"].problem)
    assert infos["plain"].neurons == 72 and infos["plain"].origin == ""
    cards = [hosts.get(name).card for name in ("one.Q8_0.gguf", "single", str(tmp_path / "elsewhere.gguf"))]
    assert [card.slug for card in cards[:2]] == ["one.Q8_0.gguf", "single"]
    assert cards[2].slug.startswith("elsewhere.gguf-"), "a mark of its path, as for folders elsewhere"
    assert hosts.get("short").card.weights_hash == cards[2].weights_hash
    assert all(len(card.checks) == 11 and all(row.state == "ok" for row in card.checks) for card in cards)
    assert len({card.weights_hash for card in cards}) == 1
    assert len(list(hosts.converted.root.iterdir())) == 3
    wet = hosts.inspect("one.Q8_0.gguf")
    assert wet.origin.startswith("one.Q8_0.gguf: 16 tensors Q8_0, 5 F32") and wet.memory_bytes > 0
    assert (wet.slug, wet.source, wet.neurons) == (dry.slug, dry.source, dry.neurons)
    assert hosts.at_hand("one.Q8_0.gguf") and hosts.at_hand("single") and not hosts.at_hand("two.gguf")
    with pytest.raises(Unsupported, match="one GGUF file"):
        hosts.get("two")


def test_what_is_at_hand_is_not_converted(hosts: Hosts) -> None:
    assert hosts.at_hand("one.Q8_0.gguf") and not hosts.converted.root.exists()


def test_another_file_is_another_model(hosts: Hosts, tokenizer: Any) -> None:
    before, folder = hosts.hash("single"), hosts.folder("single")
    assert hosts.folder("single") == folder
    other = hosts.hash("one.Q8_0.gguf")
    write_gguf(hosts.root / "single" / "x.gguf", tiny_llama(300, seed=5), tokenizer, "Q8_0")
    assert hosts.hash("single") != before == other
    assert not folder.exists() and hosts.folder("one.Q8_0.gguf").exists()


def test_what_golgi_json_says_beside_the_file_holds(hosts: Hosts) -> None:
    (hosts.root / "single" / "golgi.json").write_text('{"max_length": 40}')
    hosts.folder("single")
    assert hosts.inspect("single").max_length == 40 and "x.gguf" in hosts.inspect("single").origin
    assert hosts.inspect("one.Q8_0.gguf").max_length == 80


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_nothing_half_made_is_left(hosts: Hosts, monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(converted, "_check_tokens", fail)
    with pytest.raises((KeyboardInterrupt, Conflict), match=None) as caught:
        hosts.get("single")
    assert list(hosts.converted.root.iterdir()) == []
    assert isinstance(caught.value, KeyboardInterrupt) or "Make room" in str(caught.value)


def test_what_another_process_made_meanwhile_stays(tmp_path: Path) -> None:
    for again, kept in ((False, "theirs"), (True, "ours")):
        with in_one_go(tmp_path / "a", again=again) as folder:
            (folder / "x").write_text("ours")
            (tmp_path / "a").mkdir(exist_ok=True)
            (tmp_path / "a" / "x").write_text("theirs")
        assert (tmp_path / "a" / "x").read_text() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_told_before_it_is_full(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(hosts.root)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Conflict, match="room for"):
        hosts.get("single")


def test_tokens(tmp_path: Path, tokenizer: Any) -> None:
    """The beginning is marked as the file says; no token has a number without a row; each digit of SmolLM's is one."""
    texts = ["the quick brown fox", "rain\n\n12 falls, 1984", "Ünïcode 'n <s> <|endoftext|>", ""]
    for name, extra in {
        "plain": {},
        "bos": {"tokenizer.ggml.add_bos_token": True},
        "smollm": {"tokenizer.ggml.pre": "smollm"},
        "odd": {"tokenizer.ggml.pre": "odd"},
    }.items():
        file = write_gguf(tmp_path / f"{name}.gguf", tiny_llama(300), tokenizer, extra=extra)
        again = AutoTokenizer.from_pretrained(write(file, tmp_path / name, Card(name)))
        assert len(again) == 300
        for text in texts:
            plain = tokenizer(text)["input_ids"]
            assert again(text)["input_ids"] == ([1, *plain] if name == "bos" else plain) or name == "smollm", text
    flag, merges = "tokenizer.ggml.add_bos_token", json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    llama3 = {"tokenizer.ggml.pre": "llama-bpe", flag: None, "tokenizer.ggml.merges": [" ".join(merges[0])]}
    file = write_gguf(tmp_path / "llama3.gguf", tiny_llama(300), tokenizer, extra=llama3)
    again = AutoTokenizer.from_pretrained(write(file, tmp_path / "llama3", Card("llama3")))
    assert again("the")["input_ids"] == [1, tokenizer.get_vocab()["the"]]
    smollm = AutoTokenizer.from_pretrained(tmp_path / "smollm").backend_tokenizer.pre_tokenizer
    cut = [piece for piece, _ in smollm.pre_tokenize_str("a\n\n12 3")]
    assert cut == ["a", "ĊĊ", "1", "2", "Ġ", "3"]
    assert "says 'odd'" in (tmp_path / "odd" / "golgi.json").read_text()
    assert "cut as for GPT-2" in (tmp_path / "odd" / "README.md").read_text()


def test_a_prompt_is_read(hosts: Hosts, tokenizer: Any) -> None:
    host = hosts.get("single")
    batch = host.encode([Example("0", "rain falls on")])
    assert batch.inputs["input_ids"][0].tolist() == tokenizer("rain falls on")["input_ids"]
    how = {"gguf_file": "x.gguf", "quantization_config": GgufConfig(dequantize=True), "dtype": torch.float32}
    direct = AutoModelForCausalLM.from_pretrained(hosts.root / "single", **how).eval()
    with torch.no_grad():
        expected = direct(batch.inputs["input_ids"]).logits[0, -1]
    torch.testing.assert_close(host.run(batch, None).logits[0], expected, rtol=1e-5, atol=1e-5)
