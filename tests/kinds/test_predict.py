"""Prediction from a domain's neurons: activity against plain hooks, sums by hand, no query on both sides."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from asking import Memory, Stored, searched, work
from tiny import tiny_host

from app.analysis.prediction import credit
from app.domain.errors import BadInput
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ItemRow
from app.interventions.activity import last_activity
from app.jobs.base import Inputs
from app.kinds.predict.choices import Choices
from app.kinds.predict.measures import MODEL, PROBE, RANDOM_PROBE, RANDOM_SUM, SUM, Predictions
from app.kinds.predict.question import PredictQuestion
from app.kinds.predict.split import splits
from app.kinds.predict.work import PredictWork
from app.models.host import ModelHost

ANSWERS = ("rain", "water", "dog", "fox", "clouds", "plain", "neurons", "document", "spain", "query")


def cloze(number: int = 10) -> tuple[QuestionQuery, ...]:
    starts = ("what causes", "the relevant document is", "because clouds hold")
    return tuple(
        QuestionQuery(
            f"q{at}",
            ("first", "second")[at % 2],
            tuple(Wording(f"{start} {ANSWERS[-at - 1]} a", ANSWERS[at]) for start in starts),
        )
        for at in range(number)
    )


def letters(number: int = 8) -> tuple[QuestionQuery, ...]:
    options = ("rain falls", "lazy dog", "brown fox jumps")
    return tuple(
        QuestionQuery(
            f"q{at}",
            "letters",
            tuple(Wording(f"what causes {ANSWERS[at]} {word}", "abc"[at % 3].upper(), options) for word in ("a", "on")),
        )
        for at in range(number)
    )


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


@pytest.fixture(scope="module")
def search(llama: ModelHost) -> tuple[Any, Stored]:
    return searched(work(llama, cloze(), limit=3))


def begun(llama: ModelHost, search: tuple[Any, Stored], asked: Any = None, **question: Any) -> PredictWork:
    run, stored = search
    given = Inputs({"source": run}, stored, None, questions=Memory(*(asked or cloze())))  # type: ignore[arg-type]
    return PredictWork(PredictQuestion(**{"seeds": 2, **question}), given, llama)


@contextmanager
def plain_hooks(host: ModelHost) -> Iterator[list[torch.Tensor]]:
    """Inputs of every down-projection of a pass of the library's own model, block by block."""
    kept: list[torch.Tensor] = []
    hooks = [
        block.mlp.down_proj.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
        for block in host.model.model.layers
    ]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def slow(host: ModelHost, text: str) -> np.ndarray:
    """[N] activity at the last token of one text by itself."""
    with plain_hooks(host) as kept:
        host.model(**host.tokenizer(text, return_tensors="pt"))
    return np.concatenate([value[0, -1].double().numpy() for value in kept])


def test_activity_is_that_of_plain_passes(llama: ModelHost) -> None:
    """Proposed answers of different lengths behind one prompt, and a text alone."""
    texts = ["what causes rain a dog", "what causes rain a lazy dog jumps", "what causes rain a"]
    rows = last_activity(llama, texts, llama.space("ffn"), 64)
    for row, text in zip(rows, texts, strict=True):
        np.testing.assert_allclose(row, slow(llama, text), rtol=1e-9, atol=1e-12)
    alone = last_activity(llama, texts[:1], llama.space("ffn"), 64)
    np.testing.assert_allclose(alone[0], rows[0], rtol=1e-9, atol=1e-12)


