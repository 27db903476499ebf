"""Tokens behind a prompt (``qrnca.md`` section 3), against the library's own tokenizer and softmax."""

from typing import Any

import pytest
import torch
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.models.continuations import answer_target, continuations, explained_answer, next_token
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


BARE = {"dog": "fox", "rain": "water"}


class TwoWays:
    """A tokenizer in which a word without a blank in front is another token, as in byte-level ones."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def __call__(self, text: str, **how: Any) -> Any:
        for word, bare in BARE.items():
            if text.endswith(word) and not text.endswith(f" {word}"):
                text = f"{text.removesuffix(word)} {bare}"
        return self.own(text, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


@pytest.fixture
def two_ways(llama: ModelHost, monkeypatch: pytest.MonkeyPatch) -> ModelHost:
    monkeypatch.setattr(ModelHost, "tokenizer", property(lambda host: TwoWays(host.encoder.tokenizer)))
    return llama


def test_both_variants_are_added_up(two_ways: ModelHost) -> None:
    """Against plain transformers: the sum, its gradient, and what edits would change."""
    found = continuations(two_ways, "what causes", ("dog",), 0, "sum")
    tokenizer = two_ways.encoder.tokenizer
    dog, fox = tokenizer.convert_tokens_to_ids(["dog", "fox"])
    ids = torch.tensor([tokenizer("what causes")["input_ids"]])
    inner = two_ways.model.model.layers[1].mlp.down_proj
    kept: list[torch.Tensor] = []

    def keep(module: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        kept.append(given[0].detach().requires_grad_())
        return (kept[0],)

    handle = inner.register_forward_pre_hook(keep)
    shares = two_ways.model(ids).logits[0, -1].double().softmax(0)
    handle.remove()
    gradient = torch.autograd.grad(shares[dog] + shares[fox], kept[0])[0]
    shares = shares.detach()
    assert found.target.tokens == (dog, fox) and found.target.blank == "sum"
    assert found.target.probability == pytest.approx(float(shares[dog] + shares[fox]))
    batch, site = two_ways.encode([Example("0", "what causes")]), Site(1, SiteKind.MID)
    trace = two_ways.run(batch, explained_answer(found), record=[site], grad=True)
    torch.testing.assert_close(trace.gradients(site)[site], gradient)
    outputs = trace.outputs.detach()
    assert float(outputs[0, 0]) == pytest.approx(float(shares[dog] + shares[fox]))
    assert float(outputs[0, 1]) == pytest.approx(float(torch.logit(shares[dog] + shares[fox])))
    told = two_ways.run(batch, answer_target(found)).outputs[0]
    rest = [token for token in range(len(shares)) if token not in (dog, fox)]
    assert float(told[2]) == pytest.approx(float(shares[rest].max()))
    assert found.known == bool(shares[dog] + shares[fox] >= shares[rest].max())


def test_options_are_added_up_each(two_ways: ModelHost) -> None:
    found = continuations(two_ways, "what causes", ("dog", "rain"), 1, "sum")
    with torch.no_grad():
        ids = torch.tensor([two_ways.encoder.tokenizer("what causes")["input_ids"]])
        shares = two_ways.model(ids).logits[0, -1].double().softmax(0)
    told = two_ways.run(two_ways.encode([Example("0", "what causes")]), answer_target(found)).outputs[0].tolist()
    dog = float(shares[list(found.options[0].tokens)].sum())
    rain = float(shares[list(found.options[1].tokens)].sum())
    assert told == pytest.approx([rain, dog, dog, rain + dog]) and found.mass == pytest.approx(rain + dog)


def test_a_variant_that_is_no_token_cannot_be_added(llama: ModelHost) -> None:
    """ "what causesrain" is cut otherwise, so that the way without a blank has no token of its own."""
    with pytest.raises(BadInput):
        continuations(llama, "what causes", ("seaside",), 0, "sum")
    assert continuations(llama, "what causes", ("rain",), 0, "auto").target.more == ()
