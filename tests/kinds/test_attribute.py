"""Attribution over a dataset against one explanation per pair (nig.md section 8)."""

from typing import Any

import numpy as np
import pytest
from memory import GRADES, PASSAGES, QUERIES, Memory
from tiny import tiny_host

from app.data.samples import Pair, opposed
from app.domain.attributing import FOLDS, Sample
from app.domain.datasets import SplitSpec
from app.domain.errors import BadInput, NotFound, Unsupported
from app.domain.examples import Example
from app.domain.results import ArrayRow, ItemRow
from app.domain.scores import RunningScores
from app.domain.targets import TargetSpec
from app.jobs.base import Inputs
from app.kinds.attribute.question import AttributeQuestion
from app.kinds.attribute.sampling import fold_of
from app.kinds.attribute.work import AttributeWork
from app.methods.conductance import NeuronIntegratedGradients
from app.models.host import ModelHost
from app.store.checkpoints import packed, unpacked


def settings_of(**changes: Any) -> AttributeQuestion:
    sample = {"dataset": "abc", "part": "all", "correct": False, **changes.pop("sample", {})}
    params = {"steps": 4, "adaptive": False}
    return AttributeQuestion(sample=Sample(**sample), params=params, **changes)


def ran(host: ModelHost, settings: AttributeQuestion, per_pass: int = 4) -> tuple[dict[str, Any], RunningScores, list]:
    doing = AttributeWork(settings, Inputs({}, None, Memory()), host)  # type: ignore[arg-type]
    plan = doing.plan() | {"per_pass": per_pass}
    total: RunningScores | None = None
    rows: list[Any] = []
    for shard in doing.shards(plan):
        part = doing.work(plan, shard)
        total = part.sums if total is None else unpacked(packed(total)).add(part.sums)
        rows += part.rows
    assert total is not None
    return plan, total, [*rows, *doing.finish(plan, total).rows]


def one_by_one(host: ModelHost, pairs: list[list[Any]]) -> np.ndarray:
    """[n, P, N] scores, one pair at a time."""
    found = []
    for query, passage, _ in pairs:
        batch = host.encode([Example("0", QUERIES[query], PASSAGES[passage])])
        (one,) = NeuronIntegratedGradients(steps=4, adaptive=False).attribute(
            host, batch, host.target(TargetSpec(), batch)
        )
        found.append(np.concatenate(list(one.neurons.values()), axis=1))
    return np.stack(found)


