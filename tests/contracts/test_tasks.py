"""What every way of reading a model must do, on every family that has the head (tiny random models, float64)."""

import pytest
import torch
from tiny import FAMILIES, readings, tiny_host

from app.domain.examples import CONTENT_SEGMENTS, Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.conductance import NeuronIntegratedGradients
from app.models.host import ModelHost
from app.models.tasks import tasks

WORDS = Site(0, SiteKind.WORDS)
LOOSE = {"ModernBERT", "Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Phi-3", "T5"}  # norms or rotations in float32
LABELS = {"pair": 2, "text": 3}
LONG = {
    "pair": Example("0", "what causes rain", "rain falls because clouds hold water"),
    "yes_no": Example("0", "what causes rain", "rain falls because clouds hold water"),
    "span": Example("0", "what causes rain", "rain falls because clouds hold water"),
    "text": Example("0", "rain falls because clouds hold water"),
    "causal": Example("0", "what causes rain because clouds hold"),
    "masked": Example("0", "rain falls because [MASK] hold water"),
}
SHORT = {
    "pair": Example("1", "the quick fox", "the lazy dog"),
    "yes_no": Example("1", "the quick fox", "the lazy dog"),
    "span": Example("1", "the quick fox", "the lazy dog"),
    "text": Example("1", "the quick fox"),
    "causal": Example("1", "the quick"),
    "masked": Example("1", "the [MASK] fox"),
}
CASES = [(family, task) for family in FAMILIES for task in readings(family)]


@pytest.fixture(scope="module", params=CASES, ids=["-".join(case) for case in CASES])
def host(request: pytest.FixtureRequest) -> ModelHost:
    family, task = request.param
    return tiny_host(family, labels=LABELS.get(task, 1), task=task)


def test_every_family_of_a_shape_has_its_tasks() -> None:
    encoders = {"pair", "text", "masked", "span"}
    for family in ("BERT", "RoBERTa", "ModernBERT", "XLM-R", "ELECTRA", "DistilBERT", "DeBERTa-v2/v3"):
        assert set(readings(family)) == encoders, family
    assert set(readings("Llama")) == {"causal", "pair", "text", "span"} and set(readings("T5")) == {"yes_no"}
    assert {task for _, task in CASES} == set(tasks())


def test_every_self_check_passes(host: ModelHost) -> None:
    assert [(row.key, row.found) for row in host.card.checks if row.state != "ok"] == []
    assert len(host.card.checks) == 11 and not host.card.off


def test_padding_and_batching_change_nothing(host: ModelHost) -> None:
    examples = [LONG[host.card.task], SHORT[host.card.task]]
    together = host.encode(examples)
    alone = [host.encode([example]) for example in examples]
    assert together.mask[1].sum() < together.mask.shape[1]
    found = host.run(together, None).logits
    expected = torch.cat([host.run(batch, None).logits for batch in alone])
    assert torch.allclose(found, expected, atol=1e-5 if host.card.family in LOOSE else 1e-10)
    again = host.run(together.take([1, 0, 1]), None).logits
    assert torch.allclose(again, found[[1, 0, 1]], atol=1e-5 if host.card.family in LOOSE else 1e-10)


def test_spans_cover_every_token_once(host: ModelHost) -> None:
    example = LONG[host.card.task]
    batch, seen = host.encode([example]), host.seen(example)
    assert batch.spans[0] == seen.tokens and len(seen.tokens) == int(batch.mask.sum())
    parts = [batch.segments[number] for number in batch.segment[0]]
    assert parts == [span.segment for span in seen.tokens]
    assert (seen.cut_query, seen.cut_passage) == (0, 0)
    names = {"passage": example.passage, "context": example.passage}
    for span in seen.tokens:
        if span.segment in CONTENT_SEGMENTS:
            text = names.get(span.segment, example.query)
            assert text is not None and text[span.start : span.end].lower() == span.text.removeprefix("##")
    pieces = dict.fromkeys(tasks()[batch.task].content, "")
    for span in seen.tokens:
        if span.segment in pieces:
            pieces[span.segment] += span.text.removeprefix("##")
    texts = [text for text in (example.query, example.passage) if text is not None]
    assert list(pieces.values()) == [text.replace(" ", "").replace("[MASK]", "") for text in texts]


def test_gradient_equals_a_finite_difference(host: ModelHost) -> None:
    batch, site = host.encode([LONG[host.card.task]]), Site(0, SiteKind.MID)
    target = host.target(TargetSpec(), batch)
    gradient = host.run(batch, target, record=[site], grad=True).gradients(site)[site]
    token, unit = divmod(int(gradient[0].abs().argmax()), gradient.shape[2])
    assert gradient[0, token, unit] != 0
    loose = host.card.family in LOOSE
    step = 1e-3 if loose else 1e-5

    def shifted(amount: float) -> float:
        bump = torch.zeros_like(gradient)
        bump[0, token, unit] = amount
        return float(host.run(batch, target, edits={site: (lambda value, _: value + bump,)}).outputs[0, 0])

    slope = (shifted(step) - shifted(-step)) / (2 * step)
    tolerance = 2e-3 if loose else 1e-6
    assert slope == pytest.approx(float(gradient[0, token, unit]), abs=tolerance * max(1.0, abs(slope)))


def test_scores_of_words_add_up_to_the_change(host: ModelHost) -> None:
    """Completeness of Neuron Integrated Gradients at the words and at every block that every path crosses."""
    batch = host.encode([LONG[host.card.task]])
    target = host.target(TargetSpec(), batch)
    (found,) = NeuronIntegratedGradients(steps=1024, adaptive=False).attribute(host, batch, target)
    change = found.score - found.baseline_score
    assert abs(change) > 1e-4 and len(found.tokens) == int(batch.mask.sum())
    assert found.parts == ("all", *batch.segments)
    for site, miss in found.residual.items():
        assert abs(miss) < 0.005 * max(1.0, abs(change)), (site, miss, change)
    special = [at for at, span in enumerate(batch.spans[0]) if span.segment not in CONTENT_SEGMENTS]
    assert abs(found.tokens[special]).max() == 0 if special else True


def test_switching_neurons_off_changes_the_answer(host: ModelHost) -> None:
    batch = host.encode([LONG[host.card.task]])
    target = host.target(TargetSpec(), batch)
    before = float(host.run(batch, target).outputs[0, 0])
    site = Site(1, SiteKind.MID)
    gradient = host.run(batch, target, record=[site], grad=True).gradients(site)[site]
    unit = int(gradient[0].abs().sum(0).argmax())

    def silent(value: torch.Tensor, _: object) -> torch.Tensor:
        keep = torch.ones(value.shape[2], dtype=value.dtype)
        keep[unit] = 0
        return value * keep

    after = host.run(batch, target, edits={site: (silent,)})
    assert float(after.outputs[0, 0]) != before and float(host.run(batch, target).outputs[0, 0]) == before


def test_every_target_of_the_answer_is_a_finite_number(host: ModelHost) -> None:
    task, batch = tasks()[host.card.task], host.encode([LONG[host.card.task]])
    for name in task.targets:
        if name in ("pairwise", "activation"):
            continue
        target = host.target(TargetSpec(name=name), batch)
        trace = host.run(batch, target)
        assert trace.outputs.shape == (1, 3) and bool(trace.outputs.isfinite().all()), name
        assert target.resolved.sentence and target.resolved.name != "default"
        score, probability = target.outcome(trace.logits)
        assert bool(score.isfinite().all()) and 0 < float(probability) < 1
        assert task.sentence(TargetSpec(name=name), host.card)
