"""The test of query-relevant neurons: answers against plain passes, measures by hand (``qrnca.md`` section 8)."""

from typing import Any

import numpy as np
import pytest
import torch
from asking import Memory, Stored, queries, searched, work
from tiny import tiny_host

from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.results import ItemRow
from app.interventions.edits import Cell, Sources
from app.interventions.responses import responses
from app.jobs.base import Inputs
from app.kinds.effects.measures import Changes
from app.kinds.effects.question import EffectsQuestion
from app.kinds.effects.work import EffectsWork
from app.models.continuations import answer_target, answers_of
from app.models.host import ModelHost


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


@pytest.fixture(scope="module")
def search(llama: ModelHost) -> tuple[Any, Stored]:
    return searched(work(llama, queries()))


def begun(llama: ModelHost, search: tuple[Any, Stored], **question: Any) -> EffectsWork:
    run, stored = search
    given = Inputs({"source": run}, stored, None, questions=Memory(*queries()))  # type: ignore[arg-type]
    return EffectsWork(EffectsQuestion(**{"seeds": 2, **question}), given, llama)


@pytest.mark.parametrize("positions", ["last", "all"])
def test_answers_are_those_of_plain_edited_passes(llama: ModelHost, search: tuple[Any, Stored], positions) -> None:
    """Against whole passes with the units multiplied by hand; the held-out wording is read, never one that found."""
    doing = begun(llama, search, positions=positions)
    plan = doing.plan()
    partial = doing.work(plan, doing.shards(plan)[2])
    notes = partial.rows[0].notes
    query = {q.key: q for q in queries()}[notes["query"]]
    own = next(prompt for prompt in notes["prompts"] if prompt["relation"] == "own")
    wording = query.wordings[2]
    batch = llama.encode([Example("0", wording.prompt)])
    token = answers_of(llama, wording, "auto").target.token
    last = int(batch.readout[0])
    for at, factor in enumerate(doing.question.factors):
        tested = {(one.name, one.seed): one.members for one in doing.tested(notes["query"])}
        for name, seed, shares in own["answers"][at]:
            members = doing.space.split(tested[name, seed])

            def edit(value: torch.Tensor, _: Any, units: Any, factor: float = factor) -> torch.Tensor:
                out = value.clone()
                where = slice(None) if positions == "all" else [last]
                scaled = out[:, where]
                scaled[..., torch.from_numpy(units)] *= factor
                out[:, where] = scaled
                return out

            edits = {site: (lambda v, b, u=units: edit(v, b, u),) for site, units in members.items()}
            logits = llama.run(batch, None, edits=edits).logits[0].double()
            assert shares[0] == pytest.approx(float(logits.softmax(0)[token]), rel=1e-7), (name, factor)


def test_every_set_has_as_many_neurons_and_random_ones_match_blocks(
    llama: ModelHost, search: tuple[Any, Stored]
) -> None:
    doing = begun(llama, search)
    for key in doing.sets.queries:
        tested = doing.tested(key)
        own = tested[0].members
        blocks = {site: len(units) for site, units in doing.space.split(own).items()}
        for one in tested:
            if one.name not in ("without discount", "with common ones"):
                assert len(one.members) == len(own) or one.name == "knowledge neurons"
            if one.name == "random, same blocks":
                assert {site: len(units) for site, units in doing.space.split(one.members).items()} == blocks