@pytest.mark.parametrize("per_pass", [1, 3, 7])
def test_micro_mean_error_sign_and_folds(bert: ModelHost, per_pass: int) -> None:
    plan, total, rows = ran(bert, settings_of(), per_pass)
    slow = one_by_one(bert, plan["pairs"])
    scores = total.scores(bert.space("ffn"))
    assert scores.n == len(slow) == 12
    np.testing.assert_allclose(scores.mean, slow.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(scores.se, slow[:, 0].std(axis=0, ddof=1) / np.sqrt(12), atol=1e-10)
    np.testing.assert_allclose(scores.positive, (slow[:, 0] > 0).mean(axis=0), atol=1e-12)
    folds = np.asarray([fold_of(pair[0], 0) for pair in plan["pairs"]])
    for fold in range(FOLDS):
        stored = [r for r in rows if isinstance(r, ArrayRow) and r.group == "folds" and r.name == f"fold{fold}"]
        expected = slow[folds == fold, 0].mean(axis=0) if (folds == fold).any() else np.zeros(slow.shape[2])
        np.testing.assert_allclose(np.concatenate([r.values for r in stored]), expected, atol=1e-10)
        assert {r.n for r in stored} == {int((folds == fold).sum())}
    assert len([r for r in rows if isinstance(r, ItemRow)]) == 12


def test_macro_is_the_mean_over_queries(bert: ModelHost) -> None:
    plan, total, _ = ran(bert, settings_of(average="macro", sample={"relevance": "non_relevant"}))
    slow = -one_by_one(bert, plan["pairs"])
    queries = [pair[0] for pair in plan["pairs"]]
    means = np.stack([slow[[q == name for q in queries]].mean(axis=0) for name in sorted(set(queries))])
    scores = total.scores(bert.space("ffn"))
    assert scores.n == 6
    np.testing.assert_allclose(scores.mean, means.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(scores.se, means[:, 0].std(axis=0, ddof=1) / np.sqrt(6), atol=1e-10)


def test_shards_keep_queries_whole(bert: ModelHost) -> None:
    plan, _, _ = ran(bert, settings_of(sample={"relevance": "non_relevant"}))
    first = 0
    for size in plan["shards"]:
        inside = {pair[0] for pair in plan["pairs"][first : first + size]}
        outside = {pair[0] for pair in plan["pairs"][first + size :]}
        assert inside.isdisjoint(outside)
        first += size
    assert first == plan["items"]


def test_classes_threshold_split_and_limit(bert: ModelHost) -> None:
    relevant, _, _ = ran(bert, settings_of(sample={"threshold": 2}))
    assert {tuple(pair) for pair in relevant["pairs"]} == {(f"q{n}", f"p{n}", 2) for n in range(6)}
    other, _, _ = ran(bert, settings_of(sample={"relevance": "non_relevant", "limit": 5}))
    assert len(other["pairs"]) == 5
    assert all(GRADES[q].get(p, 0) < 1 for q, p, _ in other["pairs"])
    split = SplitSpec(seed=1)
    seen = []
    for part in ("attribution", "selection", "test"):
        try:
            plan, _, _ = ran(bert, settings_of(sample={"part": part, "split": split}))
            seen += sorted({pair[0] for pair in plan["pairs"]})
        except BadInput:
            pass
    assert sorted(seen) == sorted(QUERIES)


def test_only_pairs_that_the_model_gets_right() -> None:
    host = tiny_host("BERT", seed=5)
    probability = {}
    for query, grades in GRADES.items():
        for passage in grades:
            batch = host.encode([Example("0", QUERIES[query], PASSAGES[passage])])
            target = host.target(TargetSpec(), batch)
            probability[query, passage] = float(target.outcome(host.run(batch, None).logits)[1])
    right = {pair for pair, p in probability.items() if GRADES[pair[0]][pair[1]] >= 1 and p > 0.5}
    settings = settings_of(sample={"correct": True})
    if not right:
        with pytest.raises(BadInput):
            ran(host, settings)
        return
    plan, _, _ = ran(host, settings)
    assert {(q, p) for q, p, _ in plan["pairs"]} == right
    assert plan["wrong"] == 12 - len(right)


def test_refusals(bert: ModelHost) -> None:
    with pytest.raises(NotFound, match="dataset"):
        ran(bert, settings_of(sample={"dataset": "other"}))
    with pytest.raises(BadInput, match="none in the dataset"):
        ran(bert, settings_of(sample={"threshold": 9}))
    log = settings_of(sample={"relevance": "non_relevant"}, target=TargetSpec(name="log_probability"))
    with pytest.raises(Unsupported, match="log probability"):
        ran(bert, log)


@pytest.mark.parametrize("relevance", ["relevant", "non_relevant"])
def test_an_inner_neuron_over_a_dataset_has_no_class(bert: ModelHost, relevance: str) -> None:
    target = TargetSpec(name="activation", neuron="L2.mid.5", tokens="passage")
    settings = settings_of(target=target, sample={"relevance": relevance})
    plan, total, _ = ran(bert, settings)
    space = target.scored(bert.space("ffn"))
    slow = []
    for query, passage, _ in plan["pairs"]:
        batch = bert.encode([Example("0", QUERIES[query], PASSAGES[passage])])
        (one,) = NeuronIntegratedGradients(steps=4, adaptive=False).attribute(bert, batch, bert.target(target, batch))
        slow.append(np.concatenate(list(one.neurons.values()), axis=1))
    np.testing.assert_allclose(total.scores(space).mean, np.stack(slow).mean(axis=0), atol=1e-10)
    assert plan["neurons"] == len(space) and plan["target"]["unit"] == "activation"


def test_each_relevant_passage_is_set_against_another_of_its_query(bert: ModelHost) -> None:
    target = TargetSpec(name="pairwise")
    plan, total, rows = ran(bert, settings_of(target=target), per_pass=4)
    assert plan["parts"][-2:] == ["first passage", "second passage"]
    slow = []
    for query, passage, grade, other in plan["pairs"]:
        assert grade >= 1 > GRADES[query].get(other, 0)
        batch = bert.encode([Example("0", QUERIES[query], PASSAGES[key]) for key in (passage, other)])
        both = NeuronIntegratedGradients(steps=4, adaptive=False).attribute(bert, batch, bert.target(target, batch))
        slow.append([np.concatenate([values[0] for values in one.neurons.values()]) for one in both])
    branches = np.stack(slow).mean(axis=0)
    scores = total.scores(bert.space("ffn"))
    np.testing.assert_allclose(scores.of("first passage"), branches[0], atol=1e-10)
    np.testing.assert_allclose(scores.of("second passage"), branches[1], atol=1e-10)
    np.testing.assert_allclose(scores.of("all"), branches.sum(axis=0), atol=1e-10)
    items = [row for row in rows if isinstance(row, ItemRow)]
    assert [row.notes["other"] for row in items] == [pair[3] for pair in plan["pairs"]]


def test_opponents_go_in_turn_and_a_larger_sample_begins_with_the_smaller() -> None:
    pairs = [Pair("q", f"p{n}", 1) for n in range(3)] + [Pair("lonely", "p9", 1)]
    others = [Pair("q", "x", None), Pair("q", "y", 0)]
    assert [(one.passage, one.other) for one in opposed(pairs, others)] == [("p0", "x"), ("p1", "y"), ("p2", "x")]
    assert opposed(pairs[:2], others) == opposed(pairs, others)[:2]
