"""Rows of results on their way into the tables: arrays with their sums beside them. Axes: U units of a site."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.results import ArrayRow, ItemRow, ResponseRow, SettingRow, TopNeuron, told
from app.domain.results import Row as ResultRow
from app.store.tables import array, blob, item_result, response, setting, top_neuron

PLACE = ("group", "name", "part", "kind", "layer")


def write_rows(connection: Connection, number: int, rows: Iterable[ResultRow]) -> None:
    """Store rows of run ``number`` inside a transaction, replacing rows of the same key."""
    arrays: list[ArrayRow] = []
    tables: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if isinstance(row, ArrayRow):
            arrays.append(row)
        else:
            table, values = _values(row)
            tables[table].append({"run_id": number, **values})
    if arrays:
        _write_arrays(connection, number, arrays)
    for table, table_rows in tables.items():
        replace_rows(connection, table, table_rows)


def replace_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; one with the primary key of a stored row replaces it. SQLite and PostgreSQL."""
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert rows whose primary key is not stored yet; how many those were. SQLite and PostgreSQL."""
    done = connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)
    return int(done.rowcount)


def _insert(connection: Connection, table: Table) -> Any:
    dialects = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    return dialects[connection.dialect.name](table)


def _write_arrays(connection: Connection, number: int, rows: list[ArrayRow]) -> None:
    _drop_arrays(connection, number, {_place(vars(row)) for row in rows})
    stored = [np.ascontiguousarray(row.values, dtype="<f4") for row in rows]
    blobs = [{"run_id": number, "bytes": values.tobytes()} for values in stored]
    insert = blob.insert().returning(blob.c.id, sort_by_parameter_order=True)
    keys = connection.execute(insert, blobs).scalars().all()
    array_rows = [
        {"run_id": number, "blob_id": key, **_sums(row, values)}
        for row, values, key in zip(rows, stored, keys, strict=True)
    ]
    connection.execute(array.insert(), array_rows)


def _drop_arrays(connection: Connection, number: int, places: set[tuple[Any, ...]]) -> None:
    """Remove a run's arrays at these places, blobs included."""
    stored = connection.execute(select(array).where(array.c.run_id == number)).all()
    old = [(row.id, row.blob_id) for row in stored if _place({**row._mapping}) in places]
    for table, keys in ((array, [pair[0] for pair in old]), (blob, [pair[1] for pair in old])):
        for start in range(0, len(keys), 500):
            connection.execute(table.delete().where(table.c.id.in_(keys[start : start + 500])))


def _place(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(values[name] for name in PLACE)


def _sums(row: ArrayRow, values: NDArray[np.float32]) -> dict[str, Any]:
    """The columns of an array: its place, and what a page can show without reading the blob."""
    scores = values[0] if values.ndim > 1 else values
    return {
        **dict(zip(PLACE, _place(vars(row)), strict=True)),
        "n": row.n,
        "width": scores.shape[-1],
        "positive": float(np.maximum(scores, 0).sum(dtype=np.float64)),
        "negative": float(np.minimum(scores, 0).sum(dtype=np.float64)),
        "low": float(scores.min(initial=0)),
        "high": float(scores.max(initial=0)),
    }


def _values(row: TopNeuron | ItemRow | SettingRow | ResponseRow) -> tuple[Any, dict[str, Any]]:
    if isinstance(row, TopNeuron):
        return top_neuron, dict(vars(row))
    if isinstance(row, ItemRow):
        return item_result, {**vars(row), "values": dict(row.values), "notes": told(row.notes)}
    if isinstance(row, SettingRow):
        return setting, {**vars(row), "about": dict(row.about), "members": row.members.astype("<i4").tobytes()}
    values = np.ascontiguousarray(row.values, dtype="<f8")
    return response, {
        "ordinal": row.ordinal,
        "first_item": row.first_item,
        "count": len(values),
        "values": values.tobytes(),
    }
