"""What the weights say by themselves, on a tiny random model of every family (float64)."""

import pytest
import torch
from tiny import FAMILIES, family_of, readings, tiny_host
from transformers import AutoModelForCausalLM

from app.domain.errors import Unsupported
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.models.host import ModelHost
from app.models.weights import MAPS

LOOSE = {"ModernBERT", "Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Phi-3", "T5"}  # norms or rotations in float32
CAUSAL = tuple(name for name in FAMILIES if family_of(name).shape == "decoder")
TEXT = "what causes rain because clouds hold"


@pytest.fixture(scope="module", params=FAMILIES)
def host(request: pytest.FixtureRequest) -> ModelHost:
    return with_biases(tiny_host(request.param))


def with_biases(host: ModelHost) -> ModelHost:
    """The same with biases and norms that are not what they start as, so that leaving one out is seen."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in host.model.parameters():
            if weight.dim() == 1:
                weight.add_(torch.randn_like(weight) * 0.3)
    return host


def examples(host: ModelHost) -> list[Example]:
    second = None if host.card.task == "causal" else "rain falls because clouds hold water"
    return [Example("0", TEXT, second), Example("1", "the quick fox", second)]


def test_units_write_what_the_block_gets(host: ModelHost) -> None:
    for layer in range(host.card.layers):
        middle, out = Site(layer, SiteKind.MID), Site(layer, SiteKind.MLP_OUT)
        trace = host.run(host.encode(examples(host)), None, record=[middle, out])
        write, bias = host.weights.write(layer), host.weights.linear(out).bias
        assert write.shape == (24, 16) and torch.equal(write.norm(dim=1), host.column_norms(middle))
        expected = trace.value(middle) @ write + (0 if bias is None else bias)
        torch.testing.assert_close(trace.value(out), expected, rtol=0, atol=1e-12)


def test_heads_through_the_output_map_are_the_attention_output(host: ModelHost) -> None:
    for layer in range(host.card.layers):
        heads, out = Site(layer, SiteKind.HEAD), Site(layer, SiteKind.ATTN_OUT)
        trace = host.run(host.encode(examples(host)), None, record=[heads, out])
        mapped = host.weights.linear(out)(trace.value(heads).flatten(-2))
        torch.testing.assert_close(trace.value(out), mapped, rtol=0, atol=1e-12)


def test_every_map_makes_its_site(host: ModelHost) -> None:
    """The map, applied to what its module reads, against the recorded value, fused slices among them."""
    sites = [site for site in host.places if site.kind in MAPS]
    read: dict[int, torch.Tensor] = {}
    handles = [
        host.places[site].module.register_forward_pre_hook(lambda module, args: read.update({id(module): args[0]}))
        for site in sites
    ]
    trace = host.run(host.encode(examples(host)), None, record=sites)
    for handle in handles:
        handle.remove()
    assert {site.kind for site in sites} >= MAPS - {SiteKind.GATE}
    for site in sites:
        value, linear = trace.value(site), host.weights.linear(site)
        entering = read[id(host.places[site].module)]
        assert linear.weight.shape == (value.shape[-1], entering.shape[-1]), site
        assert linear.bias is None or linear.bias.shape == value.shape[-1:], site
        torch.testing.assert_close(linear(entering).reshape(value.shape), value, rtol=0, atol=1e-12)


def test_what_no_map_makes_is_refused(host: ModelHost) -> None:
    for site in (Site(0, SiteKind.HEAD), Site(0, SiteKind.MID), Site(99, SiteKind.UP)):
        with pytest.raises(Unsupported, match=str(site)):
            host.weights.linear(site)
    with pytest.raises(Unsupported, match="mlp_out@99"):
        host.weights.write(99)
    with pytest.raises(Unsupported, match="preset ffn"):
        host.column_norms(Site(0, SiteKind.UP))


@pytest.mark.parametrize("name", CAUSAL)
def test_the_last_block_decoded_is_the_answer(name: str) -> None:
    host = with_biases(tiny_host(name))
    batch, site = host.encode(examples(host)), Site(2, SiteKind.RESID)
    trace = host.run(batch, None, record=[site])
    decoded = host.weights.decode(trace.value(site))
    assert decoded.shape == (*batch.mask.shape, trace.logits.shape[1])
    last = decoded[torch.arange(2), batch.readout]
    torch.testing.assert_close(last, trace.logits, rtol=0, atol=1e-4 if name in LOOSE else 1e-8)


@pytest.mark.parametrize("before", [True, False])
def test_a_map_behind_the_final_norm_is_not_forgotten(before: bool) -> None:
    """OPT-350m has such a map, and norms behind its blocks instead of a final one."""
    base = tiny_host("OPT")
    config = family_of("OPT").tiny(1, base.model.config.vocab_size)
    config.word_embed_proj_dim, config.do_layer_norm_before = 12, before
    model = AutoModelForCausalLM.from_config(config).double()
    host = with_biases(ModelHost(model, base.encoder, base.architecture, base.card))
    assert (model.model.decoder.final_layer_norm is not None) == before
    site = Site(2, SiteKind.RESID)
    trace = host.run(host.encode([Example("0", TEXT)]), None, record=[site])
    decoded = host.weights.decode(trace.value(site)[:, -1])
    torch.testing.assert_close(decoded, trace.logits, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", FAMILIES)
def test_without_a_head_nothing_is_decoded(name: str) -> None:
    task = next(task for task in readings(name) if task != "causal")
    with pytest.raises(Unsupported, match="causal language model"):
        tiny_host(name, task=task).weights.decode(torch.zeros(16, dtype=torch.float64))
