"""Stored datasets, read by id."""

from collections.abc import Collection, Iterator
from typing import Any, Literal

from sqlalchemy import Row, Select, Table, exists, select, update

from app.domain.datasets import Dataset
from app.domain.errors import NotFound
from app.store.db import Database
from app.store.tables import candidate, dataset, item, judgement

AT_ONCE = 500
STREAMED = 2000
Kind = Literal["query", "passage"]


class Datasets:
    """The tables of datasets."""

    def __init__(self, db: Database) -> None:
        self.db = db

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
        return self._first(select(dataset).where(dataset.c.id == number), str(number))

    def named(self, name: str) -> Dataset:
        """One dataset by its name.

        Raises:
            NotFound: there is none of that name.
        """
        query = select(dataset).where(dataset.c.name == name, dataset.c.deleted.is_(False), dataset.c.state == "ready")
        return self._first(query, f"'{name}'")

    def _first(self, query: Select[Any], label: str) -> Dataset:
        with self.db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("a stored dataset", label, "Look it up in the list of datasets.", "dataset")
        return _of(row)

    def by_hash(self, digest: str) -> Dataset | None:
        """The dataset of a content hash, hidden ones too."""
        query = select(dataset).where(dataset.c.hash == digest, dataset.c.state == "ready")
        with self.db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _of(row)

    def find(self, *, deleted: bool = False) -> tuple[Dataset, ...]:
        """Every dataset that is whole, by name."""
        query = select(dataset).where(dataset.c.deleted.is_(deleted), dataset.c.state == "ready")
        with self.db.read() as connection:
            return tuple(_of(row) for row in connection.execute(query.order_by(dataset.c.name)))

    def query_keys(self, number: int) -> tuple[str, ...]:
        """Queries with candidates or judgements, sorted."""
        with self.db.read() as connection:
            queries: set[str] = set()
            for table in (judgement, candidate):
                keys = select(table.c["query"]).where(table.c.dataset_id == number).distinct()
                queries |= set(connection.execute(keys).scalars())
        return tuple(sorted(queries))

    def texts(self, number: int, kind: Kind, keys: Collection[str]) -> dict[str, str]:
        """Texts by id; a passage's text starts with its title."""
        query = select(item.c.key, item.c.text).where(item.c.dataset_id == number, item.c.kind == kind)
        with self.db.read() as connection:
            return {
                row[0]: row[1] for part in _cut(keys) for row in connection.execute(query.where(item.c.key.in_(part)))
            }

    def without_text(
        self, number: int, kind: Kind, tables: Collection[str] = ("judgement", "candidate")
    ) -> frozenset[str]:
        """Queries or passages that judgements or candidates name and that have no text."""
        missing: set[str] = set()
        for table in (judgement, candidate):
            if table.name in tables:
                column = table.c[kind]
                has_text = (item.c.dataset_id == number, item.c.kind == kind, item.c.key == column)
                lacking = select(column).where(table.c.dataset_id == number, ~exists().where(*has_text)).distinct()
                with self.db.read() as connection:
                    missing |= set(connection.execute(lacking).scalars())
        return frozenset(missing)

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
        """Query to passage to grade, of passages without a text too."""
        judgements: dict[str, dict[str, int]] = {}
        for row in self._pairs(judgement, number, queries):
            judgements.setdefault(row.query, {})[row.passage] = row.grade
        return judgements

    def candidates(
        self, number: int, queries: Collection[str] | None = None, depth: int | None = None
    ) -> dict[str, dict[str, float]]:
        """Query to passage to first-stage score, largest first, ties by passage id; those without a text too."""
        candidates: dict[str, dict[str, float]] = {}
        rows = self._pairs(candidate, number, queries, candidate.c.score.desc())
        for row in rows:
            of_query = candidates.setdefault(row.query, {})
            if depth is None or len(of_query) < depth:
                of_query[row.passage] = row.score
        return candidates

    def _pairs(self, table: Table, number: int, queries: Collection[str] | None, *order: Any) -> Iterator[Row[Any]]:
        query = select(table).where(table.c.dataset_id == number)
        query = query.order_by(table.c["query"], *order, table.c.passage)
        with self.db.read() as connection:
            for part in [None] if queries is None else _cut(queries):
                yield from connection.execute(query if part is None else query.where(table.c["query"].in_(part)))


def _cut(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


def _of(row: Row[Any]) -> Dataset:
    return Dataset(**dict(row._mapping))
