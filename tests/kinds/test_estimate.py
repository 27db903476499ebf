"""What a large model would take, before it was ever timed: against section 12 and the library's models."""

from pathlib import Path

import pytest
from asking import file_of
from fastapi.testclient import TestClient
from tiny import save_tiny, tiny_host

from app.domain.examples import Example
from app.domain.model_card import ModelInfo
from app.kinds.clusters.ask import memory_of
from app.kinds.clusters.points import passes_of
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.timings import Speed, scaled
from app.main import build
from app.models.folders import family_of
from app.models.sizes import shape_of
from app.settings import Settings

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32000,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}


def test_the_published_model_from_its_configuration_alone() -> None:
    """32 blocks of 17 points a prompt; 6.74e9 weights; about 79 MB a cached row of 150 tokens in float16."""
    shape = shape_of(LLAMA, family_of(LLAMA).gated)
    assert shape is not None and shape.maps == 3
    assert shape.weights == pytest.approx(6_738_415_616, rel=1e-3)
    assert shape.cached_bytes(150, 2) == 2 * 32 * 150 * 4096 * 2 == 78_643_200
    assert passes_of(ClustersQuestion(params={"steps": 16}), shape.layers) == 32 * 17 == 544
    told = memory_of(ModelInfo(slug="a", source="a", shape=shape), 2, 150)
    assert "weights 13.5 GB" in told and "78.6 MB for each cached row" in told


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Qwen2", "GPT-2"])
def test_weights_and_cache_are_those_of_the_library(family: str) -> None:
    """Without norms and biases; the cache is that of a pass."""
    host = tiny_host(family)
    config = host.model.config
    shape = shape_of(config.to_dict(), host.architecture.gated)
    assert shape is not None
    matrices = {id(p): p.numel() for name, p in host.model.named_parameters() if p.ndim == 2 and "wpe" not in name}
    assert shape.weights == sum(matrices.values())
    prefix = host.prefill(host.encode([Example("0", "rain falls on a dog")]))
    each = prefix.keys[0].element_size()
    cached = sum(part.numel() * part.element_size() for part in (*prefix.keys, *prefix.values))
    assert cached == shape.cached_bytes(prefix.keys[0].shape[2], each)


def test_a_speed_is_scaled_by_the_weights_and_says_so() -> None:
    rough = scaled(Speed(0.5, (7,), True, "cpu"), "small", 1000, 4000)
    assert rough.seconds == 2 and not rough.alike and rough.device == "cpu"
    assert "run 7 of small, times 4.00 for its weights: a rough guess" in rough.words


def test_the_form_tells_a_rough_time_for_a_model_that_was_never_timed(tmp_path: Path) -> None:
    save_tiny(tmp_path / "models" / "tiny-llama", "Llama")
    save_tiny(tmp_path / "models" / "tiny-gpt2", "GPT-2")
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", offline=True, device="cpu")
    golgi = build(settings, recorded=None)
    golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    client = TestClient(golgi.app())
    form = {"model": "tiny-gpt2", "questions": "mine", "known": "0", "steps": "2", "flags": "1"}
    before = client.post("/clusters/cost", data=form).text
    assert "No timing of this model yet" in before and "Memory: weights" in before
    client.post("/clusters", data={**form, "model": "tiny-llama"})
    golgi.worker.run_once()
    after = client.post("/clusters/cost", data=form).text
    assert "of tiny-llama, times" in after and "a rough guess" in after
    assert "rough guess" not in client.post("/clusters/cost", data={**form, "model": "tiny-llama"}).text
    golgi.db.close()
