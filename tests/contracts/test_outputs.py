"""A target tells several numbers, and each of them has a gradient that may be asked for again (every family)."""

import pytest
import torch
from tiny import FAMILIES, tiny_host

from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import OUTPUTS, TargetSpec
from app.models.host import ModelHost

SITE = Site(1, SiteKind.MID)


@pytest.fixture(scope="module", params=FAMILIES)
def host(request: pytest.FixtureRequest) -> ModelHost:
    return tiny_host(request.param, labels=2)


def examples(host: ModelHost) -> list[Example]:
    texts = ["rain falls because clouds hold water", "the lazy dog"]
    if host.card.task == "causal":
        return [Example(str(at), text) for at, text in enumerate(texts)]
    return [Example(str(at), "what causes rain", text) for at, text in enumerate(texts)]


def test_columns_are_target_score_and_probability(host: ModelHost) -> None:
    batch = host.encode(examples(host))
    target = host.target(TargetSpec(name="log_probability"), batch)
    trace = host.run(batch, target)
    assert target.names == OUTPUTS and trace.outputs.shape == (2, 3)
    score, probability = target.outcome(trace.logits)
    assert torch.equal(trace.outputs[:, 1], score) and torch.equal(trace.outputs[:, 2], probability)
    assert torch.allclose(trace.outputs[:, 0].exp(), probability, atol=1e-12)
    assert host.run(batch, None).outputs.shape == (2, 0)


def test_each_column_has_its_own_gradient_and_may_be_asked_again(host: ModelHost) -> None:
    batch = host.encode(examples(host))
    target = host.target(TargetSpec(name="log_probability"), batch)
    trace = host.run(batch, target, record=[SITE], grad=True)
    log, probability = (trace.gradients(SITE, of=column, keep=True)[SITE] for column in (0, 2))
    expected = log * trace.outputs[:, 2].detach()[:, None, None]
    assert torch.allclose(probability, expected, atol=1e-7), "dp = p d log p"
    assert torch.equal(trace.gradients(SITE, keep=True)[SITE], log)
    mixed = trace.gradients(SITE, of=torch.tensor([0, 2]))[SITE]
    assert torch.allclose(mixed[0], log[0], atol=1e-12) and torch.allclose(mixed[1], probability[1], atol=1e-12)
    with pytest.raises(RuntimeError):
        trace.gradients(SITE)


def test_a_shared_number_is_shared_and_the_others_are_not() -> None:
    host = tiny_host("BERT")
    batch = host.encode(examples(host))
    trace = host.run(batch, host.target(TargetSpec(name="pairwise"), batch), record=[SITE], grad=True)
    first, second = trace.logits[:, 0]
    assert torch.allclose(trace.outputs[:, 0], torch.sigmoid(first - second).expand(2))
    alone = host.run(batch, host.target(TargetSpec(name="logit"), batch), record=[SITE], grad=True)
    score, logit = trace.gradients(SITE, of=1, keep=True)[SITE], alone.gradients(SITE)[SITE]
    assert torch.allclose(score, logit, atol=1e-12)
    slope = (trace.outputs[0, 0] * (1 - trace.outputs[0, 0])).detach()
    shared = trace.gradients(SITE)[SITE]
    assert torch.allclose(shared[0], slope * logit[0], atol=1e-12)
    assert torch.allclose(shared[1], -slope * logit[1], atol=1e-12)
