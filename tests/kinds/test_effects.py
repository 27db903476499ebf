"""The test of query-relevant neurons: answers against plain passes, measures by hand (``qrnca.md`` section 8)."""

from typing import Any

import numpy as np
import pytest
import torch
from asking import Memory, Stored, queries, ran, searched, work
from tiny import tiny_host

from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.results import ItemRow
from app.interventions.edits import Cell, Sources
from app.interventions.responses import responses
from app.jobs.base import Inputs
from app.kinds.effects.changes import measured
from app.kinds.effects.curves import curves, ratios
from app.kinds.effects.measures import MATCHED, NEGATIVE, OWN, RELEVANT, Changes, right_before
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
    doing = begun(llama, search, positions=positions, negative=True, sizes=(1, 2))
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
        tested = {(0, one.name, one.seed): one.members for one in doing.tested(notes["query"])}
        tested |= {(size, one.name, one.seed): one.members for size, one in doing.doses(notes["query"])}
        told = [(0, *answer) for answer in own["answers"][at]] + own["doses"][at]
        assert len(told) == len(tested) and (0, NEGATIVE, None) in tested and (2, MATCHED, 1) in tested
        for size, name, seed, shares in told:
            members = doing.space.split(tested[size, name, seed])

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


def test_doses_are_the_strongest_first(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    """So many of the strongest, and random ones of their blocks; all of a smaller set."""
    doing = begun(llama, search, sizes=(1, 3))
    for key in doing.sets.queries:
        whole = doing.sets.relevant[key]
        assert (np.diff(whole.discounted) <= 0).all()
        for size, one in doing.doses(key):
            if one.name == RELEVANT:
                assert one.members.tolist() == whole.neurons[:size].tolist()
            else:
                assert len(one.members) == min(size, len(whole.neurons))


def test_negative_neurons_are_tested_beside_random_ones_of_their_blocks(
    llama: ModelHost, search: tuple[Any, Stored]
) -> None:
    doing = begun(llama, search, negative=True)
    mirrored = doing.sets.mirrored
    assert mirrored is not None
    for key in doing.sets.queries:
        tested = {(one.name, one.seed): one.members for one in doing.tested(key)}
        assert tested[NEGATIVE, None].tolist() == mirrored.relevant[key].neurons.tolist()
        assert len(tested["random, as negative", 0]) == len(tested[NEGATIVE, None])
    assert NEGATIVE not in [one.name for one in begun(llama, search).tested("q0")]


def test_a_question_of_before_keeps_its_fingerprint() -> None:
    assert not {"sizes", "negative"} & set(EffectsQuestion().model_dump())
    assert EffectsQuestion(sizes=(1,), negative=True).model_dump()["sizes"] == (1,)


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
        for relation, shares in (("own", own), ("other domain", other or own))
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
    assert (tested.flips.turned, tested.flips.turnable, tested.flips.of_all, tested.flips.net) == (1.0, 1, 0.5, -0.5)
    assert tested.expected == 1.0 and tested.ratio.mean_ratio == pytest.approx(0.5 / 0.05)
    assert tested.margin == pytest.approx((-0.8 - 0.1) / 2)
    assert tested.among == pytest.approx(((0.2 / 0.6) / (0.8 / 0.9) - 1 + (0.3 / 0.9) / (0.4 / 0.9) - 1) / 2)
    assert tested.mass == pytest.approx((-0.3 + 0) / 2) and tested.others == pytest.approx(0.1)
    boosted = Changes(rows, 0, 2.0).lines()[0]
    assert (boosted.flips.turned, boosted.flips.turnable, boosted.flips.of_all) == (0.0, 1, 0.0)
    assert boosted.flips.net == -0.5 and boosted.expected == 0.0
    assert [right_before(one) for one in rows] == [True, False]
    assert Changes(rows, 0, 0.0).by_domain("set") == {
        "d": (1, pytest.approx(-0.75), pytest.approx(-0.1)),
        "e": (1, pytest.approx(-0.25), 0.0),
    }


def test_a_query_without_neurons_is_changed_by_nothing_and_every_mean_counts_it(
    llama: ModelHost, search: tuple[Any, Stored]
) -> None:
    """Under a threshold that leaves no neuron every set is empty, the random ones, too."""
    doing = begun(llama, search, thresholds={"common": 0.0})
    _, rows, finished = ran(doing)
    assert any("have no query-relevant neuron" in said for said in finished.warnings)
    items = [row for row in rows if isinstance(row, ItemRow)]
    for line in Changes(items, 0, 0.0).lines():
        assert np.isfinite(line.own.mean) and line.own.n == len(items)
        if line.name in ("query-relevant", "random, same blocks", "random, all blocks"):
            assert line.own.mean == 0.0


def dosed(item: int, own: list[float]) -> ItemRow:
    """A query with one own prompt: right token's probability, intact and under two factors; half of it of 1 neuron."""
    intact = [own[0], np.nan, 0.1, own[0]]
    after = [[share, np.nan, 0.1, share] for share in own[1:]]
    half = [[(own[0] + share) / 2, np.nan, 0.1, 0] for share in own[1:]]
    prompt = {
        "relation": "own",
        "intact": intact,
        "answers": [[["query-relevant", None, one], ["random, same blocks", 0, intact]] for one in after],
        "doses": [[[1, "query-relevant", None, one], [1, "random, same blocks", 0, intact]] for one in half],
    }
    notes = {"query": f"q{item}", "domain": "d", "prompts": [prompt], "sets": {"query-relevant": [1, 2]}}
    return ItemRow(item, "effects", [], {}, notes)


def test_dose_curves_by_hand() -> None:
    rows = [dosed(0, [0.5, 0.1, 0.6]), dosed(1, [0.4, 0.2, 0.4])]
    factors = (2.0, 0.0)

    def changes(size: int) -> Any:
        rows_at = [dosed(0, [0.5, 0.6, 0.1]), dosed(1, [0.4, 0.4, 0.2])]
        return lambda factor: Changes(rows_at, factors.index(factor), factor, size)

    lines = curves(changes(0), factors, "right")
    assert list(lines) == ["own answer", "random neurons, own answer"]
    assert [(p.factor, p.n) for p in lines["own answer"]] == [(0.0, 2), (1.0, 2), (2.0, 2)]
    assert [p.mean for p in lines["own answer"]] == pytest.approx([(-0.8 - 0.5) / 2, 0, (0.2 + 0) / 2])
    assert [p.mean for p in lines["random neurons, own answer"]] == [0, 0, 0]
    assert [p.mean for p in curves(changes(1), factors, "right")["own answer"]] == pytest.approx([-0.325, 0, 0.05])
    assert ratios(changes(0), factors) == {}
    assert np.isnan(measured("among", [([0.5, np.nan, 0.1, 0.5], [0.1, np.nan, 0.1, 0.1])]))
    assert np.isnan(Changes(rows, 0, 0.0, 7).of("right", RELEVANT, OWN)).all()


def test_a_query_without_neurons_has_no_random_sets() -> None:
    """Its own answer stays, and it is left out where sets are compared with random ones."""
    first = row(0, "d", [[0.8, 0.1, 0.2, 0.9], [0.2, 0.3, 0.4, 0.6], [0.8, 0.1, 0.2, 0.9], [0.4, 0.1, 0.2, 0.5]], [])
    other = row(1, "e", [[0.4, 0.1, 0.6, 0.9], [0.4, 0.1, 0.6, 0.9]], [])
    for one in (first, other):
        one.notes["prompts"] = one.notes["prompts"][:1]
    tested, random = Changes([first, other], 0, 0.0).lines()
    assert tested.own.mean == pytest.approx(-0.75 / 2) and tested.own.n == 2
    assert random.own.mean == pytest.approx(-0.25) and random.own.n == 1
    assert tested.against_random is not None and tested.against_random.mean == pytest.approx(-0.5)
    assert tested.against_random.holm == tested.against_random.p
