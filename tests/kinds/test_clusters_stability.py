"""How steady sets are: by hand, over wordings, and over numbers of points."""

import numpy as np
import pytest
from asking import queries, ran, sets_of, work
from tiny import tiny_host

from app.analysis.agreement import set_jaccard
from app.analysis.clusters import Strongest
from app.domain.errors import BadInput
from app.domain.query_sampling import QuerySample, Thresholds
from app.domain.results import ArrayRow, ItemRow
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.figures.clusters import stability as drawn
from app.kinds.clusters.points import other_methods, passes_of
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.clusters.stability import LEFT_OUT, between, leaving_one_out, stability
from app.kinds.clusters.work import ClustersWork, strongest_of
from app.kinds.queries import GROUP, Prompt, Sets, parts_at

SPACE = NeuronSpace((Site(0, SiteKind.MID),), (20,))


def prompt(*neurons: int) -> Prompt:
    row = ItemRow(0, "prompt", [], {}, {})
    return Prompt(row, Strongest(np.array(neurons, dtype=np.int64), np.ones(len(neurons))))


def by_hand(**wordings: list[Prompt]) -> Sets:
    domains = {query: ("odd", "even")[at % 2] for at, query in enumerate(wordings)}
    return Sets(wordings, domains, SPACE, Thresholds(common=1.0))


def test_the_jaccard_of_two_sets() -> None:
    assert set_jaccard(np.array([1, 2, 3]), np.array([2, 3, 4, 5])) == 2 / 5
    assert set_jaccard(np.array([1, 2]), np.array([2, 1])) == 1
    assert np.isnan(set_jaccard(np.array([], dtype=int), np.array([], dtype=int)))


def test_leaving_a_wording_out_by_hand() -> None:
    """a: {1, 2, 3}, without its first wording {3}, without its second {1, 2}; b does not change; c has one wording."""
    sets = by_hand(a=[prompt(1, 2), prompt(3)], b=[prompt(7), prompt(7)], c=[prompt(9)], d=[prompt(11), prompt(11)])
    values = leaving_one_out(sets)
    assert values == {"a": pytest.approx((1 / 3 + 2 / 3) / 2), "b": 1, "d": 1}
    first, *by_domain = stability(sets, 4, {})
    assert first.compared == LEFT_OUT and first.queries == 3 and first.mean == pytest.approx((0.5 + 1 + 1) / 3)
    odd, even = by_domain
    assert (odd.domain, odd.queries, odd.mean) == ("odd", 1, 0.5) and (even.queries, even.mean) == (2, 1)
    assert (first.low, first.high) == (0.75, 1)


def test_identical_sets_agree_wholly() -> None:
    sets = by_hand(a=[prompt(1, 2)], b=[prompt(3)], c=[prompt(4)], d=[prompt(5, 6)])
    assert set(between(sets, sets).values()) == {1}
    lines = list(stability(sets, 4, {2: sets, 8: sets}))
    assert [line.compared for line in lines if not line.domain] == [
        LEFT_OUT,
        "m = 2 and 4",
        "m = 2 and 8",
        "m = 4 and 8",
    ]
    assert all(line.mean == 1 for line in lines if line.compared != LEFT_OUT)
    assert all(line.queries == 0 and np.isnan(line.mean) for line in lines if line.compared == LEFT_OUT)
    figure = drawn(lines, "run 1")
    assert len(figure.rows) == 12 and figure.plot["data"][0]["x"] == []


def test_other_points_are_scored_and_kept() -> None:
    """Against the method with so many points by itself."""
    host, stored = tiny_host("Llama"), queries()
    plain = work(host, stored)
    question = plain.question.model_copy(update={"stability": True})
    doing = ClustersWork(question, plain.given, host)
    plan, rows, _ = ran(doing)
    assert plan["passes"] == passes_of(question, host.card.layers) == (3 + 5 + 9) * host.card.layers
    arrays = {(row.name, row.part): row.values for row in rows if isinstance(row, ArrayRow) and row.group == GROUP}
    wording = doing.queries[plan["queries"][0]].wordings[0]
    for name, method in other_methods(question).items():
        alone = strongest_of(doing._attributed(method, wording, doing.answers(wording)), doing.space)
        neurons, scores = (arrays["0", part] for part in parts_at(name))
        np.testing.assert_array_equal(neurons, alone.neurons)
        np.testing.assert_allclose(scores, alone.scores)
    _, same, _ = ran(plain)
    first = next(iter(sets_of(doing, rows).relevant.values())).neurons
    np.testing.assert_array_equal(first, next(iter(sets_of(plain, same).relevant.values())).neurons)


def test_a_question_without_keeps_its_stored_form_and_one_point_has_no_half() -> None:
    assert "stability" not in ClustersQuestion(sample=QuerySample()).model_dump()
    with pytest.raises(BadInput, match="at least 2 points"):
        other_methods(ClustersQuestion(params={"steps": 1}, stability=True))
    with pytest.raises(BadInput, match="4096"):
        other_methods(ClustersQuestion(params={"steps": 4096}, stability=True))