def test_other_queries_are_of_another_domain_and_stay_the_same(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    doing = begun(llama, search)
    plan = doing.plan()
    for key, (same, other) in plan["others"].items():
        domains = doing.sets.domains
        assert same != key and domains[same] == domains[key] != domains[other]
    assert begun(llama, search).plan()["others"] == plan["others"]
    assert begun(llama, search, seed=5).plan()["others"] != plan["others"]


def test_a_factor_of_one_changes_nothing(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    """J11."""
    doing = begun(llama, search, factors=(1.0,), seeds=1)
    plan = doing.plan()
    for prompt in doing.work(plan, doing.shards(plan)[0]).rows[0].notes["prompts"]:
        for _, _, shares in prompt["answers"][0]:
            assert shares[0] == pytest.approx(prompt["intact"][0], rel=1e-9)


def test_scaling_at_all_tokens_is_scaling_columns(search: tuple[Any, Stored]) -> None:
    """J7: as the down-projection's columns multiplied."""
    host = tiny_host("Llama")
    doing = begun(host, search)
    wording = queries()[0].wordings[2]
    answers = answers_of(host, wording, "auto")
    batch = host.encode([Example("0", wording.prompt)])
    members = doing.tested("q0")[0].members
    setting = Setting("target", members, op=Op.SCALE, amount=2.0)
    hooked = responses(host, batch, answer_target(answers), [Cell(0, setting)], doing.space, Sources(), rows=4)
    for site, units in doing.space.split(members).items():
        host.model.model.layers[site.layer].mlp.down_proj.weight[:, torch.from_numpy(units)] *= 2.0
    edited = host.run(batch, answer_target(answers)).outputs.double().numpy()
    np.testing.assert_allclose(hooked, edited, rtol=1e-9)


def test_shares_of_letters(llama: ModelHost) -> None:
    """Right, wrong, best wrong and mass of options, from the softmax over the whole vocabulary."""
    from app.domain.question_sets import Wording

    wording = Wording("what causes rain in spain", "B", ("dog", "fox", "plain"))
    answers = answers_of(llama, wording, "auto")
    batch = llama.encode([Example("0", wording.prompt)])
    shares = llama.run(batch, None).logits[0].double().softmax(0)
    a, b, c = (float(shares[llama.tokenizer.convert_tokens_to_ids(letter)]) for letter in "abc")
    told = llama.run(batch, answer_target(answers)).outputs[0].tolist()
    assert told == pytest.approx([b, (a + c) / 2, max(a, c), a + b + c])


def row(item: int, domain: str, own: list[list[float]], other: list[list[float]]) -> ItemRow:
    """A query with one own and one other prompt: [intact, set, random 0, random 1] of (right, others, best, mass)."""
    prompts = [
        {
            "relation": relation,
            "query": "x",
            "wording": 0,
            "intact": shares[0],
            "answers": [[["set", None, shares[1]], *[["random, same blocks", n, s] for n, s in enumerate(shares[2:])]]],
        }
        for relation, shares in (("own", own), ("other domain", other))
    ]
    return ItemRow(item, "effects", [], {}, {"query": f"q{item}", "domain": domain, "prompts": prompts})


def test_measures_by_hand() -> None:
    rows = [
        row(
            0,
            "d",
            [[0.8, 0.1, 0.2, 0.9], [0.2, 0.3, 0.4, 0.6], [0.8, 0.1, 0.2, 0.9], [0.4, 0.1, 0.2, 0.5]],
            [[0.5, 0, 0.1, 0.5]] + [[0.45, 0, 0.1, 0.5]] + [[0.5, 0, 0.1, 0.5]] * 2,
        ),
        row(
            1,
            "e",
            [[0.4, 0.1, 0.6, 0.9], [0.3, 0.1, 0.6, 0.9], [0.4, 0.1, 0.6, 0.9], [0.4, 0.1, 0.6, 0.9]],
            [[0.5, 0, 0.1, 0.5]] * 4,
        ),
    ]
    tested, random = Changes(rows, 0, 0.0).lines()
    assert tested.own.mean == pytest.approx((-0.75 - 0.25) / 2) and tested.other == pytest.approx(-0.05)
    assert tested.ratio is not None and tested.ratio.ratio == pytest.approx(0.5 / 0.05)
    assert random.own.mean == pytest.approx((-0.25 + 0) / 2)
    assert tested.against_random is not None and tested.against_random.mean == pytest.approx((-0.5 - 0.25) / 2)
    assert random.against_random is None
    assert (tested.flipped, tested.turnable) == (1.0, 1) and tested.expected == 1.0
    assert tested.mass == pytest.approx((-0.3 + 0) / 2) and tested.others == pytest.approx(0.1)
    boosted = Changes(rows, 0, 2.0).lines()[0]
    assert (boosted.flipped, boosted.turnable) == (0.0, 1) and boosted.expected == 0.0
    assert Changes(rows, 0, 0.0).by_domain("set") == {
        "d": (1, pytest.approx(-0.75), pytest.approx(-0.1)),
        "e": (1, pytest.approx(-0.25), 0.0),
    }
