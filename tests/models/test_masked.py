"""The mask of a text: where it may stand, which token belongs there, and that no baseline fills it."""

from types import SimpleNamespace

import pytest
import torch
from tiny import family_of, tiny_host, tiny_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.baselines import words
from app.models.host import ModelHost
from app.models.loading import encoder_of
from app.models.tasks import tasks

WORDS = Site(0, SiteKind.WORDS)


@pytest.fixture(scope="module")
def masked() -> ModelHost:
    return tiny_host(task="masked")


@pytest.mark.parametrize(("query", "says"), [("rain falls", "none"), ("[MASK] falls [MASK]", "2")])
def test_a_text_has_one_mask(masked: ModelHost, query: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        masked.encode([Example("0", query)])
    assert caught.value.field == "query" and says in str(caught.value) and "[MASK]" in str(caught.value)


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "ModernBERT", "XLM-R"])
@pytest.mark.parametrize("written", ["[MASK]", "<mask>"])
def test_the_mask_is_translated_and_keeps_its_place(family: str, written: str) -> None:
    host = tiny_host(family, task="masked")
    query = f"rain {written} because clouds"
    batch = host.encode([Example("0", query)])
    at = int(batch.readout[0])
    assert int(batch.inputs["input_ids"][0, at]) == host.tokenizer.mask_token_id
    span = batch.spans[0][at]
    assert span.segment == "mask" and query[span.start : span.end] == written
    texts = [query[s.start : s.end] for s in batch.spans[0] if s.segment == "text"]
    assert texts == ["rain", "because", "clouds"]
    seen = host.seen(Example("0", query))
    assert (seen.query_tokens, seen.cut_query) == (4, 0)


def test_a_mask_behind_the_cut_is_refused(masked: ModelHost) -> None:
    example = Example("0", "rain " * 20 + "[MASK]")
    assert masked.seen(example).cut_query == 0
    with pytest.raises(BadInput, match="behind") as caught:
        masked.encode([example], max_length=12)
    assert caught.value.field == "query"


def test_the_token_at_the_mask(masked: ModelHost) -> None:
    batch = masked.encode([Example("0", "rain [MASK] because clouds hold water")])
    logits = masked.run(batch, None).logits
    whole = masked.model(**batch.inputs).logits[0, int(batch.readout[0])]
    assert torch.equal(logits[0], whole)
    target = masked.target(TargetSpec(), batch)
    assert target.resolved.token_id == int(whole.argmax()) and "predicted" in target.resolved.sentence
    assert float(target.explained(logits)) == pytest.approx(float(whole.softmax(0).max()))
    asked = masked.target(TargetSpec(name="logit", token="falls"), batch)
    assert asked.resolved.token_id == masked.tokenizer.convert_tokens_to_ids("falls")
    assert float(asked.explained(logits)) == float(whole[asked.index])
    first = masked.target(TargetSpec(token="plainly"), batch)
    assert first.resolved.token_id == masked.tokenizer.convert_tokens_to_ids("plain")
    assert "the first of 3 tokens" in first.resolved.sentence


@pytest.mark.parametrize("token", ["?!", " ", "日"])
def test_a_word_that_the_vocabulary_lacks_is_refused(masked: ModelHost, token: str) -> None:
    with pytest.raises(BadInput) as caught:
        masked.target(TargetSpec(token=token), masked.encode([Example("0", "rain [MASK]")]))
    assert caught.value.field == "token"


def test_a_space_before_the_mask_belongs_to_the_word() -> None:
    """As RoBERTa's vocabulary has it: 'Ġrain' behind a space, 'rain' at the start of a text."""
    core = Tokenizer(models.BPE(vocab={"<unk>": 0, "<mask>": 1, "rain": 2, "Ġrain": 3, "Ġ": 4, "r": 5}, merges=[]))
    core.model = models.WordLevel(vocab={"<unk>": 0, "<mask>": 1, "rain": 2, "Ġrain": 3}, unk_token="<unk>")
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, mask_token="<mask>", unk_token="<unk>")
    host = SimpleNamespace(tokenizer=tokenizer, card=None)

    def token_of(*queries: str) -> int | None:
        batch = SimpleNamespace(examples=[Example(str(n), query) for n, query in enumerate(queries)])
        return tasks()["masked"].target(TargetSpec(token="rain"), host, batch).resolved.token_id  # type: ignore[arg-type]

    assert token_of("the <mask> falls") == 3 and token_of("[MASK] falls") == 2
    with pytest.raises(BadInput, match="token") as caught:
        token_of("the [MASK] falls", "[MASK] falls")
    assert caught.value.field == "token"


@pytest.mark.parametrize("baseline", ["pad_query_and_passage", "pad_query", "pad_all", "mask_query_and_passage"])
def test_no_baseline_fills_the_mask(masked: ModelHost, baseline: str) -> None:
    batch = masked.encode([Example("0", "rain [MASK] because clouds")])
    real = masked.run(batch, None, record=[WORDS]).value(WORDS)[0]
    moved = (words(masked, batch, baseline)[0] != real).any(1)
    filled = {span.segment for span, changed in zip(batch.spans[0], moved.tolist(), strict=True) if changed}
    assert "text" in filled and "mask" not in filled and ("special" in filled) == (baseline == "pad_all")


def test_a_passage_that_is_not_there_cannot_be_filled(masked: ModelHost) -> None:
    with pytest.raises(BadInput) as caught:
        words(masked, masked.encode([Example("0", "rain [MASK]")]), "pad_passage")
    assert caught.value.field == "baseline"


def test_a_tokenizer_without_a_mask_is_refused() -> None:
    tokenizer = tiny_tokenizer(family_of("BERT"))
    tokenizer.mask_token = None
    with pytest.raises(Unsupported, match="mask token"):
        encoder_of(tokenizer, ["masked"], family_of("BERT"), 64)
