"""Writing a dataset: in batches while it comes in.

A dataset that is still coming in is in the state ``importing`` and nobody else sees it; what a broken import left is
dropped.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, func, insert, or_, select, update

from app.domain.datasets import Dataset, Record, Text
from app.domain.errors import Conflict
from app.store.datasets import STREAMED, Datasets
from app.store.db import now
from app.store.rows import insert_new
from app.store.tables import candidate, dataset, item, judgement


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

    def add(self, number: int, records: Sequence[Record]) -> dict[str, int]:
        """Store a batch; kind of record to how many of them were there already (the first one stays)."""
        tables: dict[str, tuple[Table, list[dict[str, Any]]]] = {
            "query": (item, []),
            "passage": (item, []),
            "judgement": (judgement, []),
            "candidate": (candidate, []),
        }
        for record in records:
            name = record.kind if isinstance(record, Text) else type(record).__name__.lower()
            tables[name][1].append({"dataset_id": number, **vars(record)})
        with self.db.write() as connection:
            return {
                name: len(rows) - insert_new(connection, table, rows) for name, (table, rows) in tables.items() if rows
            }

    def clean(self, number: int) -> dict[str, int]:
        """Remove judgements and candidates whose query or passage has no text; name of the fault to its count."""
        faults: dict[str, int] = {}
        with self.db.write() as connection:
            for table, name in ((judgement, "judgements"), (candidate, "candidates")):
                for side in ("query", "passage"):
                    orphan = and_(table.c.dataset_id == number, ~_known(table, side))
                    count = select(func.count(table.c[side].distinct())).where(orphan)
                    faults[f"{name}_unknown_{side}"] = int(connection.execute(count).scalar_one())
                unusable = or_(~_known(table, "query"), ~_known(table, "passage"))
                deleted = connection.execute(table.delete().where(table.c.dataset_id == number, unusable))
                faults[f"{name}_dropped"] = deleted.rowcount
        return faults

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
        """Judgements by grade, and queries without a relevant one or without candidates."""
        grades = (
            select(judgement.c.grade, func.count())
            .where(judgement.c.dataset_id == number)
            .group_by(judgement.c.grade)
            .order_by(judgement.c.grade)
        )
        relevant = exists().where(*_of_item(judgement, number), judgement.c.grade >= threshold)
        lacks = {
            "queries_without_relevant": ~relevant,
            "queries_without_candidates": ~exists().where(*_of_item(candidate, number)),
        }
        is_query = item.c.kind == "query"
        with self.db.read() as connection:
            report: dict[str, Any] = {"grades": {str(row[0]): row[1] for row in connection.execute(grades)}}
            return report | {name: _count(connection, item, number, is_query, lack) for name, lack in lacks.items()}

    def sample(self, number: int, count: int) -> list[tuple[str, str]]:
        """Texts of about ``count`` candidate (or judged) pairs, evenly spaced by id."""
        with self.db.read() as connection:
            table = candidate if _count(connection, candidate, number) else judgement
            total = _count(connection, table, number)
            every = max(1, total // count)
            place = func.row_number().over(order_by=(table.c["query"], table.c.passage)).label("place")
            inner = select(table.c["query"], table.c.passage, place).where(table.c.dataset_id == number).subquery()
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


def _feed(digest: Any, values: Iterable[Any]) -> None:
    digest.update(("\0".join(map(str, values)) + "\1").encode())


def _known(table: Table, side: str) -> Any:
    """Whether a row's query or passage has a text."""
    return exists().where(item.c.dataset_id == table.c.dataset_id, item.c.kind == side, item.c.key == table.c[side])


def _of_item(table: Table, number: int) -> tuple[Any, Any]:
    """Whether a row of a dataset is about the query of an item."""
    return table.c.dataset_id == number, table.c["query"] == item.c.key


def _count(connection: Connection, table: Table, number: int, *where: Any) -> int:
    return int(connection.execute(select(func.count()).where(table.c.dataset_id == number, *where)).scalar_one())
