"""Locators against plain hooks on the library's own model; correlations and shared tops by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from asking import Memory, Stored, queries, searched, work
from scipy.stats import spearmanr
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.neuron_sets import random_matched
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ItemRow
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.jobs.base import Inputs
from app.kinds.locators.measures import RANDOM, RELEVANT, Locators
from app.kinds.locators.pairs import pairs
from app.kinds.locators.question import LocatorsQuestion
from app.kinds.locators.work import LocatorsWork
from app.models.host import ModelHost
from app.models.targets import token_target


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


@pytest.fixture(scope="module")
def search(llama: ModelHost) -> tuple[Any, Stored]:
    return searched(work(llama, queries()))


def begun(llama: ModelHost, search: tuple[Any, Stored], asked: Any = None, **question: Any) -> LocatorsWork:
    run, stored = search
    given = Inputs({"source": run}, stored, None, questions=Memory(*(asked or queries())))  # type: ignore[arg-type]
    settings = {"seeds": 2, "steps": 4, "queries": 4, "k": 6, **question}
    return LocatorsWork(LocatorsQuestion(**settings), given, llama)


@contextmanager
def edited(host: ModelHost, units: dict[int, dict[int, float]]) -> Iterator[None]:
    """Block to unit to the value that it has at the last token, on the library's own model."""

    def hook(values: dict[int, float]) -> Any:
        def put(_: Any, inputs: Any) -> Any:
            out = inputs[0].clone()
            for unit, value in values.items():
                out[:, -1, unit] = value
            return (out,)

        return put

    blocks = host.model.model.layers
    hooks = [blocks[layer].mlp.down_proj.register_forward_pre_hook(hook(values)) for layer, values in units.items()]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


def logits(host: ModelHost, text: str) -> torch.Tensor:
    return host.model(**host.tokenizer(text, return_tensors="pt")).logits[0, -1].double()


def activity(host: ModelHost, text: str) -> list[torch.Tensor]:
    kept: list[torch.Tensor] = []
    hooks = [
        block.mlp.down_proj.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0][0, -1]))
        for block in host.model.model.layers
    ]
    logits(host, text)
    for one in hooks:
        one.remove()
    return kept


def first_row(doing: LocatorsWork) -> tuple[dict[str, Any], Any]:
    plan = doing.plan()
    row = doing.work(plan, doing.shards(plan)[0]).rows[0]
    assert isinstance(row, ItemRow)
    return plan, row.notes


