"""Knowledge attribution (``qrnca.md``): identities J1 to J7 and J11, against Captum and loops written out."""

from functools import partial

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from tiny import FAMILIES, readings, tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.knowledge import JointKnowledge, KnowledgeAttribution
from app.methods.readout import ReadoutPaths
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.riemann import riemann

TEXT = "what causes rain over the sea"
CAUSAL = tuple(name for name in FAMILIES if "causal" in readings(name))


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


def asked(host: ModelHost, *texts: str):
    """A batch of prompts (of pairs, where the model reads pairs) and the probability of the answer to the first."""
    texts = texts or (TEXT,)
    if host.card.task in ("causal", "masked", "text"):
        examples = [Example(str(n), text) for n, text in enumerate(texts)]
    else:
        examples = [Example(str(n), "what falls", text) for n, text in enumerate(texts)]
    batch = host.encode(examples)
    return batch, host.target(TargetSpec(), batch)


def answer_with(host: ModelHost, batch, target: Target, values: dict[Site, torch.Tensor]) -> torch.Tensor:
    """[R] F with the read-out token's units replaced by [R, U] rows, in plain whole passes."""
    rows = len(next(iter(values.values())))

    def put(own: torch.Tensor, value: torch.Tensor, whole) -> torch.Tensor:
        where = torch.arange(value.shape[1]) == whole.readout[:, None]
        return torch.where(where[..., None], own[:, None], value)

    edits = {site: (partial(put, own),) for site, own in values.items()}
    return host.run(batch.take([0] * rows), target, edits=edits, grad=True).outputs[:, 0]


def own_values(host: ModelHost, batch, kind: SiteKind = SiteKind.MID) -> dict[Site, torch.Tensor]:
    """[U] of each block at the read-out token of the first row."""
    sites = [Site(layer, kind) for layer in range(host.card.layers)]
    trace = host.run(batch, None, record=sites)
    return {site: trace.value(site)[0, int(batch.readout[0])] for site in sites}


@pytest.mark.parametrize("points", ["right", "code", "midpoint"])
def test_equals_the_loop_over_blocks_and_points(llama: ModelHost, points) -> None:
    """J5: the published loop, one whole pass a block and point."""
    batch, target = asked(llama)
    found = KnowledgeAttribution(steps=4, rule=points).attribute(llama, batch, target)[0]
    for site, own in own_values(llama, batch).items():
        total = torch.zeros_like(own)
        for at, weight in riemann(4, points):
            here = (at * own)[None].requires_grad_()
            answer_with(llama, batch, target, {site: here}).sum().backward()
            total += weight * here.grad[0] * own
        np.testing.assert_allclose(found.neurons[site][0], total, rtol=1e-9, atol=1e-13)


