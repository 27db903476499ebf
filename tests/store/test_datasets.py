"""Stored datasets."""

import pytest

from app.domain.datasets import Candidate, Judgement, Text, Twice
from app.domain.errors import Conflict, NotFound
from app.store.dataset_writer import DatasetWriter
from app.store.db import Database

RECORDS = [
    Text("query", "q1", "what falls"),
    Text("query", "q2", "what flows"),
    Text("passage", "p1", "rain falls"),
    Text("passage", "p2", "water flows"),
    Judgement("q1", "p1", 2),
    Judgement("q2", "p2", 1),
    Candidate("q1", "p2", 2, 1.0),
    Candidate("q1", "p1", 1, 3.0),
    Candidate("q2", "p2", 1, 2.0),
]


@pytest.fixture
def data(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/g.sqlite3")
    db.migrate()
    yield DatasetWriter(db)
    db.close()


def stored(data, name="rain", records=RECORDS):
    number = data.begin(name, "collection", licence="CC0")
    data.add(number, records)
    return data.finish(number, {"lines": 9})


def test_a_dataset_is_read_as_it_was_written(data):
    found = stored(data)
    assert (found.queries, found.passages, found.judgements, found.candidates) == (2, 2, 2, 3)
    assert found.state == "ready" and found.licence == "CC0" and found.report == {"lines": 9}
    assert data.query_keys(found.id) == ("q1", "q2")
    assert data.texts(found.id, "passage", {"p2", "p1"}) == {"p1": "rain falls", "p2": "water flows"}
    assert data.judgements(found.id, {"q1"}) == {"q1": {"p1": 2}}
    assert data.candidates(found.id) == {"q1": {"p1": 3.0, "p2": 1.0}, "q2": {"p2": 2.0}}
    assert list(data.candidates(found.id, depth=1)["q1"]) == ["p1"]
    assert data.named("rain") == data.by_hash(found.hash) == data.get(found.id)


def test_candidates_stand_by_score_whatever_their_rank_says(data):
    hits = [Candidate("q1", "p1", 2, 9.0), Candidate("q1", "p2", 1, 1.0), Candidate("q1", "p0", 3, 1.0)]
    assert list(data.candidates(stored(data, records=[*RECORDS[:4], *hits]).id)["q1"]) == ["p1", "p0", "p2"]


def test_the_first_of_two_with_one_id_stays_and_the_other_is_named(data):
    number = data.begin("rain", "collection")
    assert data.add(number, [*RECORDS[:3], Text("query", "q2", "what flows")]) == [Twice("query", "q2", False)]
    again = [
        Text("query", "q1", "other"),
        Text("query", "q3", "new"),
        Judgement("q1", "p1", 1),
        Judgement("q1", "p1", 2),
    ]
    assert data.add(number, again) == [Twice("query", "q1", True), Twice("judgement", "q1 p1", True)]
    assert data.texts(number, "query", {"q1"}) == {"q1": "what falls"}
    assert data.judgements(number) == {"q1": {"p1": 1}}


def test_rows_without_a_text_stay_and_are_named(data):
    more = [Judgement("q9", "p1", 1), Judgement("q1", "p8", 1), Candidate("q1", "p9", 3, 0.5)]
    found = stored(data, records=[*RECORDS, *more])
    assert found.judgements == 4 and found.candidates == 4 and found.queries == 2
    assert data.without_text(found.id, "query") == {"q9"} and data.without_text(found.id, "passage") == {"p8", "p9"}
    assert data.without_text(found.id, "passage", ("judgement",)) == {"p8"}
    told = data.balance(found.id, 2)
    assert told["queries_judged"] == 3 and told["queries_without_relevant"] == 2
    assert told["queries_without_candidates"] == 1 and told["queries_with_one_candidate"] == 1
    assert len(data.sample(found.id, 10)) == 3


def test_a_query_whose_scores_are_all_equal_is_named(data):
    flat = [Candidate("q2", "p1", 1, 2.0), Candidate("q3", "p1", 1, 2.0)]
    assert data.level(stored(data, records=[*RECORDS, *flat]).id) == (["q2"], 2)


def test_the_hash_is_of_the_content_not_of_the_order(data):
    first = stored(data)
    again = stored(data, "other", list(reversed(RECORDS)))
    assert again.id == first.id and len(data.find()) == 1
    changed = stored(data, "changed", [*RECORDS[:-1], Candidate("q2", "p2", 1, 2.5)])
    assert changed.hash != first.hash


def test_nobody_sees_a_dataset_that_is_coming_in(data):
    number = data.begin("rain", "collection")
    data.add(number, RECORDS)
    assert data.find() == ()
    with pytest.raises(NotFound):
        data.named("rain")
    assert data.sweep("other") == 0 and data.sweep("rain") == 1
    with pytest.raises(NotFound):
        data.get(number)
    assert data.texts(number, "query", {"q1"}) == {}


def test_a_name_is_taken_once(data):
    first = stored(data)
    with pytest.raises(Conflict):
        data.begin("rain", "collection")
    data.delete(first.id)
    assert data.find() == () and data.find(deleted=True)[0].id == first.id
    data.begin("rain", "collection")


def test_the_same_content_brings_a_hidden_dataset_back(data):
    first = stored(data)
    data.delete(first.id)
    assert stored(data).id == first.id
    assert data.find()[0].id == first.id


def test_many_rows_are_streamed_and_dropped_in_pieces(data):
    number = data.begin("big", "collection")
    for start in range(0, 24_000, 4000):
        data.add(number, [Text("passage", f"p{n:06}", f"text {n}") for n in range(start, start + 4000)])
    keys = [key for key, _ in data.stream(number, "passage")]
    assert len(keys) == 24_000 and keys == sorted(keys)
    data.drop(number)
    assert list(data.stream(number, "passage")) == []
