"""One query of a search: its wordings and its cluster, against the arithmetic by hand."""

import numpy as np
import pytest
from asking import queries, ran, sets_of, work
from tiny import tiny_host

from app.domain.errors import NotFound
from app.kinds.clusters.query import QueryLines
from app.kinds.queries import Sets


@pytest.fixture(scope="module")
def sets() -> Sets:
    doing = work(tiny_host("Llama"), queries())
    _, rows, _ = ran(doing)
    return sets_of(doing, rows, threshold=0.3, common=0.5, size=4)


def test_the_set_comes_first_and_every_neuron_tells_what_made_it(sets: Sets) -> None:
    lines = QueryLines(sets, {}, "q3")
    listed = tuple(lines.neurons())
    cluster, found = sets.clusters[sets.queries.index("q3")], sets.relevant["q3"]
    assert len(listed) == len(cluster) and len(found.neurons) < len(cluster)
    ranked = [line for line in listed if line.rank]
    assert [line.rank for line in listed[: len(ranked)]] == list(range(1, len(ranked) + 1))
    assert [line.id for line in ranked] == [str(sets.index(flat)) for flat in found.neurons.tolist()]
    for line in listed:
        na, ica, naica = line.scores
        assert ica == pytest.approx(np.log(6 / (1 + line.clusters))) and naica == pytest.approx(na * ica)
        assert line.common == (line.clusters > 3) and not (line.common and line.rank)
        assert 1 <= line.prompts <= 2
    assert sum(line.scores[0] for line in listed) == pytest.approx(1)


def test_wordings_tell_their_own_numbers(sets: Sets) -> None:
    first, second = QueryLines(sets, {}, "q3").wordings()
    assert (first.number, second.number) == (1, 2) and first.prompt == queries()[3].wordings[0].prompt
    assert first.options[0][1] == pytest.approx(first.probability) == pytest.approx(first.mass)
    prompt = sets.prompts["q3"][0].strongest
    assert first.passed == (prompt.scores > 0.3 * prompt.scores.max()).sum()


def test_the_map_holds_all_stored_scores(sets: Sets) -> None:
    figure = QueryLines(sets, {}, "q3").figure("run 1")
    total = sum(prompt.strongest.scores.sum() for prompt in sets.prompts["q3"])
    assert sum(row[3] for row in figure.rows) == pytest.approx(total)
    assert np.array(figure.plot["data"][0]["z"]).sum() == pytest.approx(total)


def test_a_query_of_another_search_is_told(sets: Sets) -> None:
    with pytest.raises(NotFound, match="a query of this search"):
        QueryLines(sets, {}, "nowhere")
