"""Stored question sets: whole, by name or hash, hidden and shown again; an upgrade keeps what was there."""

from pathlib import Path

import pytest

from app.domain.errors import Conflict, NotFound
from app.domain.question_sets import QuestionQuery, QuestionReader, Wording, content_hash
from app.domain.runs import RunSpec
from app.store.db import Database
from app.store.question_sets import QuestionSets
from app.store.runs import Runs

ABOUT = {"licence": "CC0", "source": "here"}
QUERIES = (
    QuestionQuery("b", "first", (Wording("One\n", "A", ("x", "y")), Wording("Two", "B", ("y", "x"))), "x"),
    QuestionQuery("a", "second", (Wording("Three", "four"),)),
)


def test_a_set_is_read_as_it_was_saved(db: Database) -> None:
    reader: QuestionReader = QuestionSets(db)
    stored = QuestionSets(db).save("s", QUERIES, {"read": 2}, **ABOUT)
    assert reader.question_set("s") == reader.question_set(content_hash(QUERIES)) == stored
    assert (stored.queries, stored.prompts, stored.wordings, stored.choices) == (2, 3, 2, True)
    assert list(stored.domains.items()) == [("first", 1), ("second", 1)] and stored.report == {"read": 2}
    assert reader.queries(stored.id) == QUERIES
    assert reader.queries(stored.id, ["a", "b", "a"]) == QUERIES and reader.queries(stored.id, ["a"]) == QUERIES[1:]


def test_names_and_contents_are_stored_once(db: Database) -> None:
    store = QuestionSets(db)
    store.save("s", QUERIES, {}, **ABOUT)
    with pytest.raises(Conflict, match="a name that no question set has"):
        store.save("s", QUERIES[:1], {}, **ABOUT)
    with pytest.raises(Conflict, match="the same ones as 's'"):
        store.save("t", QUERIES, {}, **ABOUT)
    assert [one.name for one in store.find()] == ["s"]


def test_deleted_sets_stay_for_their_runs_and_come_back(db: Database) -> None:
    store = QuestionSets(db)
    stored = store.save("s", QUERIES, {}, **ABOUT)
    store.delete(stored.id)
    with pytest.raises(NotFound):
        store.question_set("s")
    assert store.find() == () and store.question_set(stored.hash).deleted
    assert store.restore(stored.id) == stored
    store.delete(stored.id)
    other = store.save("s", QUERIES[:1], {}, **ABOUT)
    with pytest.raises(Conflict):
        store.restore(stored.id)
    again = store.save("t", QUERIES, {}, **ABOUT)
    assert again.id == stored.id != other.id and store.queries(again.id) == QUERIES


def test_the_version_before_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    db.migrate("0004")
    spec = RunSpec(kind="explain", version=1, model="m", weights_hash="w", settings={"query": "x"})
    run, _ = Runs(db).create(spec, "kept", "text")
    db.migrate()
    assert Runs(db).get(run.id).title == "kept"
    assert QuestionSets(db).save("s", QUERIES, {}, **ABOUT).name == "s"
    db.close()