def test_single_neurons_are_those_of_plain_passes(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    """Patched with the partner's value and switched off, one plain pass a neuron."""
    doing = begun(llama, search)
    _, notes = first_row(doing)
    known = {query.key: query for query in queries()}
    own, other = (known[notes[name]].wordings[0] for name in ("query", "partner"))
    right, against = (llama.tokenizer.convert_tokens_to_ids(word.target) for word in (own, other))
    intact, values = logits(llama, own.prompt), activity(llama, other.prompt)
    assert notes["neurons"] and set(notes["groups"]) <= {"query-relevant", "common", "random, same blocks"}
    for at, flat in enumerate(notes["neurons"]):
        place = doing.sets.index(flat)
        told = {"patched": float(values[place.layer][place.unit]), "switched off": 0.0}
        for name, value in told.items():
            with edited(llama, {place.layer: {place.unit: value}}):
                after = logits(llama, own.prompt)
            lost = intact.softmax(0)[right] - after.softmax(0)[right]
            margin = (intact[right] - intact[against]) - (after[right] - after[against])
            scores = notes["scores"]
            assert scores[f"{name}, probability"][at] == pytest.approx(float(lost), abs=1e-10)
            assert scores[f"{name}, logit difference"][at] == pytest.approx(float(margin), abs=1e-8)


def test_scores_of_all_neurons_are_the_methods_own(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    doing = begun(llama, search)
    _, notes = first_row(doing)
    wording = {query.key: query for query in queries()}[notes["query"]].wordings[0]
    batch = llama.encode([Example("0", wording.prompt)])
    token = llama.tokenizer.convert_tokens_to_ids(wording.target)
    target = token_target("probability", token, wording.target, "the right answer")
    for method in (doing.attribution, doing.gradients):
        own = method.attribute(llama, batch, target)[0].neurons
        flat = np.concatenate([own[site][0] for site in doing.sets.space.sites])
        np.testing.assert_allclose(notes["scores"][method.title], flat[notes["neurons"]], rtol=1e-9)
        assert set(notes["tops"][method.title]) == set(np.argsort(-flat)[:6].tolist())
    stored = doing.sets.prompts[notes["query"]][0].strongest
    scores = dict(zip(notes["neurons"], notes["scores"][doing.attribution.title], strict=True))
    for flat, score in zip(stored.neurons.tolist(), stored.scores.tolist(), strict=True):
        if flat in scores:
            assert scores[flat] == pytest.approx(score, rel=1e-5), "the search's own scores"


def test_sets_are_switched_off_together_at_a_held_out_wording(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    doing = begun(llama, search)
    _, notes = first_row(doing)
    query = {query.key: query for query in queries()}[notes["query"]]
    swap, wording = notes["swap"], query.wordings[2]
    assert swap["held_out"] and swap["wording"] == 2 and swap["size"] == len(notes["relevant"])
    right = llama.tokenizer.convert_tokens_to_ids(wording.target)
    before = logits(llama, wording.prompt).softmax(0)[right]
    members = {RELEVANT: notes["relevant"]}
    members |= {name: top[: swap["size"]] for name, top in notes["tops"].items() if len(top) >= swap["size"]}
    random = random_matched(np.asarray(notes["relevant"]), doing.sets.space, 1).tolist()
    for name, flat in [*members.items(), ("random", random)]:
        units: dict[int, dict[int, float]] = {}
        for place in map(doing.sets.index, flat):
            units.setdefault(place.layer, {})[place.unit] = 0.0
        with edited(llama, units):
            after = logits(llama, wording.prompt).softmax(0)[right]
        told = swap["random"][1] if name == "random" else swap["changes"][name]
        assert told == pytest.approx(float((after - before) / before), abs=1e-8), name


def test_pairs_are_of_one_domain_with_another_answer() -> None:
    known = {query.key: query for query in queries()}
    found = pairs(list(known), known, 4, 0)
    assert len(found.partner) == 4 and {known[key].domain for key in found.partner} == {"first", "second"}
    for key, other in found.partner.items():
        assert known[key].domain == known[other].domain
        assert known[key].wordings[0].target != known[other].wordings[0].target
    lone = {**known, "alone": QuestionQuery("alone", "third", (Wording("what causes a", "dog"),))}
    assert pairs(list(lone), lone, 10, 0).alone == ("alone",)
    same = {f"s{at}": QuestionQuery(f"s{at}", "one", (Wording("what causes a", "dog"),)) for at in range(6)}
    with pytest.raises(BadInput, match="0 of 6"):
        pairs(list(same), same, 4, 0)


def test_gradients_may_be_summed_over_tokens_or_left_out(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    last, every = (first_row(begun(llama, search, tokens=tokens))[1]["scores"] for tokens in ("last", "all"))
    name = begun(llama, search).gradients.title
    assert last[name] != every[name]
    doing = begun(llama, search)
    plan = {**doing.plan(), "refused": "gradients are off"}
    row = doing.work(plan, doing.shards(plan)[0]).rows[0]
    assert isinstance(row, ItemRow) and name not in row.notes["scores"]
    assert any("left out: gradients are off" in warning for warning in doing.finish(plan, None).warnings)


def test_tracing_may_be_left_out(llama: ModelHost, search: tuple[Any, Stored]) -> None:
    assert first_row(begun(llama, search, noise=0))[1]["tracing"] is None
    told = first_row(begun(llama, search, noise=2))[1]["tracing"]
    assert len(told["restored"]) == llama.card.layers and told["intact"] != told["noised"]


def test_measures_by_hand() -> None:
    space = NeuronSpace((Site(0, SiteKind.MID), Site(1, SiteKind.MID)), (10, 10))
    rng = np.random.default_rng(0)
    rows = []
    for item in range(3):
        a, b = rng.normal(size=6), rng.normal(size=6)
        notes = {
            "query": f"q{item}",
            "neurons": [0, 1, 2, 10, 11, 12],
            "groups": ["query-relevant"] * 6,
            "scores": {"one": a.tolist(), "two": b.tolist()},
            "tops": {"one": [0, 1, 2, 10], "two": [0, 1, 5, 6]},
            "relevant": [0, 11],
            "swap": {"size": 2, "changes": {RELEVANT: -0.5, "one": -0.25}, "random": [-0.1, 0.1], "held_out": True},
            "remainder": {"one": 0.01 * item},
            "tracing": {"intact": 0.9, "noised": 0.1, "restored": [0.2, 0.1 + item]},
        }
        rows.append(ItemRow(item, "locators", [], {}, notes))
    numbers = Locators(rows, space)
    (pair,) = numbers.pairs()
    wanted = np.mean([spearmanr(r.notes["scores"]["one"], r.notes["scores"]["two"]).statistic for r in rows])
    assert pair.spearman is not None and pair.spearman.mean == pytest.approx(wanted)
    both, own, other = numbers.tops()
    assert both.jaccard.mean == pytest.approx(2 / 6) and (both.size, own.size) == (4, 2)
    assert own.jaccard.mean == pytest.approx(1 / 3) and other.jaccard.mean == pytest.approx(1 / 3)
    assert numbers.layers()[RELEVANT] == {0: 3, 1: 3} and numbers.remainder("one") == pytest.approx((0.01, 0.02))
    assert [(layer, one.mean) for layer, one in numbers.tracing()] == [(0, pytest.approx(0.1)), (1, pytest.approx(1))]
    assert numbers.noised() == pytest.approx((0.9, 0.1))
    relevant, one, random = numbers.sets()
    assert (relevant.change.mean, one.change.mean, random.name) == (-0.5, -0.25, RANDOM)
    assert relevant.beyond is not None and relevant.beyond.mean == pytest.approx(-0.5) and random.beyond is None
    assert len(numbers.points("one", "two")) == 18 and numbers.points("one", "two")[3][2] == "L1.mid.0"
