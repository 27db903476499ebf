"""The search for query-relevant neurons: its work on tiny models, and a planted model (``qrnca.md`` section 20)."""

import numpy as np
import pytest
import torch
from asking import WORDS, queries, ran, sets_of, work
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.query_sampling import QuerySample
from app.domain.question_sets import QuestionQuery, Wording
from app.domain.results import ArrayRow, ItemRow
from app.domain.sites import Site, SiteKind
from app.kinds.queries import NEGATIVE_NEURONS, NEGATIVE_SCORES, Prompt, Sets, finding, sampled
from app.models.host import ModelHost


@pytest.fixture(scope="module")
def llama() -> ModelHost:
    return tiny_host("Llama")


def test_every_prompt_keeps_its_strongest_scores(llama: ModelHost) -> None:
    """Against the method by itself."""
    doing = work(llama, queries())
    plan, rows, finished = ran(doing)
    assert plan["queries"] == ["q0", "q2", "q4", "q1", "q3", "q5"] or set(plan["domains"]) == {"first", "second"}
    prompts = [row for row in rows if isinstance(row, ItemRow) and row.label == "prompt"]
    assert len(prompts) == plan["prompts"] == 12 and [row.item for row in prompts] == list(range(12))
    sets = sets_of(doing, rows)
    wording = doing.queries["q3"].wordings[1]
    attribution = doing._attributed(doing.method, wording, doing.answers(wording))
    scores = np.concatenate([attribution.neurons[site][0] for site in doing.space.sites])
    stored = sets.prompts["q3"][1].strongest
    np.testing.assert_allclose(stored.scores, scores[stored.neurons], rtol=1e-6)
    assert len(stored.scores) == (scores > 0.02 * scores.max()).sum()
    assert finished.facts["n"] == 6 and len(finished.rows) > 0
    item = next(row.item for row in prompts if row.notes["query"] == "q3" and row.notes["wording"] == 1)
    arrays = {row.part: row.values for row in rows if isinstance(row, ArrayRow) and row.name == f"{item}"}
    below = scores < -0.02 * scores.max()
    assert set(arrays[NEGATIVE_NEURONS].astype(int)) == set(np.flatnonzero(below))
    np.testing.assert_allclose(arrays[NEGATIVE_SCORES], np.sort(scores[below]), rtol=1e-6)


def test_the_last_wording_is_left_for_measuring() -> None:
    query = queries()[0]
    assert finding(QuerySample(), query) == query.wordings[:2]
    assert finding(QuerySample(wordings=3), query) == query.wordings
    assert finding(QuerySample(), queries(wordings=1)[0]) == queries(wordings=1)[0].wordings


def test_a_larger_sample_begins_with_the_smaller_one() -> None:
    stored = queries()
    keys = [query.key for query in sampled(QuerySample(), stored)]
    assert sorted(keys) == sorted(query.key for query in stored)
    fewer = [query.key for query in sampled(QuerySample(), stored[:4])]
    assert [key for key in keys if key in fewer] == fewer
    assert [query.domain for query in sampled(QuerySample(domains=("second",)), stored)] == ["second"] * 3


def test_queries_that_are_not_known_are_left_out_and_said(llama: ModelHost) -> None:
    stored = queries()
    known = [q.key for q in stored if work(llama, stored).answers(q.wordings[0]).known]
    doing = work(llama, stored, known=1, wordings=1)
    if len(known) < 4:
        with pytest.raises(BadInput, match=f"{6 - len(known)} answered right in fewer than 1 wordings"):
            doing.plan()
    else:
        assert sorted(doing.plan()["queries"]) == sorted(known)


def test_an_answer_of_several_tokens_is_left_out_and_said(llama: ModelHost) -> None:
    stored = (*queries(), QuestionQuery("long", "first", (Wording("what causes", "seaside"),)))
    _, _, finished = ran(work(llama, stored))
    assert any("1 queries were left out: their answer is not one token (long" in said for said in finished.warnings)


def test_fewer_than_four_queries_are_refused(llama: ModelHost) -> None:
    with pytest.raises(BadInput, match="at least 4 queries"):
        work(llama, queries(3)).plan()


def test_a_letter_that_no_option_has_is_refused(llama: ModelHost) -> None:
    doing = work(llama, queries())
    with pytest.raises(BadInput, match="a letter among A, B"):
        doing.answers(Wording("what?\n A. rain\n B. dog\nAnswer:", "C", ("rain", "dog")))


