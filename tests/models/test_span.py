"""Extracted answers: the best one of the context, fixed under edits and padding."""

import pytest
import torch
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.positions import Positions
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.baselines import words
from app.models.host import ModelHost

WORDS = Site(0, SiteKind.WORDS)
QUESTION = Example("0", "what causes rain", "rain falls because clouds hold water")


@pytest.fixture(scope="module")
def span() -> ModelHost:
    return tiny_host(task="span")


def best_by_hand(host: ModelHost, example: Example, longest: int = 30) -> tuple[int, int, float]:
    batch = host.encode([example])
    output = host.model(**batch.inputs)
    context = [at for at, span in enumerate(batch.spans[0]) if span.segment == "context"]
    pairs = [(i, j) for i in context for j in context if i <= j < i + longest]
    values = {(i, j): float(output.start_logits[0, i] + output.end_logits[0, j]) for i, j in pairs}
    (first, last), value = max(values.items(), key=lambda item: item[1])
    return first, last, value


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "GPT-2", "Llama"])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_answer_of_the_context(family: str, seed: int) -> None:
    host = tiny_host(family, task="span", seed=seed)
    batch = host.encode([QUESTION])
    first, last, value = best_by_hand(host, QUESTION)
    target = host.target(TargetSpec(), batch)
    assert target.resolved.answers == ((first, last),) and batch.answer is not None
    assert float(host.run(batch, target).outputs[0, 0]) == pytest.approx(value, rel=1e-5)
    spans, context = batch.spans[0], QUESTION.passage or ""
    assert f"'{context[spans[first].start : spans[last].end]}'" in target.resolved.sentence


def test_an_answer_is_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.models.tasks import span as module

    monkeypatch.setattr(module, "LONGEST", 1)
    for seed in range(4):
        host = tiny_host(task="span", seed=seed)
        ((first, last),) = host.target(TargetSpec(), host.encode([QUESTION])).resolved.answers
        assert (first, last) == best_by_hand(host, QUESTION, 1)[:2] and first == last


def test_probabilities_are_those_of_two_softmaxes_over_the_context(span: ModelHost) -> None:
    batch = span.encode([Example("1", "a", "b c"), QUESTION])  # the shorter row is padded
    output, where = span.model(**batch.inputs), batch.where(Positions(("context",)))
    for row in (0, 1):
        first, last = batch.answer[row].tolist()
        start = torch.zeros(batch.mask.shape[1], dtype=torch.float64)
        end = start.clone()
        start[where[row]] = output.start_logits[row][where[row]].softmax(0)
        end[where[row]] = output.end_logits[row][where[row]].softmax(0)
        wanted = {"start": start[first], "end": end[last], "span": start[first] * end[last]}
        for part, value in wanted.items():
            for name, expected in (("probability", value), ("log_probability", value.log()), ("margin", value.logit())):
                target = span.target(TargetSpec(name=name, answer=part), batch)
                assert float(span.run(batch, target).outputs[row, 0]) == pytest.approx(float(expected), abs=1e-12)
        logit = span.target(TargetSpec(name="logit", answer="start"), batch)
        assert float(span.run(batch, logit).outputs[row, 0]) == float(output.start_logits[row, first])


def test_the_answer_stays_under_edits_and_padding(span: ModelHost) -> None:
    """An edit that moves the model's answer elsewhere does not move what is explained."""
    alone = span.encode([QUESTION])
    padded = span.encode(
        [QUESTION, Example("1", "what", "rain falls mainly on the plain in spain because clouds hold")]
    )
    assert alone.mask.shape[1] < padded.mask.shape[1]
    assert torch.equal(alone.answer[0], padded.answer[0])
    again = padded.take([1, 0, 0])
    assert torch.equal(again.answer, padded.answer[[1, 0, 0]])
    target = span.target(TargetSpec(), alone)
    first, last = alone.answer[0].tolist()

    def flipped(value: torch.Tensor, _: object) -> torch.Tensor:
        return -value

    kept: list[torch.Tensor] = []
    handle = span.model.qa_outputs.register_forward_hook(lambda *call: kept.append(call[2][0]))
    after = float(span.run(alone, target, edits={WORDS: (flipped,)}).outputs[0, 0])
    handle.remove()
    start, end = kept[0].unbind(1)
    assert after == pytest.approx(float(start[first] + end[last]), abs=1e-12)
    moved = [int(logits[alone.where(Positions(("context",)))[0]].argmax()) for logits in (start, end)]
    offset = int(alone.where(Positions(("context",)))[0].int().argmax())
    assert moved != [first - offset, last - offset], "the edited model's own answer is to be another one here"


def test_a_context_of_one_token_leaves_no_choice(span: ModelHost) -> None:
    with pytest.raises(BadInput) as caught:
        span.encode([Example("0", "what causes rain", "rain")])
    assert caught.value.field == "passage"
    with pytest.raises(BadInput, match="two tokens of the context"):
        span.encode([QUESTION], max_length=5)


def test_baselines_fill_the_question_or_the_context(span: ModelHost) -> None:
    batch = span.encode([QUESTION])
    real = span.run(batch, None, record=[WORDS]).value(WORDS)
    for baseline, part in (("pad_query", "question"), ("pad_passage", "context")):
        moved = (words(span, batch, baseline) != real).any(2)
        assert torch.equal(moved, batch.where(Positions((part,))))
