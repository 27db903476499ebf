"""Free text with scaled neurons: answers read against whole passes of a plain model (``qrnca.md`` section 18, 2)."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from asking import Memory, Stored, queries, ran, work
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ItemRow
from app.jobs.base import Inputs
from app.kinds.writing.lines import factor_line, text_line
from app.kinds.writing.question import WritingQuestion
from app.kinds.writing.texts import in_words
from app.kinds.writing.work import WritingWork
from app.models.generation import forced
from app.models.host import ModelHost

PROMPT, GOLD = "what causes rain in spain", "because clouds hold water"


@pytest.fixture(scope="module")
def search() -> tuple[Any, Stored]:
    doing = work(tiny_host("Llama"), queries())
    plan, rows, finished = ran(doing)
    spec = SimpleNamespace(settings=doing.question.model_dump(mode="json"))
    run = SimpleNamespace(id=1, spec=spec, facts=finished.facts, created=datetime.now(UTC), plan=plan)
    return run, Stored(rows, doing.space)


def begun(host: ModelHost, search: tuple[Any, Stored], **question: Any) -> WritingWork:
    run, stored = search
    given = Inputs({"source": run}, stored, None, questions=Memory(*queries()))  # type: ignore[arg-type]
    values = {
        "seeds": 2,
        "max_new": 5,
        "blank": "space",
        "neutral": "the quick brown fox jumps over a lazy dog",
        **question,
    }
    return WritingWork(WritingQuestion(**values), given, host)


def by_hand(host: ModelHost, search: tuple[Any, Stored], **question: Any) -> WritingWork:
    return begun(host, search, prompts=(PROMPT,), golds=(GOLD,), whose="first", **question)


def noted(doing: WritingWork) -> dict[str, Any]:
    plan = doing.plan()
    row = doing.work(plan, doing.shards(plan)[0]).rows[0]
    assert isinstance(row, ItemRow)
    return row.notes


def whole_pass(host: ModelHost, prompt: str, tokens: list[int]) -> list[float]:
    """Log probabilities of tokens behind a prompt, by one plain pass of the transformers model."""
    ids = host.encode([Example("0", prompt)]).inputs["input_ids"][0].tolist()
    with torch.no_grad():
        logits = host.model(torch.tensor([ids + tokens])).logits[0]
    logs = logits.log_softmax(-1)
    return [float(logs[len(ids) - 1 + at, token]) for at, token in enumerate(tokens)]


@pytest.mark.parametrize("family", ["Llama", "GPT-2"])
def test_tokens_put_in_are_those_of_a_whole_pass(family: str) -> None:
    host = tiny_host(family)
    batch = host.encode([Example("0", PROMPT)])
    tokens = host.tokenizer(GOLD, add_special_tokens=False)["input_ids"]
    logs = forced(host, batch.take([0, 0]), tokens)
    assert logs.shape == (2, len(tokens))
    np.testing.assert_allclose(logs[1].numpy(), whole_pass(host, PROMPT, tokens), rtol=1e-6)


def test_neurons_scaled_at_all_tokens_are_columns_scaled(search: tuple[Any, Stored]) -> None:
    """The answer, what is written, and the unrelated text: against a model whose weights are edited."""
    host = tiny_host("Llama")
    doing = by_hand(host, search, positions="all", factors=(0.0, 3.0))
    notes = noted(doing)
    tokens = host.tokenizer(GOLD, add_special_tokens=False)["input_ids"]
    assert notes["tokens"] == [host.tokenizer.decode([token]) for token in tokens]
    assert notes["intact"]["logs"] == pytest.approx(whole_pass(host, PROMPT, tokens), rel=1e-6)
    states = doing.states(doing.members(doing.texts[0]))
    assert [(s.factor, s.seed) for s in states] == [(f, s) for f in (0.0, 3.0) for s in (None, 0, 1)]
    for at, (state, told) in enumerate(zip(states, notes["states"], strict=True)):
        edited = tiny_host("Llama")
        for site, units in doing.sets.space.split(state.members).items():
            edited.model.model.layers[site.layer].mlp.down_proj.weight[:, torch.from_numpy(units)] *= state.factor
        assert told["logs"] == pytest.approx(whole_pass(edited, PROMPT, tokens), rel=1e-6), at
        neutral = edited.encode([Example("0", doing.question.neutral)]).inputs["input_ids"][0].tolist()
        with torch.no_grad():
            logs = edited.model(torch.tensor([neutral])).logits[0].log_softmax(-1)
        read = [float(logs[place, token]) for place, token in enumerate(neutral[1:])]
        assert told["perplexity"] == pytest.approx(np.exp(-np.mean(read)), rel=1e-6)
        if state.seed is None:
            ids = torch.tensor([edited.encode([Example("0", PROMPT)]).inputs["input_ids"][0].tolist()])
            made = edited.model.generate(ids, max_new_tokens=5, do_sample=False)[0, ids.shape[1] :]
            text = edited.tokenizer.decode(made, skip_special_tokens=True)
            assert notes["written"][[0.0, 3.0].index(state.factor)]["text"] == text


def test_the_newest_tokens_are_those_that_predict_the_answer(search: tuple[Any, Stored]) -> None:
    """Against one whole pass edited by a hook of its own at the prompt's last token and the answer's."""
    host = tiny_host("Llama")
    doing = by_hand(host, search, factors=(2.0,))
    notes = noted(doing)
    tokens = host.tokenizer(GOLD, add_special_tokens=False)["input_ids"]
    ids = host.encode([Example("0", PROMPT)]).inputs["input_ids"][0].tolist()
    first = {"last": len(ids) - 1, "generated": len(ids)}
    for positions, place in first.items():
        told = noted(by_hand(host, search, factors=(2.0,), positions=positions)) if positions != "last" else notes
        handles = []
        for site, units in doing.sets.space.split(doing.members(doing.texts[0])).items():

            def scale(module: Any, given: Any, units: Any = units, place: int = place) -> Any:
                value = given[0].clone()
                value[:, place:, torch.from_numpy(units)] *= 2.0
                return (value,)

            layer = host.model.model.layers[site.layer].mlp.down_proj
            handles.append(layer.register_forward_pre_hook(scale))
        try:
            assert told["states"][0]["logs"] == pytest.approx(whole_pass(host, PROMPT, tokens), rel=1e-6), positions
        finally:
            for handle in handles:
                handle.remove()


def test_every_second_token_is_not_every_one(search: tuple[Any, Stored]) -> None:
    """The first token behind the prompt is edited either way, so the first two of the answer's stay the same."""
    host = tiny_host("Llama")
    one, two = (noted(by_hand(host, search, factors=(0.0,), positions="generated", every=n)) for n in (1, 2))
    logs = [np.array(notes["states"][0]["logs"]) for notes in (one, two)]
    np.testing.assert_allclose(logs[0][:2], logs[1][:2])
    assert abs(logs[0][3] - logs[1][3]) > 1e-9 and logs[0][0] == pytest.approx(one["intact"]["logs"][0])


