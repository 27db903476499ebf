"""Neuron Integrated Gradients: identities I1 to I10, Captum, and a planted neuron (nig.md sections 12 and 22)."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerConductance
from tiny import FAMILIES, tiny_host

from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods import sweep as sweeps
from app.methods.conductance import NeuronIntegratedGradients
from app.methods.sweep import WORDS, Path, complete_sites, sweep_path
from app.models.baselines import words as baseline_words
from app.models.host import ModelHost

KINKED = {"DistilBERT", "T5", "OPT"}  # a ReLU on the way: first-order convergence, kinks
PAIR = Example("0", "what causes rain", "rain falls because clouds hold water")
PROMPT = Example("0", "what causes rain because clouds hold")


def attributed(host: ModelHost, target: TargetSpec | None = None, example: Example = PAIR, **params: Any) -> Any:
    batch = host.encode([example])
    method = NeuronIntegratedGradients(**{"adaptive": False, "steps": 8, **params})
    (found,) = method.attribute(host, batch, host.target(target or TargetSpec(), batch))
    return found


def sums(host: ModelHost, rule: str, steps: int, sites: set[Site], example: Example = PAIR) -> Any:
    batch = host.encode([example])
    path = Path.of(host, batch, "pad_query_and_passage")
    return sweep_path(host, batch, host.target(TargetSpec(name="logit", label=0), batch), path, steps, rule, sites)


@pytest.mark.parametrize("family", FAMILIES)
def test_i1_completeness_shrinks_with_steps(family: str) -> None:
    host = tiny_host(family)
    example = PROMPT if host.card.task == "causal" else PAIR
    sites = set(complete_sites(host))

    def worst(steps: int) -> float:
        sweep = sums(host, "trap", steps, sites, example)
        change = float(sweep.change)
        return max(abs(float(sweep.sums[site].sum()) - change) for site in sites)

    coarse, fine = worst(16), worst(512)
    assert fine < 0.01, (coarse, fine)
    if family not in KINKED:
        assert fine < coarse / 4 or fine < 1e-4, (coarse, fine)


def test_i2_neurons_are_not_a_complete_place(bert: ModelHost) -> None:
    found = attributed(bert, steps=64)
    change = found.score - found.baseline_score
    layers = [values[0].sum() for values in found.neurons.values()]
    assert any(abs(total - change) > 0.05 * abs(change) for total in layers)


@pytest.mark.parametrize("rule", ["left", "right", "trap"])
@pytest.mark.parametrize("family", ["BERT", "DistilBERT", "ModernBERT", "GPT-2", "Llama"])
def test_i3_linear_pass_through_is_exact(family: str, rule: str) -> None:
    host = tiny_host(family)
    example = PROMPT if host.card.task == "causal" else PAIR
    layer = 1
    down, out = Site(layer, SiteKind.MID), Site(layer, SiteKind.MLP_OUT)
    heads, attention = Site(layer, SiteKind.HEAD), Site(layer, SiteKind.ATTN_OUT)
    found = sums(host, rule, 5, {down, out, heads, attention}, example).sums
    assert torch.allclose(found[down].sum(-1), found[out].sum(-1), atol=1e-12)
    assert torch.allclose(found[heads].sum((-1, -2)), found[attention].sum(-1), atol=1e-12)


def test_i5_classes_are_antisymmetric() -> None:
    host = tiny_host("BERT", labels=2)
    one, two = (attributed(host, TargetSpec(name="probability", label=label)) for label in (0, 1))
    for site in one.neurons:
        np.testing.assert_allclose(one.neurons[site], -two.neurons[site], atol=1e-14)


def test_i6_linear_in_the_target() -> None:
    host = tiny_host("BERT", labels=2)
    first, second, both = (
        attributed(host, spec)
        for spec in (
            TargetSpec(name="logit", label=1),
            TargetSpec(name="logit", label=0),
            TargetSpec(name="margin", label=1),
        )
    )
    for site in both.neurons:
        np.testing.assert_allclose(both.neurons[site], first.neurons[site] - second.neurons[site], atol=1e-12)


def test_i8_nulls(bert: ModelHost) -> None:
    batch = bert.encode([PAIR])
    start = baseline_words(bert, batch, "pad_query_and_passage")
    same = Path(start, torch.zeros_like(start))
    sites = set(bert.space("ffn").sites)
    still = sweep_path(bert, batch, bert.target(TargetSpec(), batch), same, 6, "trap", sites)
    assert all(float(total.abs().max()) == 0 for total in still.sums.values())
    host = tiny_host("BERT", seed=3)
    with torch.no_grad():
        host.places[Site(1, SiteKind.MID)].module.weight[:, 7] = 0
    found = attributed(host)
    assert found.neurons[Site(1, SiteKind.MID)][0, 7] == 0.0


@pytest.mark.parametrize("size", [1, 3, 100])
def test_i9_any_chunking_gives_the_same(bert: ModelHost, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = attributed(bert)
    monkeypatch.setattr(sweeps, "chunk_rows", lambda host, batch, sites: size)
    again = attributed(bert)
    for site in whole.neurons:
        np.testing.assert_allclose(again.neurons[site], whole.neurons[site], atol=1e-10)
    np.testing.assert_allclose(again.tokens, whole.tokens, atol=1e-10)


def test_i10_segments_add_up(bert: ModelHost) -> None:
    found = attributed(bert)
    assert found.parts == ("all", "cls", "query", "sep1", "passage", "sep2")
    for values in found.neurons.values():
        np.testing.assert_allclose(values[0], values[1:].sum(axis=0), atol=1e-13)


class Logits(torch.nn.Module):
    """The tiny model as a function of word embeddings."""

    def __init__(self, host: ModelHost, batch: Any) -> None:
        super().__init__()
        self.model, self.inputs = host.model, dict(batch.inputs)
        self.inputs.pop("input_ids")

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        more = {name: value.expand(len(embeddings), *value.shape[1:]) for name, value in self.inputs.items()}
        return self.model(inputs_embeds=embeddings, **more).logits[:, 0]


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_captum_layer_conductance(bert: ModelHost, layer: int) -> None:
    batch = bert.encode([PAIR])
    path = Path.of(bert, batch, "pad_query_and_passage")
    end, site = path.start + path.change, Site(layer, SiteKind.MID)
    wrapped = Logits(bert, batch)
    peer = LayerConductance(wrapped, bert.places[site].module)

    def captum(inputs: torch.Tensor, baselines: torch.Tensor) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return peer.attribute(
                inputs, baselines=baselines, n_steps=9, method="riemann_trapezoid", attribute_to_layer_input=True
            )[0]

    left, right = captum(end, path.start), -captum(path.start, end)
    for rule, expected in (("left", left), ("right", right), ("trap", (left + right) / 2)):
        found = sums(bert, rule, 9, {site}).sums[site]
        assert torch.allclose(found, expected.detach(), atol=1e-11), rule


def test_tokens_are_integrated_gradients(bert: ModelHost) -> None:
    batch = bert.encode([PAIR])
    path = Path.of(bert, batch, "pad_query_and_passage")
    peer = IntegratedGradients(Logits(bert, batch))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = peer.attribute(path.start + path.change, baselines=path.start, n_steps=200, method="gausslegendre")
    found = attributed(bert, TargetSpec(name="logit"), steps=800)
    np.testing.assert_allclose(found.tokens, expected[0].sum(-1).detach().numpy(), atol=2e-4)
    specials = [at for at, span in enumerate(batch.spans[0]) if span.segment in ("cls", "sep1", "sep2")]
    assert np.abs(found.tokens[specials]).max() == 0


def test_steps_double_until_the_remainder_is_small(bert: ModelHost) -> None:
    loose = attributed(bert, adaptive=True, steps=2, tolerance=0.5)
    tight = attributed(bert, adaptive=True, steps=2, tolerance=1e-4, max_steps=64)
    assert loose.steps < tight.steps <= 64
    assert tight.remainder < loose.remainder


@pytest.mark.parametrize("preset", ["ffn", "ffn_pre", "linear6", "heads", "resid"])
def test_presets_score_every_neuron_of_their_space(bert: ModelHost, preset: str) -> None:
    found = attributed(bert, preset=preset)
    space = bert.space(preset)
    assert [values.shape for values in found.neurons.values()] == [(6, width) for width in space.widths]
    assert len(space) == {"ffn": 72, "ffn_pre": 72, "linear6": 3 * (5 * 16 + 24), "heads": 12, "resid": 48}[preset]


@pytest.mark.parametrize(
    ("baseline", "moved"),
    [
        ("pad_query", {"query"}),
        ("pad_passage", {"passage"}),
        ("pad_query_and_passage", {"query", "passage"}),
        ("pad_all", {"cls", "query", "sep1", "passage", "sep2"}),
        ("unk_query_and_passage", {"query", "passage"}),
        ("mask_query_and_passage", {"query", "passage"}),
        ("zero_embedding", {"query", "passage"}),
        ("mean_embedding", {"query", "passage"}),
    ],
)
def test_baselines_fill_their_part_only(bert: ModelHost, baseline: str, moved: set[str]) -> None:
    batch = bert.encode([PAIR])
    real = bert.run(batch, None, record=[WORDS]).value(WORDS)
    changed = (baseline_words(bert, batch, baseline) != real).any(-1)[0]
    for at, span in enumerate(batch.spans[0]):
        assert bool(changed[at]) == (span.segment in moved), span


def test_a_padded_input_is_flagged_as_neutral() -> None:
    host = tiny_host("BERT")
    batch = host.encode([PAIR])
    with torch.no_grad():
        host.model.classifier.weight.mul_(1e-4)
    method = NeuronIntegratedGradients(steps=4, adaptive=False)
    (found,) = method.attribute(host, batch, host.target(TargetSpec(), batch))
    assert any("baseline" in warning for warning in found.warnings)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [7, 1000])
def test_a_batch_gives_what_its_rows_give(family: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    host = tiny_host(family)
    texts = ["rain falls", "clouds hold water because rain falls and falls again", "rain"]
    if host.card.task == "causal":
        examples, target = (
            [Example(str(n), f"what causes {text}") for n, text in enumerate(texts)],
            TargetSpec(token="rain"),
        )
    else:
        examples, target = [Example(str(n), "what causes rain", text) for n, text in enumerate(texts)], TargetSpec()
    singles = [attributed(host, target, example, adaptive=True, tolerance=1e-3, max_steps=64) for example in examples]
    assert all(found.steps >= 8 for found in singles)
    monkeypatch.setattr(sweeps, "chunk_rows", lambda host, batch, sites: rows)
    batch = host.encode(examples)
    method = NeuronIntegratedGradients(steps=8, adaptive=True, tolerance=1e-3, max_steps=64)
    together = method.attribute(host, batch, host.target(target, batch))
    for found, alone in zip(together, singles, strict=True):
        assert found.steps == alone.steps
        assert found.score == pytest.approx(alone.score, abs=1e-10)
        np.testing.assert_allclose(found.tokens, alone.tokens, atol=1e-9)
        for site in alone.neurons:
            np.testing.assert_allclose(found.neurons[site], alone.neurons[site], atol=1e-9)
