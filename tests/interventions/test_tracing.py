"""Causal tracing against plain hooks on the library's own model."""

import pytest
import torch
from tiny import tiny_host

from app.domain.examples import Example
from app.interventions.tracing import SPREAD, TOKENS_PER_PASS, noise, traced
from app.models.targets import token_target

TEXT = "what causes rain in spain"


@pytest.mark.parametrize("room", [2048, 12])
def test_each_block_is_put_back_as_in_plain_passes(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setitem(TOKENS_PER_PASS, "cpu", room)
    host = tiny_host("Llama")
    batch = host.encode([Example("0", TEXT)])
    token = host.tokenizer.convert_tokens_to_ids("water")
    intact, told = traced(host, batch, token_target("probability", token, "water", "x"), host.space("ffn"), (3, 4))
    model, blocks = host.model, host.model.model.layers
    inputs = host.tokenizer(TEXT, return_tensors="pt")
    clean: list[torch.Tensor] = []
    hooks = [b.mlp.down_proj.register_forward_pre_hook(lambda _, i: clean.append(i[0])) for b in blocks]
    share = model(**inputs).logits[0, -1].double().softmax(0)[token]
    for one in hooks:
        one.remove()
    assert intact == pytest.approx(float(share), rel=1e-7) and told.shape == (2, 1 + len(blocks))
    for at, seed in enumerate((3, 4)):
        added = noise(host, batch.mask.shape[1], seed)
        added[-1] = 0
        for layer in range(-1, len(blocks)):
            hooks = [model.model.embed_tokens.register_forward_hook(lambda _, __, out, n=added: out + n)]
            if layer >= 0:
                put = clean[layer]
                hooks.append(blocks[layer].mlp.down_proj.register_forward_pre_hook(lambda _, __, p=put: (p,)))
            after = model(**inputs).logits[0, -1].double().softmax(0)[token]
            for one in hooks:
                one.remove()
            assert told[at, 1 + layer] == pytest.approx(float(after), rel=1e-6), (seed, layer)


def test_noise_is_of_three_deviations_and_its_seeds() -> None:
    host = tiny_host("Llama")
    drawn = noise(host, 400, 0)
    assert float(drawn.std() / host.model.model.embed_tokens.weight.std()) == pytest.approx(SPREAD, rel=0.05)
    assert torch.equal(drawn, noise(host, 400, 0)) and not torch.equal(drawn, noise(host, 400, 1))