def test_whose_neurons_a_text_gets(search: tuple[Any, Stored]) -> None:
    host = tiny_host("Llama")
    doing = begun(host, search)
    assert [text.query for text in doing.texts] == ["q0", "q1", "q2", "q3", "q4", "q5"] or len(doing.texts) == 6
    first = doing.texts[0]
    found = doing.queries[first.query]
    assert (first.prompt, first.gold) == (found.wordings[2].prompt, found.wordings[2].target)
    own = doing.sets.relevant[first.query].neurons
    assert doing.members(first).tolist() == own.tolist()
    domain = begun(host, search, whose="domain").members(first)
    assert domain.tolist() == doing.sets.by_domain[first.domain].tolist()
    assert by_hand(host, search).members(first).tolist() == doing.sets.by_domain["first"].tolist()
    assert begun(host, search, whose="q3").members(first).tolist() == doing.sets.relevant["q3"].neurons.tolist()
    assert len(begun(host, search, limit=2).texts) == 2


def test_an_answer_in_words() -> None:
    letters = Wording("choose", "B", ("dog", "fox"))
    assert in_words(QuestionQuery("q", "d", (letters,), "the fox"), letters) == "the fox"
    assert in_words(QuestionQuery("q", "d", (letters,)), letters) == "fox"
    plain = Wording("the capital is", "Paris")
    assert in_words(QuestionQuery("q", "d", (plain,)), plain) == "Paris"


def test_what_cannot_be_read_is_told(search: tuple[Any, Stored]) -> None:
    host = tiny_host("Llama")
    with pytest.raises(BadInput, match="unknown token"):
        begun(host, search, prompts=(PROMPT,), golds=("Ω",), whose="first").plan()
    with pytest.raises(BadInput, match="at most"):
        by_hand(host, search, max_new=512).plan()
    with pytest.raises(BadInput, match="at least two tokens"):
        by_hand(host, search, neutral="rain").plan()


def item(number: int, plain: list[float], scaled: list[float], random: list[list[float]]) -> ItemRow:
    states = [{"factor": 0.0, "seed": None, "logs": scaled, "perplexity": 8.0}]
    states += [{"factor": 0.0, "seed": seed, "logs": logs, "perplexity": 4.0} for seed, logs in enumerate(random)]
    intact = {"logs": plain, "perplexity": 2.0, "written": "a b", "exact": True, "rouge": 1.0}
    notes = {"prompt": "p", "gold": "a b", "query": "", "domain": "", "tokens": ["a", " b"], "intact": intact}
    written = [{"text": "a c", "exact": False, "rouge": 0.5}]
    return ItemRow(number, "text", [], {"neurons": 3.0}, {**notes, "states": states, "written": written})


def test_measures_by_hand() -> None:
    rows = [
        item(0, [-1.0, -3.0], [-2.0, -4.0], [[-1.0, -3.0], [-2.0, -2.0]]),
        item(1, [-1.0], [-4.0], [[-2.0], [-2.0]]),
    ]
    line = factor_line(rows, (0.0,), 0.0)
    assert line.change.mean == pytest.approx((-1 - 3) / 2) and line.random == pytest.approx((0 - 1) / 2)
    assert line.beyond is not None and line.beyond.mean == pytest.approx((-1 - 2) / 2)
    assert line.exact == (1.0, 0.0) and line.rouge == (1.0, 0.5) and line.perplexity == pytest.approx((2, 8, 4))
    text = text_line(rows[0], (0.0,), 0.0)
    assert (text.plain, text.scaled, text.random) == (-2.0, -3.0, (-2.0, -2.0))
    assert [piece.after for piece in text.pieces] == pytest.approx(np.exp([-2.0, -4.0]))
    assert text.written == ("a b", "a c") and text.exact == (True, False)
