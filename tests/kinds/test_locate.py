"""The neurons of one query: against the search, hand-made clusters, and a model whose values are edited by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from asking import queries, ran, sets_of, work
from tiny import tiny_host

from app.analysis.clusters import Strongest, cluster_of
from app.domain.query_sampling import Thresholds
from app.domain.results import ItemRow
from app.domain.roles import POOL
from app.jobs.base import Inputs, Shard
from app.kinds.locate.question import LocateQuestion
from app.kinds.locate.sets import located, located_among
from app.kinds.locate.work import OWN, LocateWork
from app.models.host import ModelHost

QUERY = queries()[0]


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


def asked(**more: Any) -> LocateQuestion:
    prompts, targets = zip(*((w.prompt, w.target) for w in QUERY.wordings), strict=True)
    values = {"prompts": prompts, "targets": targets, "params": {"steps": 4}, "max_length": 64, "seeds": 3, **more}
    return LocateQuestion.model_validate(values)


def done(host: ModelHost, **more: Any) -> tuple[LocateWork, list[Any]]:
    doing = LocateWork(asked(**more), Inputs({}, None, None), host)  # type: ignore[arg-type]
    plan = doing.plan()
    return doing, list(doing.work(plan, doing.shards(plan)[0]).rows)


def neurons(rows: list[Any]) -> ItemRow:
    return next(row for row in rows if row.label == "neurons")


def test_without_a_pool_the_first_of_the_cluster_are_taken(llama: ModelHost) -> None:
    _, rows = done(llama)
    search = work(llama, queries())
    sets = sets_of(search, ran(search)[1])
    cluster = sets.clusters[sets.queries.index("q0")]
    first = cluster.neurons[np.argsort(-cluster.scores, kind="stable")[:20]]
    assert [line["neuron"] for line in neurons(rows).notes["neurons"]] == [str(sets.index(n)) for n in first.tolist()]
    assert neurons(rows).values["cluster"] == len(cluster) and neurons(rows).notes["queries"] == 0
    assert sum(line["na"] for line in neurons(rows).notes["neurons"]) <= 1 + 1e-9


def test_in_a_pool_it_is_what_the_search_would_find(llama: ModelHost) -> None:
    """A search over all six queries, and the first of them added by hand to the pool of that search, which leaves it
    out: the same pool in another order."""
    search = work(llama, queries())
    sets = sets_of(search, ran(search)[1])
    prompts = [prompt.strongest for prompt in sets.prompts["q0"]]
    found = located_among(prompts, [w.prompt for w in QUERY.wordings], sets, Thresholds())
    assert found.left_out == ("q0",) and found.queries == 6
    np.testing.assert_array_equal(found.found.neurons, sets.relevant["q0"].neurons)
    np.testing.assert_allclose(found.found.discounted, sets.relevant["q0"].discounted)
    assert found.common == len(sets.pool.common) and any("below 30" in doubt for doubt in found.doubts)


def test_clusters_made_by_hand() -> None:
    strongest = [Strongest(np.array([5, 2]), np.array([4.0, 1.0])), Strongest(np.array([2, 9]), np.array([2.0, 0.1]))]
    found = located(strongest, Thresholds(size=2))
    assert found.found.neurons.tolist() == [5, 2] and found.cluster == 2
    np.testing.assert_allclose(found.found.scores, [4 / 7, 3 / 7])
    assert len(cluster_of(strongest)) == 2
    assert located([Strongest(np.array([1]), np.array([-1.0]))], Thresholds()).found.neurons.size == 0


def test_the_answer_without_its_neurons_is_that_of_an_edited_model(llama: ModelHost) -> None:
    """The oracle sets the units to zero at the last token with plain PyTorch hooks."""
    _, rows = done(llama, factors=(0.0,))
    held_out = [row for row in rows if row.label == "wording"][-1]
    assert not held_out.notes["finds"]
    by_layer: dict[int, list[int]] = {}
    for line in neurons(rows).notes["neurons"]:
        layer, _, unit = line["neuron"].removeprefix("L").split(".")
        by_layer.setdefault(int(layer), []).append(int(unit))

    def zeroing(units: list[int]) -> Any:
        def hook(module: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            value = given[0].clone()
            value[:, -1, units] = 0
            return (value,)

        return hook

    layers = llama.model.model.layers
    handles = [layers[n].mlp.down_proj.register_forward_pre_hook(zeroing(units)) for n, units in by_layer.items()]
    ids = torch.tensor([llama.tokenizer(QUERY.wordings[-1].prompt)["input_ids"]])
    with torch.no_grad():
        shares = llama.model(ids).logits[0, -1].softmax(0)
    for handle in handles:
        handle.remove()
    own = [shares_of for _, label, _, shares_of in held_out.notes["scaled"] if label == OWN]
    assert own[0][0] == pytest.approx(float(shares[held_out.notes["token"]]), rel=1e-6)
    assert len(held_out.notes["scaled"]) == 1 + 3


def test_wordings_that_find_neurons_and_those_that_do_not(llama: ModelHost) -> None:
    assert asked().finding == 2 and asked(wordings=3).finding == 3
    one = LocateQuestion(prompts=("what causes",), targets=("rain",))
    assert one.finding == 1
    doing, rows = done(llama, wordings=1)
    assert [row.notes["finds"] for row in rows if row.label == "wording"] == [True, False, False]
    again = doing.work(doing.plan(), Shard(0, 0, 3, 1)).rows
    assert [row.notes for row in again if isinstance(row, ItemRow)] == [row.notes for row in rows]
    assert POOL not in doing.given.runs
