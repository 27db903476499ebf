"""Stored datasets: written in batches while they come in, read by id ever after.

A dataset that is still coming in is in the state ``importing`` and nobody else sees it; what a broken import left is
dropped.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, Table, and_, exists, func, insert, or_, select, update

from app.domain.datasets import Dataset, Record, Text
from app.domain.errors import Conflict, NotFound
from app.store.db import Database, now
from app.store.rows import insert_new
from app.store.tables import candidate, dataset, item, judgement

AT_ONCE = 500
STREAMED = 2000
Kind = Literal["query", "passage"]


class Datasets:
    """The tables of datasets."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def begin(self, name: str, kind: str, **about: str) -> int:
        """A new, empty dataset in the state ``importing``; ``about`` holds domain, licence and source.

        Raises:
            Conflict: the name is taken.
        """
        with self.db.write() as connection:
            taken = select(dataset.c.id).where(
                dataset.c.name == name, dataset.c.deleted.is_(False), dataset.c.state == "ready"
            )
            if connection.execute(taken).first() is not None:
                raise Conflict("a name that no dataset has", f"'{name}'", "Choose another name.", "name")
            values: dict[str, Any] = {"domain": "", "licence": "", "source": "", **about}
            counts = dict.fromkeys(("queries", "passages", "judgements", "candidates"), 0)
            values |= {"name": name, "kind": kind, "hash": "", "report": {}, "state": "importing"}
            values |= {**counts, "created": now(), "deleted": False}
            made = connection.execute(insert(dataset).values(**values)).inserted_primary_key
        assert made is not None
        return int(made[0])

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
        found: dict[str, int] = {}
        with self.db.write() as connection:
            for table, name in ((judgement, "judgements"), (candidate, "candidates")):
                for side in ("query", "passage"):
                    orphan = and_(table.c.dataset_id == number, ~_known(table, side))
                    count = select(func.count(table.c[side].distinct())).where(orphan)
                    found[f"{name}_unknown_{side}"] = int(connection.execute(count).scalar_one())
                lost = or_(~_known(table, "query"), ~_known(table, "passage"))
                gone = connection.execute(table.delete().where(table.c.dataset_id == number, lost))
                found[f"{name}_dropped"] = gone.rowcount
        return found

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
                rows = select(column).where(table.c.dataset_id == number).order_by(column).offset(5 * STREAMED).limit(1)
                edge = connection.execute(rows).scalar()
            if edge is None:
                yield ()
                return
            yield (column <= edge,)

    def sweep(self) -> int:
        """Drop what imports that died have left."""
        with self.db.read() as connection:
            left = connection.execute(select(dataset.c.id).where(dataset.c.state == "importing")).scalars().all()
        for number in left:
            self.drop(number)
        return len(left)

    def describe(self, number: int, **values: Any) -> None:
        """Change name, domain, licence, source or report."""
        with self.db.write() as connection:
            connection.execute(update(dataset).where(dataset.c.id == number).values(**values))

    def delete(self, number: int) -> None:
        """Hide a dataset; its content stays for the runs that used it."""
        self.describe(number, deleted=True)

    def restore(self, number: int) -> None:
        """Show a hidden dataset again."""
        self.describe(number, deleted=False)

    def get(self, number: int) -> Dataset:
        """One dataset.

        Raises:
            NotFound: there is none of that number.
        """
        return self._one(select(dataset).where(dataset.c.id == number), str(number))

    def named(self, name: str) -> Dataset:
        """One dataset by its name.

        Raises:
            NotFound: there is none of that name.
        """
        query = select(dataset).where(dataset.c.name == name, dataset.c.deleted.is_(False), dataset.c.state == "ready")
        return self._one(query, f"'{name}'")

    def _one(self, query: Select[Any], asked: str) -> Dataset:
        with self.db.read() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise NotFound("a stored dataset", asked, "Look it up in the list of datasets.", "dataset")
        return _of(found)

    def by_hash(self, digest: str) -> Dataset | None:
        """The dataset of a content hash, hidden ones too."""
        query = select(dataset).where(dataset.c.hash == digest, dataset.c.state == "ready")
        with self.db.read() as connection:
            found = connection.execute(query).first()
        return None if found is None else _of(found)

    def find(self, *, deleted: bool = False) -> tuple[Dataset, ...]:
        """Every dataset that is whole, by name."""
        query = select(dataset).where(dataset.c.deleted.is_(deleted), dataset.c.state == "ready")
        with self.db.read() as connection:
            return tuple(_of(row) for row in connection.execute(query.order_by(dataset.c.name)))

    def query_keys(self, number: int) -> tuple[str, ...]:
        """Queries with candidates or judgements, sorted."""
        with self.db.read() as connection:
            found: set[str] = set()
            for table in (judgement, candidate):
                keys = select(table.c["query"]).where(table.c.dataset_id == number).distinct()
                found |= set(connection.execute(keys).scalars())
        return tuple(sorted(found))

    def texts(self, number: int, kind: Kind, keys: Collection[str]) -> dict[str, str]:
        """Texts by id; a passage's text starts with its title."""
        query = select(item.c.key, item.c.text).where(item.c.dataset_id == number, item.c.kind == kind)
        with self.db.read() as connection:
            return {
                row[0]: row[1] for part in _cut(keys) for row in connection.execute(query.where(item.c.key.in_(part)))
            }

    def stream(self, number: int, kind: Kind) -> Iterator[tuple[str, str]]:
        """Id and text of every query or passage by id, a few thousand at a time."""
        query = select(item.c.key, item.c.text).where(item.c.dataset_id == number, item.c.kind == kind)
        yield from self._paged(query.order_by(item.c.key), item.c.key)

    def _paged(self, query: Select[Any], key: Any) -> Iterator[Any]:
        last = None
        while True:
            with self.db.read() as connection:
                page = query if last is None else query.where(key > last)
                rows = connection.execute(page.limit(STREAMED)).all()
            yield from rows
            if len(rows) < STREAMED:
                return
            last = rows[-1][0]

    def judgements(self, number: int, queries: Collection[str] | None = None) -> dict[str, dict[str, int]]:
        """Query to passage to grade."""
        found: dict[str, dict[str, int]] = {}
        for row in self._pairs(judgement, number, queries):
            found.setdefault(row.query, {})[row.passage] = row.grade
        return found

    def candidates(
        self, number: int, queries: Collection[str] | None = None, depth: int | None = None
    ) -> dict[str, dict[str, float]]:
        """Query to passage to first-stage score, in rank order."""
        found: dict[str, dict[str, float]] = {}
        rows = self._pairs(candidate, number, queries, candidate.c.rank)
        for row in rows:
            mine = found.setdefault(row.query, {})
            if depth is None or len(mine) < depth:
                mine[row.passage] = row.score
        return found

    def _pairs(self, table: Table, number: int, queries: Collection[str] | None, *order: Any) -> Iterator[Row[Any]]:
        base = select(table).where(table.c.dataset_id == number)
        base = base.order_by(table.c["query"], *order, table.c.passage)
        with self.db.read() as connection:
            for part in [None] if queries is None else _cut(queries):
                yield from connection.execute(base if part is None else base.where(table.c["query"].in_(part)))

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


def _count(connection: Connection, table: Table, number: int, *where: Any) -> int:
    return int(connection.execute(select(func.count()).where(table.c.dataset_id == number, *where)).scalar_one())


def _cut(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


def _of(row: Row[Any]) -> Dataset:
    return Dataset(**dict(row._mapping))
