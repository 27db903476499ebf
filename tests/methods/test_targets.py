"""Conditional and pairwise targets of Neuron Integrated Gradients (nig.md sections 18-7 and 18-8)."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerConductance
from tiny import FAMILIES, tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.positions import Positions
from app.domain.sites import NeuronIndex, Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods import sweep as sweeps
from app.methods.conductance import NeuronIntegratedGradients
from app.methods.sweep import WORDS, Path, complete_sites, sweep_path
from app.models.host import ModelHost

KINKED = {"DistilBERT", "T5", "OPT"}
PAIR = Example("0", "what causes rain", "rain falls because clouds hold water")
OTHER = Example("1", "what causes rain", "the lazy dog jumps over a fox")
PROMPT = Example("0", "what causes rain because clouds hold")
INNER = TargetSpec(name="activation", neuron="L2.mid.5")


def whole_sweep(host: ModelHost, spec: TargetSpec, examples: list[Example], steps: int, sites: set[Site]) -> Any:
    batch = host.encode(examples)
    path = Path.of(host, batch, "pad_query_and_passage")
    return sweep_path(host, batch, host.target(spec, batch), path, steps, "trap", sites)


@pytest.mark.parametrize("family", FAMILIES)
def test_upstream_places_sum_to_the_change_of_the_activation(family: str) -> None:
    host = tiny_host(family)
    example = PROMPT if host.card.task == "causal" else PAIR
    neuron = NeuronIndex(len(host.card.widths[SiteKind.MID]) - 1, SiteKind.MID, 3)
    spec = TargetSpec(name="activation", neuron=str(neuron))
    batch = host.encode([example])
    target = host.target(spec, batch)
    sites = set(complete_sites(host, target))
    assert all(site.layer < neuron.layer for site in sites) and len(sites) > 1

    def miss(steps: int) -> float:
        sweep = whole_sweep(host, spec, [example], steps, sites)
        return max(abs(float(sweep.miss(site))) for site in sites)

    sweep = whole_sweep(host, spec, [example], 4, sites)
    value = host.run(batch, None, record=[neuron.site]).value(neuron.site)[..., neuron.unit].sum()
    assert float(sweep.path[0, -1]) == pytest.approx(float(value), abs=1e-12)
    coarse, fine = miss(16), miss(512)
    size = abs(float(sweep.change)) + 1e-3
    assert fine < 0.02 * max(1.0, size), (coarse, fine, size)
    if family not in KINKED:
        assert fine < coarse / 4 or fine < 1e-4, (coarse, fine)


class Inner(torch.nn.Module):
    """The activation of a unit of block 2, over chosen tokens, as a function of word embeddings."""

    def __init__(self, host: ModelHost, batch: Any, unit: int, where: Any) -> None:
        super().__init__()
        self.model, self.inputs, self.unit, self.where = host.model, dict(batch.inputs), unit, where
        self.inputs.pop("input_ids")
        self.module = host.places[Site(2, SiteKind.MID)].module

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        kept: list[torch.Tensor] = []
        handle = self.module.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
        more = {name: value.expand(len(embeddings), *value.shape[1:]) for name, value in self.inputs.items()}
        self.model(inputs_embeds=embeddings, **more)
        handle.remove()
        return (kept[0][..., self.unit] * self.where).sum(1)


@pytest.mark.parametrize("tokens", [None, "passage"])
def test_captum_on_an_inner_neuron(bert: ModelHost, tokens: str | None) -> None:
    batch = bert.encode([PAIR])
    path = Path.of(bert, batch, "pad_query_and_passage")
    end, site = path.start + path.change, Site(1, SiteKind.MID)
    wrapped = Inner(bert, batch, 5, batch.where(Positions(None if tokens is None else (tokens,))))
    spec = INNER.model_copy(update={"tokens": tokens})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = LayerConductance(wrapped, bert.places[site].module)
        more = {"n_steps": 9, "method": "riemann_trapezoid", "attribute_to_layer_input": True}
        left = peer.attribute(end, baselines=path.start, **more)[0]
        right = -peer.attribute(path.start, baselines=end, **more)[0]
        words = IntegratedGradients(wrapped).attribute(end, path.start, n_steps=200, method="gausslegendre")
    found = whole_sweep(bert, spec, [PAIR], 9, {site}).sums[site]
    assert torch.allclose(found, ((left + right) / 2).detach(), atol=1e-11)
    fine = whole_sweep(bert, spec, [PAIR], 800, set()).sums[WORDS]
    np.testing.assert_allclose(fine.sum(-1)[0], words.sum(-1)[0].detach(), atol=2e-4)


def test_only_neurons_below_the_explained_one_are_scored(bert: ModelHost) -> None:
    batch = bert.encode([PAIR])
    (found,) = NeuronIntegratedGradients(steps=4, adaptive=False).attribute(bert, batch, bert.target(INNER, batch))
    assert sorted({site.layer for site in found.neurons}) == [0, 1]
    assert len(INNER.scored(bert.space("ffn"))) == 2 * 24
    assert all("baseline" not in text for text in found.warnings)
    # what lies above does not move it: its gradient there is 0
    above = Site(2, SiteKind.RESID)
    assert float(whole_sweep(bert, INNER, [PAIR], 4, {above}).sums[above].abs().max()) == 0


@pytest.mark.parametrize("neuron", ["L0.mid.1", "L3.mid.1", "L2.mid.24", "L2.head.1", "L2.gate.0", "nonsense", ""])
def test_a_neuron_that_cannot_be_explained_is_refused(bert: ModelHost, neuron: str) -> None:
    with pytest.raises(BadInput) as caught:
        bert.target(TargetSpec(name="activation", neuron=neuron), bert.encode([PAIR]))
    assert caught.value.field == "neuron"


def test_only_the_sum_of_both_branches_is_complete(bert: ModelHost) -> None:
    spec, sites = TargetSpec(name="pairwise"), set(complete_sites(bert))
    fine = whole_sweep(bert, spec, [PAIR, OTHER], 512, sites)
    assert torch.equal(fine.path[0], fine.path[1])
    for site in sites:
        branches = fine.sums[site].flatten(1).sum(1)
        assert float(branches.sum()) == pytest.approx(float(fine.change[0]), abs=1e-4)
        assert abs(float(branches[0]) - float(fine.change[0])) > 1e-2, "one branch alone is not"
        assert float(fine.miss(site)[0]) == pytest.approx(float(branches.sum() - fine.change[0]), abs=1e-12)


def test_pairwise_against_a_plain_loop(bert: ModelHost) -> None:
    """Both passages on their own path, F = sigmoid(s1 - s2), one position at a time, each branch by autograd."""
    site, steps = Site(1, SiteKind.MID), 6
    batches = [bert.encode([one]) for one in (PAIR, OTHER)]
    paths = [Path.of(bert, batch, "pad_query_and_passage") for batch in batches]
    values: list[list[torch.Tensor]] = [[], []]
    slopes: list[list[torch.Tensor]] = [[], []]
    kept: list[torch.Tensor] = []
    for step in range(steps + 1):
        kept.clear()
        scores = []
        for batch, path in zip(batches, paths, strict=True):
            more = {name: value for name, value in batch.inputs.items() if name != "input_ids"}
            handle = bert.places[site].module.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
            at = (path.start + step / steps * path.change).requires_grad_()
            scores.append(bert.model(inputs_embeds=at, **more).logits[0, 0])
            handle.remove()
        found = torch.autograd.grad(torch.sigmoid(scores[0] - scores[1]), kept)
        for branch in (0, 1):
            values[branch].append(kept[branch].detach()[0])
            slopes[branch].append(found[branch][0])
    together = whole_sweep(bert, TargetSpec(name="pairwise"), [PAIR, OTHER], steps, {site}).sums[site]
    for branch in (0, 1):
        expected = sum(
            (values[branch][k + 1] - values[branch][k]) * (slopes[branch][k + 1] + slopes[branch][k]) / 2
            for k in range(steps)
        )
        tokens = len(expected)  # type: ignore[arg-type]
        torch.testing.assert_close(together[branch, :tokens], expected, atol=1e-12, rtol=0)


def test_swapped_passages_give_the_opposite(bert: ModelHost) -> None:
    """sigmoid(-d) = 1 - sigmoid(d): every neuron's sum over both branches changes its sign."""
    spec, method = TargetSpec(name="pairwise"), NeuronIntegratedGradients(steps=8, adaptive=False)
    sums = []
    for examples in ([PAIR, OTHER], [OTHER, PAIR]):
        batch = bert.encode(examples)
        found = method.attribute(bert, batch, bert.target(spec, batch))
        sums.append({site: sum(one.neurons[site][0] for one in found) for site in found[0].neurons})
    for site, values in sums[0].items():
        np.testing.assert_allclose(values, -sums[1][site], atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("spec", [TargetSpec(name="pairwise"), INNER])
def test_any_chunking_gives_the_same(
    bert: ModelHost, spec: TargetSpec, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bert.encode([PAIR, OTHER])
    method = NeuronIntegratedGradients(steps=7, adaptive=True, tolerance=1e-3, max_steps=56)
    whole = method.attribute(bert, batch, bert.target(spec, batch))
    monkeypatch.setattr(sweeps, "chunk_rows", lambda host, batch, sites: size)
    again = method.attribute(bert, batch, bert.target(spec, batch))
    for one, other in zip(whole, again, strict=True):
        assert one.steps == other.steps
        for site in one.neurons:
            np.testing.assert_allclose(other.neurons[site], one.neurons[site], atol=1e-10)


def test_a_question_without_an_inner_neuron_keeps_its_old_spelling() -> None:
    assert TargetSpec(name="logit", label=0).model_dump() == {"name": "logit", "label": 0, "token": None}
    assert INNER.model_dump() == {"name": "activation", "label": None, "token": None, "neuron": "L2.mid.5"}