FACT, LETTERS = 3, 7


@pytest.fixture(scope="module")
def planted() -> ModelHost:
    """A tiny Llama whose last block has one neuron wired to the word "water" where "clouds" was read, and one to all
    answers, whatever was read (section 20, 2)."""
    host = tiny_host("Llama", seed=4)
    block = host.model.model.layers[-1].mlp
    head, words = host.model.lm_head.weight, host.model.model.embed_tokens.weight
    ids = {word: host.tokenizer.convert_tokens_to_ids(word) for word in (*WORDS, "a")}
    with torch.no_grad():
        for layer in host.model.model.layers:
            layer.mlp.down_proj.weight.mul_(0.05)
            layer.self_attn.o_proj.weight.mul_(0.05)
        block.down_proj.weight[:, FACT] = 4 * head[ids["water"]] / head[ids["water"]].norm()
        block.down_proj.weight[:, LETTERS] = 2 * head[[ids[w] for w in WORDS]].mean(0)
        for unit, read in ((FACT, words[ids["clouds"]]), (LETTERS, words[[ids[w] for w in WORDS]].mean(0))):
            block.up_proj.weight[unit] = 3 * read / read.norm()
            block.gate_proj.weight[unit] = 3 * read / read.norm()
    return host


def test_a_planted_fact_is_relevant_and_a_planted_letter_common(planted: ModelHost) -> None:
    """The neuron of one fact is query-relevant for it alone; the one that writes every answer is common."""
    answers = ("water", "rain", "dog", "fox", "plain", "rain", "dog", "fox")
    lasts = ("clouds", "rain", "dog", "fox", "plain", "water", "rain", "dog")
    starts = ("what causes the", "the relevant")
    stored = tuple(
        QuestionQuery(f"q{n}", ("one", "two")[n % 2], tuple(Wording(f"{start} {last}", answer) for start in starts))
        for n, (last, answer) in enumerate(zip(lasts, answers, strict=True))
    )
    doing = work(planted, stored, wordings=2)
    _, rows, _ = ran(doing)
    sets = sets_of(doing, rows)
    site = Site(planted.card.layers - 1, SiteKind.MID)
    fact, letters = (doing.space.offsets[site] + unit for unit in (FACT, LETTERS))
    assert letters in sets.pool.common
    assert int(sets.relevant["q0"].neurons[0]) == fact
    assert all(fact not in sets.relevant[f"q{n}"].neurons for n in range(1, 8))
    assert all(letters not in found.neurons for found in sets.relevant.values())


def test_negative_neurons_are_the_mirror_of_scores(llama: ModelHost) -> None:
    """Clusters of negated scores beyond the share of the largest score above zero, read off the whole scores
    (``qrnca.md`` section 18, 5); common neurons and sets are theirs alone."""
    doing = work(llama, queries())
    _, rows, _ = ran(doing)
    positive = sets_of(doing, rows, threshold=0.3, common=0.5)
    negative = positive.mirrored
    assert negative is not None and negative.queries == positive.queries
    whole: list[dict[int, float]] = []
    for key in positive.queries:
        summed: dict[int, float] = {}
        for wording in finding(doing.question.sample, doing.queries[key]):
            attribution = doing._attributed(doing.method, wording, doing.answers(wording))
            scores = np.concatenate([attribution.neurons[site][0] for site in doing.space.sites])
            for flat in np.flatnonzero(scores < -0.3 * scores.max()).tolist():
                summed[flat] = summed.get(flat, 0.0) - scores[flat]
        whole.append(summed)
    for summed, cluster in zip(whole, negative.clusters, strict=True):
        assert dict(zip(cluster.neurons.tolist(), cluster.scores.tolist(), strict=True)) == pytest.approx(summed)
    common = {flat for flat in set().union(*whole) if sum(flat in one for one in whole) > 0.5 * len(whole)}
    assert negative.pool.common == common
    for key in positive.queries:
        members = set(negative.relevant[key].neurons.tolist())
        assert not members & common


def test_a_search_without_negative_scores_has_no_mirror(llama: ModelHost) -> None:
    doing = work(llama, queries())
    _, rows, _ = ran(doing)
    kept = sets_of(doing, rows)
    older = {key: [Prompt(one.row, one.strongest) for one in prompts] for key, prompts in kept.prompts.items()}
    assert Sets(older, kept.domains, kept.space, kept.thresholds).mirrored is None
