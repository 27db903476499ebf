"""Stored question sets: saved whole, read by name or hash, hidden and shown again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.question_sets import QuestionQuery, QuestionSet, Wording, content_hash
from app.store.db import Database, now
from app.store.tables import question_query, question_set

AT_ONCE = 500


class QuestionSets:
    """The tables of question sets."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def save(self, name: str, queries: Sequence[QuestionQuery], report: Mapping[str, Any], **about: str) -> QuestionSet:
        """Store a set whole; a hidden one of the same content is shown again under the new name. ``about`` holds
        licence and source.

        Raises:
            Conflict: the name is taken, or the same queries are stored under another.
        """
        digest = content_hash(queries)
        values = {**_counts(queries), **about, "name": name, "hash": digest, "report": dict(report), "deleted": False}
        with self.db.write() as connection:
            self._free(connection, name)
            known = connection.execute(select(question_set).where(question_set.c.hash == digest)).first()
            if known is not None and not known.deleted:
                way = "Use that one, or delete it first."
                raise Conflict("queries that are not stored yet", f"the same ones as '{known.name}'", way, "name")
            if known is not None:
                changed = update(question_set).where(question_set.c.id == known.id).values(**values)
                return _of(connection.execute(changed.returning(question_set)).one())
            new_set = insert(question_set).values(**values, created=now()).returning(question_set)
            stored = _of(connection.execute(new_set).one())
            rows = [_row(stored.id, place, query) for place, query in enumerate(queries)]
            if rows:
                connection.execute(insert(question_query), rows)
        return stored

    def _free(self, connection: Any, name: str) -> None:
        shown = (question_set.c.name == name, question_set.c.deleted.is_(False))
        if connection.execute(select(question_set.c.id).where(*shown)).first() is not None:
            raise Conflict("a name that no question set has", f"'{name}'", "Choose another name.", "name")

    def free(self, name: str) -> None:
        """See that no question set has this name.

        Raises:
            Conflict: the name is taken.
        """
        with self.db.read() as connection:
            self._free(connection, name)

    def find(self) -> tuple[QuestionSet, ...]:
        """Every question set that is not hidden, by name."""
        query = select(question_set).where(question_set.c.deleted.is_(False)).order_by(question_set.c.name)
        with self.db.read() as connection:
            return tuple(_of(row) for row in connection.execute(query))

    def question_set(self, name: str) -> QuestionSet:
        """The set of a name, or of a hash (hidden ones too, for the runs that used them).

        Raises:
            NotFound: there is none.
        """
        shown = select(question_set).where(question_set.c.name == name, question_set.c.deleted.is_(False))
        with self.db.read() as connection:
            row = connection.execute(shown).first()
            if row is None:
                row = connection.execute(select(question_set).where(question_set.c.hash == name)).first()
        if row is None:
            way = "Look it up in the list of question sets."
            raise NotFound("a stored question set", f"'{name}'", way, "questions")
        return _of(row)

    def queries(self, number: int, keys: Sequence[str] | None = None) -> tuple[QuestionQuery, ...]:
        """Queries of a set, those named or all, in the order of the file."""
        query = select(question_query).where(question_query.c.set_id == number)
        rows: list[Row[Any]] = []
        with self.db.read() as connection:
            if keys is None:
                rows += connection.execute(query)
            else:
                for start in range(0, len(keys), AT_ONCE):
                    part = list(keys[start : start + AT_ONCE])
                    rows += connection.execute(query.where(question_query.c.key.in_(part)))
        by_place = {row.place: row for row in rows}
        return tuple(_query(by_place[place]) for place in sorted(by_place))

    def delete(self, number: int) -> None:
        """Hide a question set; its content stays for the runs that used it."""
        self._change(number, deleted=True)

    def restore(self, number: int) -> QuestionSet:
        """Show a hidden question set again.

        Raises:
            NotFound: there is none of that number.
            Conflict: its name was taken meanwhile.
        """
        with self.db.read() as connection:
            row = connection.execute(select(question_set).where(question_set.c.id == number)).first()
        if row is None:
            raise NotFound("a stored question set", str(number), "Look it up in the list of question sets.")
        if row.deleted:
            self.free(row.name)
            self._change(number, deleted=False)
        return self.question_set(row.name)

    def _change(self, number: int, **values: Any) -> None:
        with self.db.write() as connection:
            connection.execute(update(question_set).where(question_set.c.id == number).values(**values))


def _counts(queries: Sequence[QuestionQuery]) -> dict[str, Any]:
    domains: dict[str, int] = {}
    for query in queries:
        domains[query.domain] = domains.get(query.domain, 0) + 1
    sizes = [len(query.wordings) for query in queries]
    return {
        "queries": len(queries),
        "prompts": sum(sizes),
        "domains": domains,
        "wordings": max(sizes, default=0),
        "choices": any(query.choices for query in queries),
    }


def _row(number: int, place: int, query: QuestionQuery) -> dict[str, Any]:
    wordings = [{"prompt": w.prompt, "target": w.target, "options": list(w.options)} for w in query.wordings]
    about = {"key": query.key, "domain": query.domain, "answer": query.answer}
    return {"set_id": number, "place": place, **about, "wordings": wordings}


def _query(row: Row[Any]) -> QuestionQuery:
    wordings = tuple(Wording(w["prompt"], w["target"], tuple(w["options"])) for w in row.wordings)
    return QuestionQuery(row.key, row.domain, wordings, row.answer)


def _of(row: Row[Any]) -> QuestionSet:
    return QuestionSet(**dict(row._mapping))
