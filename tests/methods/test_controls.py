"""Control rankings against torch written out."""

import numpy as np
import pytest
import torch
from tiny import FAMILIES, tiny_host

from app.domain.errors import Unsupported
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.controls import Activation, GradientActivation, WeightNorm
from app.models.host import ModelHost

PAIRS = [Example("0", "what causes rain", "rain falls because clouds hold water"), Example("1", "a b", "c")]


def of(method, host: ModelHost, examples=PAIRS):
    if host.card.task == "causal":
        examples = [Example(one.key, f"{one.query} {one.passage}") for one in examples]
    batch = host.encode(examples)
    target = host.target(TargetSpec(), batch)
    return batch, target, method.attribute(host, batch, target)


def test_activation_is_the_mean_magnitude(bert: ModelHost) -> None:
    batch, _, found = of(Activation(), bert)
    for site in bert.space("ffn").sites:
        value = bert.run(batch, None, record=[site]).value(site)
        for row in range(2):
            wanted = value[row][batch.mask[row]].abs().mean(0)
            np.testing.assert_allclose(found[row].neurons[site][0], wanted, rtol=1e-12)


def test_gradient_times_activation_is_the_slope_at_the_input(bert: ModelHost) -> None:
    """Against finite differences of scaling one neuron at all tokens."""
    batch, target, found = of(GradientActivation(), bert)
    site = Site(1, SiteKind.MID)
    for unit in (0, 7, 23):

        def scaled(amount: float, unit: int = unit) -> torch.Tensor:
            factor = torch.ones(bert.card.widths[SiteKind.MID][1], dtype=torch.float64)
            factor[unit] = amount
            return bert.run(batch, target, edits={site: (lambda value, _: value * factor,)}).outputs[:, 0]

        slope = (scaled(1 + 1e-5) - scaled(1 - 1e-5)) / 2e-5
        np.testing.assert_allclose([f.neurons[site][0][unit] for f in found], slope, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_weight_norm_bounds_what_a_neuron_writes(family: str) -> None:
    host = tiny_host(family)
    _, _, found = of(WeightNorm(), host)
    site = host.space("ffn").sites[0]
    width = host.card.widths[SiteKind.MID][site.layer]
    batch = host.encode([PAIRS[0] if host.card.task != "causal" else Example("0", "rain falls")])
    plain = host.run(batch, None, record=[Site(site.layer, SiteKind.MLP_OUT)])
    if Site(site.layer, SiteKind.MLP_OUT) not in host.places:
        pytest.skip("no output site")
    unit = torch.zeros(width, dtype=torch.float64)
    unit[3] = 1.0
    more = host.run(batch, None, record=[Site(site.layer, SiteKind.MLP_OUT)], edits={site: (lambda v, _: v + unit,)})
    out = Site(site.layer, SiteKind.MLP_OUT)
    moved = (more.value(out) - plain.value(out))[0, 0].norm()
    np.testing.assert_allclose(found[0].neurons[site][0][3], float(moved), rtol=1e-8)


@pytest.mark.parametrize("method", [Activation(), GradientActivation(), WeightNorm()])
def test_padding_and_batch_do_not_matter(bert: ModelHost, method) -> None:
    _, _, both = of(method, bert)
    for row in range(2):
        _, _, alone = of(method, bert, [PAIRS[row]])
        for site, values in alone[0].neurons.items():
            np.testing.assert_allclose(both[row].neurons[site], values, rtol=1e-9, atol=1e-14)


def test_a_site_without_columns_is_refused(bert: ModelHost) -> None:
    with pytest.raises(Unsupported):
        bert.column_norms(Site(0, SiteKind.HEAD))


def test_heads_have_a_norm_and_a_slope(bert: ModelHost) -> None:
    for method in (Activation(preset="heads"), GradientActivation(preset="heads")):
        _, _, found = of(method, bert)
        assert next(iter(found[0].neurons.values())).shape[1] == bert.heads
