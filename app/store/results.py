"""Results: arrays as blobs with their sums beside them, ends of rankings, tokens, settings and answers.

The only place that turns blobs into numbers. Axes: U units of a site, B buckets of the overview.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from app.domain.errors import NotFound
from app.domain.results import ArrayRow, ItemRow, ResponseRow, SettingRow, TopNeuron
from app.domain.results import Row as ResultRow
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.store.db import Database
from app.store.tables import array, blob, item_result, response, run, setting, top_neuron

BUCKETS = 256


class Results:
    """The tables of results."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def write(self, number: int, rows: Iterable[ResultRow]) -> None:
        """Store rows of a run in one transaction; rows that are there already are replaced."""
        with self.db.write() as connection:
            write_rows(connection, number, rows)

    def scores(self, number: int, name: str = "mean") -> NeuronScores:
        """All scores of a run, part ``all`` first.

        Raises:
            NotFound: the run has no scores.
        """
        with self.db.read() as connection:
            rows = connection.execute(
                select(array, blob.c.bytes)
                .join(blob, blob.c.id == array.c.blob_id)
                .where(array.c.run_id == number, array.c.group == "scores")
                .order_by(array.c.id)
            ).all()
        if not rows:
            raise NotFound(
                "a run with neuron scores", f"run {number} without any", "Wait for it to finish, or rerun it."
            )
        table: dict[str, dict[str, dict[Site, NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(dict))
        for row in rows:
            site = Site(row.layer, SiteKind(row.kind))
            table[row.name][row.part][site] = np.frombuffer(row.bytes, dtype="<f4").astype(np.float64)
        sites = tuple(table[name]["all"])
        space = NeuronSpace(sites, tuple(len(table[name]["all"][site]) for site in sites))
        join = lambda by_site: np.concatenate([by_site[site] for site in sites])  # noqa: E731
        parts = tuple(table[name])
        mean = np.stack([join(table[name][part]) for part in parts])
        zero = np.zeros(len(space))
        extra = [join(table[other]["all"]) if other in table else zero for other in ("se", "positive")]
        return NeuronScores(space, parts, mean, extra[0], extra[1], rows[0].n)

    def profile(self, number: int, part: str = "all") -> tuple[dict[str, Any], ...]:
        """Per site: kind, layer, width, n, sums of positive and of negative scores, extremes; no blob is read."""
        query = (
            select(array)
            .where(array.c.run_id == number, array.c.group == "scores", array.c.name == "mean", array.c.part == part)
            .order_by(array.c.id)
        )
        names = ("kind", "layer", "width", "n", "positive", "negative", "low", "high")
        with self.db.read() as connection:
            return tuple({name: row._mapping[name] for name in names} for row in connection.execute(query))

    def overview(
        self, number: int, part: str = "all"
    ) -> tuple[tuple[Site, NDArray[np.float32], NDArray[np.int64]], ...]:
        """Per site: [B] score and [B] unit of each bucket's strongest unit; units sorted by score, largest first."""
        query = (
            select(array.c.kind, array.c.layer, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .where(array.c.run_id == number, array.c.group == "overview", array.c.part == part)
            .order_by(array.c.id)
        )
        found = []
        with self.db.read() as connection:
            for row in connection.execute(query):
                pairs = np.frombuffer(row.bytes, dtype="<f4").reshape(2, -1)
                found.append((Site(row.layer, SiteKind(row.kind)), pairs[0], pairs[1].astype(np.int64)))
        return tuple(found)

    def layer(self, number: int, site: Site, name: str, part: str) -> NDArray[np.float64]:
        """[U] values of one site.

        Raises:
            NotFound: the run does not score this site or part.
        """
        query = (
            select(blob.c.bytes)
            .join(array, blob.c.id == array.c.blob_id)
            .where(
                array.c.run_id == number,
                array.c.group == "scores",
                array.c.name == name,
                array.c.part == part,
                array.c.kind == site.kind.value,
                array.c.layer == site.layer,
            )
        )
        with self.db.read() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            raise NotFound(
                "a layer and part that this run scores", f"{site}, part {part}", "Go back to the run's page."
            )
        return np.frombuffer(found, dtype="<f4").astype(np.float64)

    def top(self, number: int, side: str = "top", offset: int = 0, limit: int = 50) -> tuple[TopNeuron, ...]:
        """The ends of the ranking: ``top`` or ``bottom``, by rank."""
        query = (
            select(top_neuron)
            .where(top_neuron.c.run_id == number, top_neuron.c.name == "mean", top_neuron.c.side == side)
            .order_by(top_neuron.c.rank)
            .offset(offset)
            .limit(limit)
        )
        names = ("name", "side", "rank", "kind", "layer", "unit", "score")
        with self.db.read() as connection:
            return tuple(TopNeuron(**{n: row._mapping[n] for n in names}) for row in connection.execute(query))

    def neuron(self, index: NeuronIndex, weights_hash: str) -> tuple[dict[str, Any], ...]:
        """One unit in every run of a model: run number, score, n, and its rank where it is near an end."""
        place = (array.c.kind == index.kind.value, array.c.layer == index.layer, array.c.width > index.unit)
        query = (
            select(array.c.run_id, array.c.n, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .join(run, run.c.id == array.c.run_id)
            .where(
                run.c.weights_hash == weights_hash,
                run.c.deleted.is_(False),
                array.c.group == "scores",
                array.c.name == "mean",
                array.c.part == "all",
                *place,
            )
            .order_by(array.c.run_id)
        )
        ranks = select(top_neuron.c.run_id, top_neuron.c.side, top_neuron.c.rank).where(
            top_neuron.c.kind == index.kind.value, top_neuron.c.layer == index.layer, top_neuron.c.unit == index.unit
        )
        with self.db.read() as connection:
            known = {(row.run_id, row.side): row.rank for row in connection.execute(ranks)}
            return tuple(
                {
                    "run": row.run_id,
                    "n": row.n,
                    "score": float(np.frombuffer(row.bytes, dtype="<f4")[index.unit]),
                    "top": known.get((row.run_id, "top")),
                    "bottom": known.get((row.run_id, "bottom")),
                }
                for row in connection.execute(query)
            )

    def items(self, number: int) -> tuple[ItemRow, ...]:
        """Per-example results in order."""
        query = select(item_result).where(item_result.c.run_id == number).order_by(item_result.c.item)
        with self.db.read() as connection:
            rows = connection.execute(query).all()
        names = ("item", "label", "tokens", "values", "notes")
        return tuple(ItemRow(**{name: row._mapping[name] for name in names}) for row in rows)

    def settings(self, number: int) -> tuple[SettingRow, ...]:
        """States under test in order."""
        query = select(setting).where(setting.c.run_id == number).order_by(setting.c.ordinal)
        with self.db.read() as connection:
            return tuple(
                SettingRow(
                    row.ordinal,
                    row.text,
                    row.family,
                    row.seed,
                    row.about,
                    np.frombuffer(row.members, "<i4").astype(np.int64),
                )
                for row in connection.execute(query)
            )

    def responses(self, number: int) -> dict[int, dict[int, NDArray[np.float64]]]:
        """Ordinal to item to [Y] answers."""
        query = select(response).where(response.c.run_id == number)
        found: dict[int, dict[int, NDArray[np.float64]]] = defaultdict(dict)
        with self.db.read() as connection:
            for row in connection.execute(query):
                values = np.frombuffer(row._mapping["values"], "<f8").reshape(int(row._mapping["count"]), -1)
                for at, answer in enumerate(values):
                    found[row.ordinal][row.first_item + at] = answer
        return dict(found)


def buckets(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """[2, B] score and unit of the strongest unit of each bucket, units sorted by score, largest first."""
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    groups = np.array_split(order, min(BUCKETS, len(order)))
    strongest = np.asarray([group[np.argmax(np.abs(values[group]))] for group in groups])
    return np.stack([values[strongest], strongest]).astype(np.float32)


def write_rows(connection: Connection, number: int, rows: Iterable[ResultRow]) -> None:
    """Store rows inside a transaction, replacing rows of the same key."""
    tables: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if isinstance(row, ArrayRow):
            _write_array(connection, number, row)
            if row.group == "scores" and row.name == "mean":
                _write_array(connection, number, _overview_row(row))
        else:
            table, values = _values(row)
            tables[table].append({"run_id": number, **values})
    for table, many in tables.items():
        connection.execute(table.insert().prefix_with("OR REPLACE", dialect="sqlite"), many)


def _overview_row(row: ArrayRow) -> ArrayRow:
    return ArrayRow("overview", row.name, row.part, row.kind, row.layer, row.n, buckets(row.values))


def _write_array(connection: Connection, number: int, row: ArrayRow) -> None:
    values = np.ascontiguousarray(row.values, dtype="<f4")
    place = {"group": row.group, "name": row.name, "part": row.part, "kind": row.kind, "layer": row.layer}
    connection.execute(array.delete().where(array.c.run_id == number, *(array.c[k] == v for k, v in place.items())))
    key = connection.execute(blob.insert().values(run_id=number, bytes=values.tobytes())).inserted_primary_key
    assert key is not None
    scores = values[0] if values.ndim > 1 else values
    connection.execute(
        array.insert().values(
            run_id=number,
            **place,
            n=row.n,
            width=scores.shape[-1],
            positive=float(scores[scores > 0].sum(dtype=np.float64)),
            negative=float(scores[scores < 0].sum(dtype=np.float64)),
            low=float(scores.min(initial=0)),
            high=float(scores.max(initial=0)),
            blob_id=key[0],
        )
    )


def _values(row: TopNeuron | ItemRow | SettingRow | ResponseRow) -> tuple[Any, dict[str, Any]]:
    if isinstance(row, TopNeuron):
        return top_neuron, dict(vars(row))
    if isinstance(row, ItemRow):
        return item_result, {**vars(row), "values": dict(row.values), "notes": dict(row.notes)}
    if isinstance(row, SettingRow):
        return setting, {**vars(row), "about": dict(row.about), "members": row.members.astype("<i4").tobytes()}
    values = np.ascontiguousarray(row.values, dtype="<f8")
    return response, {
        "ordinal": row.ordinal,
        "first_item": row.first_item,
        "count": len(values),
        "values": values.tobytes(),
    }
