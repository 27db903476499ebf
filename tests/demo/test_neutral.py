"""The [PAD] row of the demo re-ranker: inputs filled with it say nothing, and no real input notices."""

import argparse
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import save_tiny
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from app.data.demo import Demo
from app.demo.neutral import ROW, blanks, fitted, logits, written

MODEL = Path(__file__).parents[2] / "models_cache" / "golgi-demo-reranker"
WORDS = ("fox", "dog", "rain", "spain", "lazy", "clouds", "hold", "water", "the", "plain")
WISHED = -2.0


def loaded(folder: Path) -> tuple[Any, Any]:
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def pairs(count: int, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)

    def say(most: int) -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, most)))

    return [(say(6), say(20)) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("neutral") / "tiny"
    save_tiny(path)
    return path


def test_text_alone_is_filled(folder: Path) -> None:
    _, tokenizer = loaded(folder)
    batch = blanks(tokenizer, [("fox dog", "rain"), ("fox", "rain in spain")], 32)
    both, query, passage = batch.filled
    assert torch.equal(both, query | passage)
    assert not (query & passage).any()
    kept = batch.ids[~both]
    assert set(kept.tolist()) == {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}
    assert (query.sum(1).tolist(), passage.sum(1).tolist()) == ([2, 1], [1, 3])


def test_filled_by_embedding_is_filled_by_id(folder: Path) -> None:
    model, tokenizer = loaded(folder)
    batch = blanks(tokenizer, pairs(4), 32)
    row = model.get_input_embeddings().weight[tokenizer.pad_token_id]
    for filled in batch.filled:
        ids = batch.ids.masked_fill(filled, tokenizer.pad_token_id)
        wanted = model(input_ids=ids, token_type_ids=batch.segments, attention_mask=batch.mask).logits[:, 0]
        torch.testing.assert_close(logits(model, row, batch, filled), wanted)


def test_row_is_fitted_and_nothing_else_changes(folder: Path) -> None:
    model, tokenizer = loaded(folder)
    texts = pairs(12)
    batch = blanks(tokenizer, texts, 32)
    inputs = {"input_ids": batch.ids, "token_type_ids": batch.segments, "attention_mask": batch.mask}
    parts = load_file(folder / "model.safetensors")
    with torch.inference_mode():
        real = model(**inputs).logits
        wished = float(real.mean()) - 0.05
    asked = argparse.Namespace(steps=80, batch=6, rate=0.05, seed=1, logit=wished, weight=3.0)
    row = fitted(model, tokenizer, texts, asked)
    before = parts[ROW][tokenizer.pad_token_id].float()
    with torch.inference_mode():
        far = (logits(model, before, batch, batch.filled[0]) - wished).abs().mean()
        near = (logits(model, row, batch, batch.filled[0]) - wished).abs().mean()
    assert near < 0.2 * far
    written(folder, row, tokenizer.pad_token_id)
    after = load_file(folder / "model.safetensors")
    changed = {name for name, part in parts.items() if not torch.equal(part, after[name])}
    assert changed == {ROW}
    assert (parts[ROW] != after[ROW]).any(1).nonzero().flatten().tolist() == [tokenizer.pad_token_id]
    with torch.inference_mode():
        assert torch.equal(loaded(folder)[0](**inputs).logits, real), "no real input attends to batch padding"


@pytest.mark.skipif(not (MODEL / "model.safetensors").exists(), reason="the demo model is not made yet")
@pytest.mark.parametrize("length", [24, 96, 320])
def test_shipped_model_finds_nothing_in_padding(length: int) -> None:
    model, tokenizer = loaded(MODEL)
    ranking = Demo().ranking(None, 10)
    batch = blanks(tokenizer, [(ranking.query, passage) for passage in ranking.passages], length)
    row = model.get_input_embeddings().weight[tokenizer.pad_token_id]
    with torch.inference_mode():
        both, query, passage = (logits(model, row, batch, filled) for filled in batch.filled)
    assert (both - WISHED).abs().max() < 0.5
    assert query.max() < 0
    assert passage.max() < 0
