"""Tokens behind a prompt (``qrnca.md`` section 3), against the library's own tokenizer and softmax."""

import pytest
import torch
from tiny import tiny_host

from app.domain.errors import BadInput
from app.models.continuations import continuations, next_token
from app.models.host import ModelHost


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


def test_one_token_is_added(llama: ModelHost) -> None:
    tokenizer = llama.tokenizer
    token = next_token(tokenizer, "what causes rain", "falls", "space")
    assert tokenizer("what causes rain falls")["input_ids"][-1] == token == tokenizer.convert_tokens_to_ids("falls")


@pytest.mark.parametrize(
    ("prompt", "text", "blank", "says"),
    [
        ("what causes", "seaside", "space", "one token"),
        ("what causes", "", "space", "one token"),
        ("what causes clou", "ds", "bare", "changes the tokens"),
        ("what causes", "§", "space", "unknown"),
    ],
)
def test_what_is_no_token_is_refused(llama: ModelHost, prompt: str, text: str, blank, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        next_token(llama.tokenizer, prompt, text, blank)


def test_probabilities_are_those_of_the_whole_vocabulary(llama: ModelHost) -> None:
    found = continuations(llama, "what causes", ("rain", "falls", "b"), 1, "auto")
    ids = torch.tensor([llama.tokenizer("what causes")["input_ids"]])
    with torch.no_grad():
        shares = llama.model(ids).logits[0, -1].double().softmax(0)
    assert [o.token for o in found.options] == [
        llama.tokenizer.convert_tokens_to_ids(w) for w in ("rain", "falls", "b")
    ]
    assert [o.probability for o in found.options] == pytest.approx([float(shares[o.token]) for o in found.options])
    assert found.mass == pytest.approx(sum(o.probability for o in found.options))
    assert found.likeliest[0] == int(shares.argmax()) and found.target.word == "falls"
    assert found.known == (found.options[1].probability == max(o.probability for o in found.options))


def test_a_lone_answer_is_known_where_it_is_the_likeliest_token(llama: ModelHost) -> None:
    likeliest = continuations(llama, "what causes", ("rain",), 0, "space").likeliest[1]
    assert continuations(llama, "what causes", (likeliest,), 0, "space").known
    other = "falls" if likeliest != "falls" else "rain"
    assert not continuations(llama, "what causes", (other,), 0, "space").known


def test_auto_takes_the_only_way_there_is(llama: ModelHost) -> None:
    assert continuations(llama, "what causes", ("rain",), 0, "auto").target.blank == "space"
    with pytest.raises(BadInput):
        continuations(llama, "what causes", ("seaside",), 0, "auto")
