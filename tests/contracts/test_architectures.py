"""What every declared family must do, on a tiny random model in float64."""

import pytest
import torch
from tiny import FAMILIES, tiny_host

from app.domain.errors import GolgiError
from app.domain.examples import Example
from app.domain.sites import PRESETS, Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.host import ModelHost

WORDS = Site(0, SiteKind.WORDS)
LOOSE = {"ModernBERT", "Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Phi-3", "T5"}  # norms or rotations in float32


@pytest.fixture(scope="module", params=FAMILIES)
def host(request: pytest.FixtureRequest) -> ModelHost:
    return tiny_host(request.param)


def pair(
    host: ModelHost, query: str = "what causes rain", passage: str = "rain falls because clouds hold water"
) -> Example:
    return Example("0", f"{query} {passage}") if host.card.task == "causal" else Example("0", query, passage)


def hooks(host: ModelHost) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in host.model.modules())


def test_every_self_check_passes(host: ModelHost) -> None:
    assert [(row.key, row.found) for row in host.card.checks if row.state != "ok"] == []
    assert len(host.card.checks) == 11 and not host.card.off


def test_widths_are_those_of_the_configuration(host: ModelHost) -> None:
    card = host.card
    assert set(card.widths[SiteKind.MID]) == {24}
    assert card.hidden == 16 and card.heads == 4 and set(card.widths[SiteKind.HEAD]) == {4}
    for preset in PRESETS:
        space = host.space(preset)
        assert len(space) == sum(space.widths) > 0


def test_no_hook_is_left_after_errors(host: ModelHost) -> None:
    batch = host.encode([pair(host)])

    def broken(value: torch.Tensor, _: object) -> torch.Tensor:
        raise RuntimeError("edit")

    with pytest.raises(RuntimeError, match="edit"):
        host.run(batch, None, edits={Site(0, SiteKind.MID): (broken,)})
    assert hooks(host) == 0
    target = host.target(TargetSpec(name="logit"), batch)
    trace = host.run(batch, target, record=[WORDS], grad=True)
    trace.gradients(WORDS)
    with pytest.raises(RuntimeError):
        trace.gradients(WORDS)
    assert hooks(host) == 0


def test_zeroing_a_neuron_equals_zeroing_its_weights(host: ModelHost) -> None:
    batch, site, unit = host.encode([pair(host)]), Site(1, SiteKind.MID), 5
    mask = torch.ones(24, dtype=torch.float64)
    mask[unit] = 0
    hooked = host.run(batch, None, edits={site: (lambda value, _: value * mask,)}).logits
    module = host.places[site].module
    kept = module.weight.detach().clone()
    with torch.no_grad():
        rows = module.weight if type(module).__name__ == "Conv1D" else module.weight.T
        rows[unit] = 0
        changed = host.run(batch, None).logits
        module.weight.copy_(kept)
    assert torch.allclose(hooked, changed, atol=1e-9)
    assert not torch.equal(hooked, host.run(batch, None).logits)


def test_gradient_equals_a_finite_difference(host: ModelHost) -> None:
    batch, site = host.encode([pair(host)]), Site(0, SiteKind.MID)
    target = host.target(TargetSpec(name="logit"), batch)
    trace = host.run(batch, target, record=[site], grad=True)
    gradient = trace.gradients(site)[site]
    token, unit = 2, int(gradient[0, 2].abs().argmax())
    step = 1e-3 if host.card.family in LOOSE else 1e-5

    def shifted(amount: float) -> float:
        bump = torch.zeros_like(gradient)
        bump[0, token, unit] = amount
        return float(host.run(batch, target, edits={site: (lambda value, _: value + bump,)}).outputs[0, 0])

    slope = (shifted(step) - shifted(-step)) / (2 * step)
    tolerance = 2e-3 if host.card.family in LOOSE else 1e-6
    assert slope == pytest.approx(float(gradient[0, token, unit]), abs=tolerance * max(1.0, abs(slope)))


def test_padding_and_batching_change_nothing(host: ModelHost) -> None:
    examples = [pair(host), pair(host, "the quick fox", "the lazy dog jumps over")]
    together = host.run(host.encode(examples), None).logits
    alone = torch.cat([host.run(host.encode([example]), None).logits for example in examples])
    assert torch.allclose(together, alone, atol=1e-5 if host.card.family in LOOSE else 1e-10)


def test_edits_of_fused_slices_touch_nothing_else(host: ModelHost) -> None:
    batch = host.encode([pair(host)])
    for group in ((SiteKind.Q, SiteKind.K, SiteKind.V), (SiteKind.GATE, SiteKind.UP)):
        sites = [Site(1, kind) for kind in group if kind in host.card.widths]
        before = host.run(batch, None, record=sites)
        for site in sites:
            after = host.run(batch, None, record=sites, edits={site: (lambda value, _: value + 1,)})
            for other in sites:
                expected = before.value(other) + (1 if other == site else 0)
                assert torch.allclose(after.value(other), expected, atol=1e-12), (site, other)


def test_an_unknown_site_is_refused(host: ModelHost) -> None:
    with pytest.raises(GolgiError) as caught:
        host.run(host.encode([pair(host)]), None, record=[Site(99, SiteKind.MID)])
    assert "mid@99" in str(caught.value)
