"""What a model would write: tokens and probabilities against the library's own, and what is said of doubtful ones."""

from typing import Any

import pytest
import torch
from tiny import tiny_host

from app.domain.variants import Variant
from app.jobs.base import Inputs, Shard
from app.kinds.writes.ask import WritesAsk, prompts_of
from app.kinds.writes.question import WritesQuestion
from app.kinds.writes.work import WritesWork
from app.models.continuations import continuations
from app.models.host import ModelHost
from app.models.variants import variants

PROMPT = "what causes the"


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


def read(host: ModelHost, *answers: str, prompt: str = PROMPT, **asked: Any) -> Any:
    question = WritesQuestion(prompts=(prompt,), answers=answers, max_length=64, **asked)
    doing = WritesWork(question, Inputs({}, None, None), host)  # type: ignore[arg-type]
    (row,) = doing.work(doing.plan(), Shard(0, 0, 1, 1)).rows
    return row


def test_likeliest_tokens_are_those_of_the_library(llama: ModelHost) -> None:
    ids = torch.tensor([llama.tokenizer(PROMPT)["input_ids"]])
    with torch.no_grad():
        shares = llama.model(ids).logits[0, -1].double().softmax(0)
    top = shares.topk(10)
    row = read(llama)
    assert [one["token"] for one in row.notes["likeliest"]] == top.indices.tolist()
    assert [one["probability"] for one in row.notes["likeliest"]] == pytest.approx(top.values.tolist())
    assert row.values["together"] == pytest.approx(float(top.values.sum()))


def test_what_is_offered_means_the_token(llama: ModelHost) -> None:
    tokenizer = llama.tokenizer
    for one in read(llama).notes["likeliest"]:
        if one["alone"]:
            assert tokenizer(one["alone"], add_special_tokens=False)["input_ids"] == [one["token"]]
        if one["behind"]:
            assert any(way.ids == (one["token"],) for way in variants(tokenizer, PROMPT, one["behind"]))
    assert any(one["behind"] for one in read(llama).notes["likeliest"])


@pytest.mark.parametrize("answers", [("rain",), ("rain", "water", "dog")])
def test_auto_is_that_of_a_search(llama: ModelHost, answers: tuple[str, ...]) -> None:
    row = read(llama, *answers, options=len(answers) > 1)
    wanted = continuations(llama, PROMPT, answers, 0, "auto")
    for told, option in zip(row.notes["answers"], wanted.options, strict=True):
        taken = next(way for way in told["ways"] if way["blank"] == told["taken"])
        assert told["taken"] == option.blank and taken["ids"] == (option.token,)
        assert taken["probability"] == pytest.approx(option.probability)


def test_an_answer_of_several_tokens_is_told_and_not_taken(llama: ModelHost) -> None:
    (told,) = read(llama, "seaside").notes["answers"]
    assert told["taken"] == "" and all(not way["single"] for way in told["ways"])
    assert "one token of the model" in told["ways"][0]["fault"] and len(told["ways"][0]["ids"]) > 1


def test_a_masked_model_tells_the_token_in_place_of_its_mask() -> None:
    host = tiny_host("BERT", task="masked")
    row = read(host, "rain", prompt="what causes [MASK] in spain")
    (told,) = row.notes["answers"]
    assert told["taken"] == "mask" and told["ways"][0]["ids"] == (host.tokenizer.convert_tokens_to_ids("rain"),)
    assert len(row.notes["likeliest"]) == 10 and any(one["alone"] for one in row.notes["likeliest"])


def test_a_variant_says_why_it_is_no_target() -> None:
    assert Variant("space", " a", (3,), (" a",)).single
    assert "changes the tokens" in str(Variant("bare", "a", (), (), merges=True).fault)
    assert "unknown token" in str(Variant("bare", "a", (0,), ("?",), unknown=True).fault)


def test_prompts_stand_between_lines_of_dashes() -> None:
    assert prompts_of("one\n\ntwo\n---\nthree ") == ["one\n\ntwo", "three "]
    ask = WritesAsk()
    assert ask.browser({"query": ["a\n---\nb"], "token": ["x\ny"]}) == {"query": ["a", "b"], "token": ["x", "y"]}
    assert ask.browser({"query": ["a\n---\nb"], "form": ["prompt"]})["query"] == ["a\n---\nb"]
    one = ask.browser({"query": ["a", "b"], "token": ["x", "y"], "only": ["1"]})
    assert (one["query"], one["token"]) == (["b"], ["y"])