def test_a_prediction_is_the_sum_by_hand(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    """Method A from the library's own passes: z-scores over the old queries' proposed answers, weighted and summed."""
    doing = begun(llama, search, wordings=2, seeds=1)
    plan = doing.plan()
    shard = doing.shards(plan)[0]
    rows = doing.work(plan, shard).rows
    split = plan["domains"][0]
    own = doing.sets.by_domain["first"]
    weights = np.asarray([doing.sets.weights["first"][flat] for flat in own.tolist()])
    queries, choices = {q.key: q for q in cloze()}, doing.choices
    sides = {key: ("found", "new") if key in split["found"] else ("new", "found") for key in queries}

    def proposals(key: str, at: int) -> tuple[list[str], int]:
        others = choices.drawn(key, [[queries[other] for other in split[side]] for side in sides[key]])
        choice = choices.of(queries[key], at, others)
        return [f"{queries[key].wordings[at].prompt} {text}" for text in choice.proposals], choice.right

    old = np.stack([slow(llama, text) for key in split["found"] for at in (0, 1) for text in proposals(key, at)[0]])
    random = random_matched(own, doing.sets.space, 0)
    for row, key in zip(rows, split["new"], strict=True):
        assert isinstance(row, ItemRow)
        for at, prompt in enumerate(row.notes["prompts"]):
            texts, right = proposals(key, at)
            new = np.stack([slow(llama, text) for text in texts])
            z = (new - old.mean(0)) / np.where(old.std(0) > 0, old.std(0), 1)
            np.testing.assert_allclose(prompt["weighted"], z[:, own] @ weights / weights.sum(), rtol=1e-6)
            wanted = credit(z[:, random] @ weights, right)
            assert prompt["random"][0][0] == pytest.approx(wanted)
            shares = llama.model(**llama.tokenizer(queries[key].wordings[at].prompt, return_tensors="pt")).logits[0, -1]
            ids = [llama.tokenizer.convert_tokens_to_ids(text) for text in prompt["options"]]
            np.testing.assert_allclose(prompt["shares"], shares.double().softmax(0)[ids].tolist(), rtol=1e-6)


def test_no_query_is_on_both_sides(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    plan = begun(llama, search).plan()
    for domain in plan["domains"]:
        assert not set(domain["found"]) & set(domain["new"]) and domain["new"] and len(domain["found"]) == 3
    assert plan["items"] == 4 and begun(llama, search, limit=1).plan()["items"] == 2
    assert begun(llama, search).plan() == plan


def test_queries_that_the_search_passed_over_come_last(llama: ModelHost) -> None:
    """A search of at most two a domain that skipped one: it looked at three."""
    sample = work(llama, cloze(), limit=2).question.sample
    from app.kinds.queries import sampled

    order = [query.key for query in sampled(sample, cloze()) if query.domain == "first"]
    used = [order[0], order[2]]
    (split,) = splits(sample, cloze(), used, seed=0)
    assert split.found == tuple(used) and split.passed == (order[1],) and split.new[-1] == order[1]
    assert set(split.new[:-1]) == set(order[3:])
    (whole,) = splits(sample, cloze(), used[:1], seed=0)
    assert set(whole.passed) == set(order[1:]), "a domain that was not filled up was looked at whole"


def test_candidates_are_other_answers_of_one_token(llama: ModelHost) -> None:
    queries = cloze()
    queries = (*queries, QuestionQuery("long", "first", (Wording("what causes a", "zebra crossing"),)))
    queries = (*queries, QuestionQuery("twin", "first", (Wording("what causes a", queries[0].wordings[0].target),)))
    choices = Choices(llama.tokenizer, "auto", "text", 3)
    others = choices.drawn("q0", [queries])
    assert [query.key for query in others] == [query.key for query in choices.drawn("q0", [queries])]
    choice = choices.of(queries[0], 0, others)
    assert choice.texts[choice.right] == "rain" and len(set(choice.texts)) == 4 and "zebra crossing" not in choice.texts
    with pytest.raises(BadInput, match="another one-token answer"):
        choices.of(queries[0], 0, [queries[-1]])
    with pytest.raises(BadInput, match="to be one token"):
        choices.of(queries[-2], 0, others)


@pytest.mark.parametrize(("proposed", "texts"), [("text", "rain falls"), ("letter", "A")])
def test_options_are_proposed_by_text_or_letter(llama: ModelHost, proposed: str, texts: str) -> None:
    search = searched(work(llama, letters(), limit=4))
    doing = begun(llama, search, letters(), proposed=proposed, wordings=1)
    plan = doing.plan()
    row = doing.work(plan, doing.shards(plan)[0]).rows[0]
    assert isinstance(row, ItemRow)
    prompt = row.notes["prompts"][0]
    assert prompt["options"][0] == texts and len(prompt["weighted"]) == len(prompt["shares"]) == 3
    assert not any("no options" in warning for warning in doing.finish(plan, None).warnings)


def test_a_domain_without_new_queries_is_left_out(llama: ModelHost) -> None:
    """And one with a single old query; none left is a fault in a sentence."""
    lone = (*cloze(), QuestionQuery("alone", "lone", (Wording("what causes rain a", "dog"),)))
    doing = begun(llama, searched(work(llama, lone, limit=3)), lone)
    plan = doing.plan()
    assert [domain["name"] for domain in plan["domains"]] == ["first", "second"]
    assert "lone: 0 of the search's queries and 0 new ones" in doing.finish(plan, None).warnings[0]
    everything = searched(work(llama, cloze(), limit=20))
    with pytest.raises(BadInput, match="a new query") as caught:
        begun(llama, everything).plan()
    assert "first: 5 of the search's queries and 0 new ones" in str(caught.value)


def test_measures_by_hand() -> None:
    def row(item: int, shares: list[float], weighted: list[float], probed: list[float], random: float) -> ItemRow:
        prompt = {
            "wording": 0,
            "options": ["x", "y"],
            "right": 0,
            "shares": shares,
            "weighted": weighted,
            "probed": probed,
            "signal": shares[0],
            "random": [[random, 0.0, 1.0], [0.0, 0.0, 2.0]],
            "cut": 0,
        }
        notes = {"query": f"q{item}", "domain": "d", "passed": False, "prompts": [prompt]}
        return ItemRow(item, "predict", [], {"neurons": 3.0}, notes)

    rows = [
        row(0, [0.6, 0.1], [1, 0], [1, 0], 1.0),
        row(1, [0.2, 0.5], [1, 0], [0, 0], 1.0),
        row(2, [0.1, 0.3], [0, 1], [0, 1], 0.0),
    ]
    numbers = Predictions(rows)
    told = {line.name: line.accuracy.mean for line in numbers.ways()}
    assert told == pytest.approx({MODEL: 1 / 3, SUM: 2 / 3, PROBE: 0.5, RANDOM_SUM: 1 / 3, RANDOM_PROBE: 0})
    assert numbers.chance == 0.5
    assert {(one.first, one.second): one.difference.mean for one in numbers.versus()}[SUM, MODEL] == pytest.approx(
        1 / 3
    )
    assert all(one.verdict == 0 for one in numbers.versus()), "three queries tell nothing"
    largest, own, random = numbers.signals()
    assert own.auroc == 1.0 and largest.auroc == 1.0 and random.auroc == 0.5
    assert numbers.answers() == (1, 3) and Predictions(rows[1:]).signals() == ()
    (domain,) = numbers.domains()
    assert (domain.queries, domain.neurons, domain.ways[1].mean) == (3, 3, pytest.approx(2 / 3))