def test_right_points_are_captums(llama: ModelHost) -> None:
    """J3; Captum keeps its weights in float32."""
    batch, target = asked(llama)
    found = KnowledgeAttribution(steps=5).attribute(llama, batch, target)[0]
    for site, own in own_values(llama, batch).items():

        def forward(rows: torch.Tensor, site: Site = site) -> torch.Tensor:
            return answer_with(llama, batch, target, {site: rows})

        scores = IntegratedGradients(forward).attribute(
            own[None], baselines=torch.zeros_like(own)[None], n_steps=5, method="riemann_right"
        )
        np.testing.assert_allclose(found.neurons[site][0], scores[0].detach(), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_a_block_add_up(family: str) -> None:
    """J1, at the read-out token and at all tokens, in every family; the remainder that is told is the true one."""
    host = tiny_host(family)
    batch, target = asked(host)
    for positions in ("readout", "all"):
        method = KnowledgeAttribution(steps=300, rule="midpoint", positions=positions)
        found = method.attribute(host, batch, target)[0]
        assert set(found.neurons) == set(method.space(host).sites)
        for site, scores in found.neurons.items():
            miss = scores[0].sum() - found.changes[str(site)]
            assert found.residual[str(site)] == pytest.approx(miss, abs=1e-12)
            assert abs(miss) < 5e-3 * max(1.0, abs(found.score)), (positions, site)


def test_the_remainder_goes_to_nothing(llama: ModelHost) -> None:
    """J1 in the limit; and the end of each path is the target without that block's units."""
    batch, target = asked(llama)
    found = KnowledgeAttribution(steps=2000, rule="midpoint").attribute(llama, batch, target)[0]
    for site, own in own_values(llama, batch).items():
        without = answer_with(llama, batch, target, {site: torch.zeros_like(own)[None]})
        assert found.score - found.changes[str(site)] == pytest.approx(float(without[0]), abs=1e-12)
        assert abs(found.residual[str(site)]) < 1e-6
    assert found.remainder == max(abs(found.residual[k] / found.changes[k]) for k in found.changes)


def test_scaling_the_up_projection_is_scaling_the_product(llama: ModelHost) -> None:
    """J2: f and h give the same scores; the gate before its activation does not."""
    batch, target = asked(llama)
    found = KnowledgeAttribution(steps=6).attribute(llama, batch, target)[0]

    def scored(kind: SiteKind, layer: int) -> torch.Tensor:
        own = own_values(llama, batch, kind)[Site(layer, kind)]
        total = torch.zeros_like(own)
        for at, weight in riemann(6, "right"):
            here = (at * own)[None].requires_grad_()
            answer_with(llama, batch, target, {Site(layer, kind): here}).sum().backward()
            total += weight * here.grad[0] * own
        return total

    for layer in range(llama.card.layers):
        own = found.neurons[Site(layer, SiteKind.MID)][0]
        np.testing.assert_allclose(scored(SiteKind.UP, layer), own, rtol=1e-8, atol=1e-13)
        assert not np.allclose(scored(SiteKind.GATE, layer), own, rtol=0.01, atol=1e-6)


def test_the_joint_path_adds_up_over_all_blocks(llama: ModelHost) -> None:
    """J6."""
    batch, target = asked(llama)
    found = JointKnowledge(steps=2000, rule="midpoint").attribute(llama, batch, target)[0]
    zeros = {site: torch.zeros_like(own)[None] for site, own in own_values(llama, batch).items()}
    without = float(answer_with(llama, batch, target, zeros)[0])
    assert found.baseline_score == pytest.approx(without, abs=1e-12)
    total = sum(scores[0].sum() for scores in found.neurons.values())
    assert total == pytest.approx(found.score - without, abs=1e-5)
    alone = KnowledgeAttribution(steps=50).attribute(llama, batch, target)[0]
    assert sum(scores[0].sum() for scores in alone.neurons.values()) != pytest.approx(total, rel=0.05)


@pytest.mark.parametrize("family", CAUSAL)
def test_the_prefix_changes_nothing(family: str) -> None:
    """J4: behind keys and values as in whole passes, with and without blocks passed over, in any chunks."""
    host = tiny_host(family)
    batch, target = asked(host)
    sites = host.space("ffn").sites
    points = riemann(3, "right")
    short = ReadoutPaths(host, batch, target, sites).sums(points)
    whole = ReadoutPaths(host, batch, target, sites, cached=False).sums(points)
    assert short.tokens == int(batch.mask.sum()) - 1 and whole.tokens == 0
    host.room = 1e-9
    one_by_one = ReadoutPaths(host, batch, target, sites).sums(points)
    host.room = 1.0
    for site in sites:
        np.testing.assert_allclose(short.sums[site][-1], whole.sums[site][-1], rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(short.sums[site], one_by_one.sums[site], rtol=1e-7, atol=1e-12)
        assert not whole.sums[site][:-1].any()
    assert short.starts == pytest.approx(whole.starts, abs=1e-12)


def test_rows_of_a_batch_do_not_meet(llama: ModelHost) -> None:
    batch, target = asked(llama, TEXT, "a b", "sea sea sea")
    together = KnowledgeAttribution(steps=3).attribute(llama, batch, target)
    for row, text in enumerate((TEXT, "a b", "sea sea sea")):
        alone = KnowledgeAttribution(steps=3).attribute(llama, asked(llama, text)[0], target)[0]
        for site, scores in alone.neurons.items():
            np.testing.assert_allclose(together[row].neurons[site], scores, rtol=1e-7, atol=1e-12)


def test_the_score_stands_at_the_part_of_its_token(llama: ModelHost) -> None:
    batch, target = asked(llama)
    found = KnowledgeAttribution(steps=3).attribute(llama, batch, target)[0]
    for scores in found.neurons.values():
        by_part = dict(zip(found.parts, scores, strict=True))
        np.testing.assert_array_equal(by_part["all"], by_part["prompt"])
        assert not by_part["special"].any()


def test_a_masked_model_is_read_at_its_mask() -> None:
    host = tiny_host("BERT", task="masked")
    batch = host.encode([Example("0", "rain falls on the [MASK] today")])
    target = host.target(TargetSpec(), batch)
    found = KnowledgeAttribution(steps=400, rule="midpoint").attribute(host, batch, target)[0]
    assert found.remainder < 1e-3
    assert all(abs(found.residual[name]) < 1e-4 for name in found.changes)


def test_an_unlikely_answer_is_said(llama: ModelHost) -> None:
    batch, _ = asked(llama)
    words = llama.tokenizer
    logits = llama.run(batch, None).logits[0]
    rare = llama.target(TargetSpec(token=words.decode([int(logits.argmin())])), batch)
    found = KnowledgeAttribution(steps=1).attribute(llama, batch, rare)[0]
    assert any("low probability" in text for text in found.warnings)


def test_a_target_of_two_inputs_is_refused(bert: ModelHost) -> None:
    batch = bert.encode([Example("0", "rain", "rain falls"), Example("1", "rain", "a b")])
    target = bert.target(TargetSpec(name="pairwise"), batch)
    with pytest.raises(BadInput, match="two passages"):
        KnowledgeAttribution(steps=2).attribute(bert, batch, target)


def test_points_of_the_rules() -> None:
    assert riemann(4, "right") == ((0.25, 0.25), (0.5, 0.25), (0.75, 0.25), (1.0, 0.25))
    assert [at for at, _ in riemann(4, "midpoint")] == [0.125, 0.375, 0.625, 0.875]
    assert [at for at, _ in riemann(5, "code")] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert riemann(1, "code") == ((0.0, 1.0),)
