"""The demo re-ranker's folder, and that nothing it is evaluated on was trained on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from app.demo.average import average
from app.demo.card import pooled
from app.demo.corpora import IN_DOMAIN, OUT_OF_DOMAIN, Split, splits

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models_cache" / "golgi-demo-reranker"
DATA = ROOT.parent / "shared" / "data"
LIMIT = 32 * 2**20
# Unknown tokens in all 240 passages by the base model's own tokenizer; it lacks most Chinese characters.
ORIGINAL_UNKNOWN = {"de": 5, "es": 5, "ru": 5, "ar": 33, "zh": 33311}
MIXED = "Grüße ñandú café Санкт-Петербург 東京大学 中文 كيف حالك ελληνικά ½ × € naïve"

needs_model = pytest.mark.skipif(not (MODEL / "model.safetensors").exists(), reason="the demo model is not made yet")
needs_data = pytest.mark.skipif(not DATA.exists(), reason="shared/data is not beside the project")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(MODEL)


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForSequenceClassification.from_pretrained(MODEL, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def parts() -> dict[str, Split]:
    return splits(DATA)


@needs_model
def test_folder_is_small() -> None:
    size = sum(file.stat().st_size for file in MODEL.rglob("*") if file.is_file())
    assert 20 * 2**20 < size < LIMIT


@needs_model
def test_weights_are_half_precision_and_complete() -> None:
    with safe_open(MODEL / "model.safetensors", framework="pt") as file:
        kinds = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
        head = file.get_slice("classifier.weight").get_shape()
        up = [file.get_slice(key).get_shape()[0] for key in kinds if key.endswith("intermediate.dense.weight")]
    assert set(kinds.values()) == {"F16"}
    assert head == [1, 384]
    assert sum(up) == 9216


@needs_model
def test_config_names_one_relevance_logit() -> None:
    config = json.loads((MODEL / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "relevance"}


@needs_model
def test_every_single_character_stays_readable(tokenizer: Any) -> None:
    vocabulary = tokenizer.get_vocab()
    single = {token for token in vocabulary if len(token) == 1}
    assert len(single) >= 997
    assert all(f"##{token}" in vocabulary for token in single)
    assert tokenizer.unk_token_id not in tokenizer(MIXED)["input_ids"]
    assert tokenizer.unk_token_id in tokenizer("\U0001f9e0")["input_ids"]


@needs_model
@needs_data
@pytest.mark.parametrize(("language", "unknown"), ORIGINAL_UNKNOWN.items())
def test_other_languages_gain_no_unknown_token(tokenizer: Any, language: str, unknown: int) -> None:
    lines = (DATA / "xquad_other" / language / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    ids = tokenizer([f" {text}" for text in texts], add_special_tokens=False)["input_ids"]
    assert sum(row.count(tokenizer.unk_token_id) for row in ids) <= unknown


@needs_model
@needs_data
def test_relevant_passages_outscore_irrelevant_ones(model: Any, tokenizer: Any, parts: dict[str, Split]) -> None:
    corpus, wins = parts["liveqa_med"].corpus, []
    for query in parts["liveqa_med"].evaluated[:30]:
        grades = corpus.grades[query]
        best, worst = max(grades, key=grades.__getitem__), min(grades, key=grades.__getitem__)
        if grades[best] >= 2 and grades[worst] == 0:
            text = corpus.queries[query]["text"]
            inputs = tokenizer(
                [text, text],
                [corpus.passages[best], corpus.passages[worst]],
                truncation="only_second",
                max_length=256,
                padding=True,
                return_tensors="pt",
            )
            with torch.inference_mode():
                high, low = model(**inputs).logits[:, 0].tolist()
            assert max(abs(high), abs(low)) < 12
            wins.append(high > low)
    assert len(wins) >= 10
    assert sum(wins) / len(wins) > 0.6


@needs_data
def test_no_evaluated_text_is_trained_on(parts: dict[str, Split]) -> None:
    seen: set[str] = set()
    shown: set[str] = set()
    for part in parts.values():
        seen |= {part.corpus.passages[p] for p in part.train_passages} | set(part.train_queries.values())
        for query in part.evaluated:
            near = {*part.corpus.run[query], *part.corpus.grades.get(query, {})}
            shown |= {part.corpus.passages[p] for p in near} | {part.corpus.queries[query]["text"]}
    assert len(seen) > 5000
    assert len(shown) > 5000
    assert not seen & shown


@needs_data
def test_ids_and_documents_are_apart(parts: dict[str, Split]) -> None:
    for part in parts.values():
        assert part.evaluated
        if part.corpus.name != "scifact":  # its training claims are another file with their own ids
            assert not set(part.evaluated) & set(part.train_queries)


@needs_data
def test_sets_out_of_domain_train_nothing(parts: dict[str, Split]) -> None:
    assert set(parts) == {*IN_DOMAIN, *OUT_OF_DOMAIN}
    for name in OUT_OF_DOMAIN:
        assert not parts[name].train_queries
        assert not parts[name].train_passages
    assert all(parts[name].train_queries and parts[name].train_passages for name in IN_DOMAIN)


@needs_model
def test_card_and_facts_name_every_set() -> None:
    if not (MODEL / "README.md").exists():
        pytest.skip("the model card is written after the measurement")
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    facts = json.loads((MODEL / "golgi.json").read_text(encoding="utf-8"))
    assert facts["relevant_label"] == 0
    assert facts["max_length"] == 320
    assert facts["quality"]["liveqa_med"]["model"] > 0.72
    assert all(facts["quality"][name]["model"] > facts["quality"][name]["bm25"] for name in IN_DOMAIN)
    gain, half = pooled(facts["quality"])
    assert gain > half, "clearly above the first stage over all in-domain queries"
    assert {*facts["in_domain"], *facts["out_of_domain"]} == {*IN_DOMAIN, *OUT_OF_DOMAIN}
    for name in (*IN_DOMAIN, *OUT_OF_DOMAIN):
        assert f"{facts['quality'][name]['model']:.3f}" in card
        assert name in card


def test_pooled_gain_is_that_of_all_queries() -> None:
    draw = np.random.default_rng(3)
    gains = {name: draw.normal(0.02 * at, 0.2, size=60 + 40 * at) for at, name in enumerate(IN_DOMAIN)}
    table = {}
    for name, values in gains.items():
        half = 1.96 * values.std() / len(values) ** 0.5
        mean = values.mean()
        table[name] = {"queries": len(values), "bm25": 0.5, "model": 0.5 + mean}
        table[name] |= {"gain_low": mean - half, "gain_high": mean + half}
    everything = np.concatenate(list(gains.values()))
    gain, half = pooled(table)
    assert gain == pytest.approx(everything.mean())
    assert half == pytest.approx(1.96 * everything.std() / len(everything) ** 0.5, rel=0.05)


def test_legs_are_averaged_part_by_part(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for name, value in (("a", 1.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        save_file({"w": torch.full((2, 2), value).half()}, tmp_path / name / "model.safetensors")
        (tmp_path / name / "config.json").write_text(name)
    average(tmp_path / "a", tmp_path / "b", tmp_path / "c", 0.25)
    assert load_file(tmp_path / "c" / "model.safetensors")["w"].tolist() == [[2.5, 2.5], [2.5, 2.5]]
    assert (tmp_path / "c" / "config.json").read_text() == "b"
    save_file({"w": torch.zeros(3)}, tmp_path / "b" / "model.safetensors")
    with pytest.raises(SystemExit, match="different parts"):
        average(tmp_path / "a", tmp_path / "b", tmp_path / "c", 0.25)
