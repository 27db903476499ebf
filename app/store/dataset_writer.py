"""Writing a dataset: in batches while it comes in.

A dataset that is still coming in is in the state ``importing`` and nobody else sees it; what a broken import left is
dropped.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, exists, func, insert, select, tuple_, update

from app.domain.datasets import Dataset, Record, Text, Twice
from app.domain.errors import Conflict
from app.store.datasets import AT_ONCE, STREAMED, Datasets
from app.store.db import now
from app.store.rows import insert_new
from app.store.tables import candidate, dataset, item, judgement

TABLES: dict[Any, tuple[Table, tuple[str, ...], str]] = {
    "query": (item, ("key",), "text"),
    "passage": (item, ("key",), "text"),
    "judgement": (judgement, ("query", "passage"), "grade"),
    "candidate": (candidate, ("query", "passage"), "score"),
}
"""Kind of record to its table, what tells its rows apart, and what they hold."""


class DatasetWriter(Datasets):
    """The tables of datasets, with what an import does to them."""

    def begin(self, name: str, kind: str, **about: str) -> int:
        """A new, empty dataset in the state ``importing``; ``about`` holds domain, licence and source.

        Raises:
            Conflict: the name is taken.
        """
        self.free(name)
        with self.db.write() as connection:
            values: dict[str, Any] = {"domain": "", "licence": "", "source": "", **about}
            counts = dict.fromkeys(("queries", "passages", "judgements", "candidates"), 0)
            values |= {"name": name, "kind": kind, "hash": "", "report": {}, "state": "importing"}
            values |= {**counts, "created": now(), "deleted": False}
            new_key = connection.execute(insert(dataset).values(**values)).inserted_primary_key
        assert new_key is not None
        return int(new_key[0])

    def free(self, name: str) -> None:
        """See that no dataset has this name.

        Raises:
            Conflict: the name is taken.
        """
        shown = (dataset.c.deleted.is_(False), dataset.c.state == "ready")
        with self.db.read() as connection:
            taken = connection.execute(select(dataset.c.id).where(dataset.c.name == name, *shown)).first()
        if taken is not None:
            raise Conflict("a name that no dataset has", f"'{name}'", "Choose another name.", "name")

    def add(self, number: int, records: Sequence[Record]) -> list[Twice]:
        """Store a batch; what of it was there already (the first one stays)."""
        rows_of: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for record in records:
            name = record.kind if isinstance(record, Text) else type(record).__name__.lower()
            rows_of[name].append({"dataset_id": number, **vars(record)})
        twice: list[Twice] = []
        with self.db.write() as connection:
            for name, rows in rows_of.items():
                new, again = _sorted(connection, name, rows)
                twice += again
                if new:
                    insert_new(connection, TABLES[name][0], new)
        return twice

    def finish(self, number: int, report: dict[str, Any]) -> Dataset:
        """Count, hash, and show the dataset. One of the same content that is there already is given back instead."""
        digest = self._digest(number)
        known = self.by_hash(digest)
        if known is not None:
            self.drop(number)
            self.restore(known.id)
            return self.get(known.id)
        with self.db.write() as connection:
            values: dict[str, Any] = {"hash": digest, "report": report, "state": "ready"}
            values |= {
                "queries": _count(connection, item, number, item.c.kind == "query"),
                "passages": _count(connection, item, number, item.c.kind == "passage"),
                "judgements": _count(connection, judgement, number),
                "candidates": _count(connection, candidate, number),
            }
            connection.execute(update(dataset).where(dataset.c.id == number).values(**values))
        return self.get(number)

    def drop(self, number: int) -> None:
        """Remove a dataset with everything in it, in pieces that let other writers between them."""
        for table in (candidate, judgement, item):
            for key in self._queries_of(table, number):
                with self.db.write() as connection:
                    connection.execute(table.delete().where(table.c.dataset_id == number, *key))
        with self.db.write() as connection:
            connection.execute(dataset.delete().where(dataset.c.id == number))

    def _queries_of(self, table: Table, number: int) -> Iterator[tuple[Any, ...]]:
        """Conditions that together hold of every row of a dataset, each of some thousands."""
        column = table.c.key if table is item else table.c["query"]
        while True:
            with self.db.read() as connection:
                edge_query = (
                    select(column).where(table.c.dataset_id == number).order_by(column).offset(5 * STREAMED).limit(1)
                )
                edge = connection.execute(edge_query).scalar()
            if edge is None:
                yield ()
                return
            yield (column <= edge,)

    def sweep(self, name: str) -> int:
        """Drop what imports under a name that died have left."""
        query = select(dataset.c.id).where(dataset.c.state == "importing", dataset.c.name == name)
        with self.db.read() as connection:
            left = connection.execute(query).scalars().all()
        for number in left:
            self.drop(number)
        return len(left)

    def balance(self, number: int, threshold: int) -> dict[str, Any]:
        """Judgements by grade; judged queries, those that lack something, and queries that nobody judged."""
        grades = (
            select(judgement.c.grade, func.count())
            .where(judgement.c.dataset_id == number)
            .group_by(judgement.c.grade)
            .order_by(judgement.c.grade)
        )
        judged = select(judgement.c["query"]).where(judgement.c.dataset_id == number).distinct()
        relevant = judged.where(judgement.c.grade >= threshold)
        hits = _hits(number)
        listed = select(hits.c["query"])
        counts: dict[str, Any] = {
            "queries_judged": judged,
            "queries_without_relevant": judged.except_(relevant),
            "queries_without_candidates": judged.except_(listed),
            "queries_with_one_candidate": judged.intersect(listed.where(hits.c.count == 1)),
            "queries_without_judgement": _of_kind(number, "query").except_(judged),
        }
        with self.db.read() as connection:
            report: dict[str, Any] = {"grades": {str(row[0]): row[1] for row in connection.execute(grades)}}
            for name, keys in counts.items():
                counting = select(func.count()).select_from(keys.subquery())
                report[name] = int(connection.execute(counting).scalar_one())
        return report

    def level(self, number: int) -> tuple[list[str], int]:
        """Queries with two candidates or more whose scores are all the same, and how many queries have two or more."""
        hits = _hits(number)
        several = select(func.count()).select_from(hits).where(hits.c.count > 1)
        same = select(hits.c["query"]).where(hits.c.count > 1, hits.c.low == hits.c.high).order_by(hits.c["query"])
        with self.db.read() as connection:
            return list(connection.execute(same).scalars()), int(connection.execute(several).scalar_one())

    def usable(self, number: int) -> bool:
        """Whether some query with a text has a candidate or a judged passage with a text."""
        both = (_known(candidate, "query"), _known(candidate, "passage"))
        judged = (_known(judgement, "query"), _known(judgement, "passage"))
        with self.db.read() as connection:
            for table, texts in ((candidate, both), (judgement, judged)):
                found = select(table.c["query"]).where(table.c.dataset_id == number, *texts).limit(1)
                if connection.execute(found).first() is not None:
                    return True
        return False

    def sample(self, number: int, count: int) -> list[tuple[str, str]]:
        """Texts of about ``count`` candidate (or judged) pairs, evenly spaced by id."""
        with self.db.read() as connection:
            table = candidate if _count(connection, candidate, number) else judgement
            total = _count(connection, table, number)
            every = max(1, total // count)
            place = func.row_number().over(order_by=(table.c["query"], table.c.passage)).label("place")
            texts = (_known(table, "query"), _known(table, "passage"))
            pairs = select(table.c["query"], table.c.passage, place)
            inner = pairs.where(table.c.dataset_id == number, *texts).subquery()
            rows = connection.execute(select(inner).where(inner.c.place % every == 0).limit(count)).all()
        queries = self.texts(number, "query", {row[0] for row in rows})
        passages = self.texts(number, "passage", {row[1] for row in rows})
        return [(queries[row[0]], passages[row[1]]) for row in rows]

    def _digest(self, number: int) -> str:
        """Hash of the content, whatever files it came from."""
        digest = hashlib.sha256()
        for kind in ("query", "passage"):
            for key, text in self.stream(number, kind):
                _feed(digest, (kind, key, text))
        for table in (judgement, candidate):
            for row in self._pairs(table, number, None):
                values = (row.query, row.passage, row.grade) if table is judgement else tuple(row)[1:]
                _feed(digest, (table.name, *values))
        return digest.hexdigest()


def _sorted(connection: Connection, name: Any, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Twice]]:
    """Rows whose ids are new, and those whose ids are stored or came before in the same batch."""
    _, key, held = TABLES[name]
    known = _stored(connection, name, rows)
    new: list[dict[str, Any]] = []
    twice: list[Twice] = []
    for row in rows:
        ids = tuple(str(row[column]) for column in key)
        if ids in known:
            twice.append(Twice(name, " ".join(ids), known[ids] != row[held]))
        else:
            known[ids] = row[held]
            new.append(row)
    return new, twice


def _stored(connection: Connection, name: Any, rows: list[dict[str, Any]]) -> dict[tuple[str, ...], Any]:
    """Ids of rows that are stored already to what is stored of them."""
    table, key, held = TABLES[name]
    columns = [table.c[column] for column in key]
    known: dict[tuple[str, ...], Any] = {}
    for start in range(0, len(rows), AT_ONCE // 2):
        part = rows[start : start + AT_ONCE // 2]
        wanted = tuple_(*columns).in_([tuple(row[column] for column in key) for row in part])
        same = [table.c.dataset_id == part[0]["dataset_id"], wanted]
        if table is item:
            same.append(item.c.kind == name)
        for *ids, value in connection.execute(select(*columns, table.c[held]).where(*same)):
            known[tuple(ids)] = value
    return known


def _feed(digest: Any, values: Iterable[Any]) -> None:
    digest.update(("\0".join(map(str, values)) + "\1").encode())


def _known(table: Table, side: str) -> Any:
    """Whether a row's query or passage has a text."""
    return exists().where(item.c.dataset_id == table.c.dataset_id, item.c.kind == side, item.c.key == table.c[side])


def _of_kind(number: int, kind: str) -> Any:
    """Ids of the queries or passages that have a text."""
    return select(item.c.key).where(item.c.dataset_id == number, item.c.kind == kind)


def _hits(number: int) -> Any:
    """A row for every query with candidates: how many, their lowest and their highest score."""
    count, score = func.count().label("count"), candidate.c.score
    columns = (candidate.c["query"], count, func.min(score).label("low"), func.max(score).label("high"))
    return select(*columns).where(candidate.c.dataset_id == number).group_by(candidate.c["query"]).subquery()


def _count(connection: Connection, table: Table, number: int, *where: Any) -> int:
    return int(connection.execute(select(func.count()).where(table.c.dataset_id == number, *where)).scalar_one())
