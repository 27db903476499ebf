"""Results: arrays as blobs with their sums beside them, ends of rankings, tokens, settings and answers.

The only place that turns blobs into numbers; ``rows.py`` is the way in.
Axes: U units of a site.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, func, select

from app.analysis.ends import Ends, ends, per_sign
from app.domain.errors import NotFound
from app.domain.results import ArrayRow, ItemRow, SettingRow, TopNeuron
from app.domain.results import Row as ResultRow
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.store.db import Database
from app.store.rows import write_rows
from app.store.tables import array, blob, item_result, response, run, setting, top_neuron


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
        parts = tuple(table[name])
        mean = np.stack([_joined(table[name][part], sites) for part in parts])
        zero = np.zeros(len(space))
        spread, positive = (_joined(table[n]["all"], sites) if n in table else zero for n in ("se", "positive"))
        return NeuronScores(space, parts, mean, spread, positive, rows[0].n)

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

    def space(self, number: int) -> NeuronSpace:
        """The neurons that a run scores, as :meth:`scores` orders them; no blob is read."""
        rows = self.profile(number)
        sites = tuple(Site(row["layer"], SiteKind(row["kind"])) for row in rows)
        return NeuronSpace(sites, tuple(row["width"] for row in rows))

    def ends(self, number: int, part: str = "all", count: int | None = None) -> tuple[Ends, ...]:
        """Per site: its strongest units of both signs, see :mod:`app.analysis.ends`.

        ``count``: of each sign; by the number of sites where it is left out. Standard errors belong to part ``all`` of
        runs over several examples; others have none.
        """
        query = (
            select(array, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .where(array.c.run_id == number, array.c.group == "scores", array.c.name.in_(("mean", "se")))
            .where(array.c.part == part)
            .order_by(array.c.id)
        )
        with self.db.read() as connection:
            rows = connection.execute(query).all()
        means = [row for row in rows if row.name == "mean"]
        errors = {(row.kind, row.layer): np.frombuffer(row.bytes, "<f4") for row in rows if row.name == "se"}
        count = per_sign(len(means)) if count is None else count
        return tuple(
            ends(
                Site(row.layer, SiteKind(row.kind)),
                np.frombuffer(row.bytes, "<f4"),
                count,
                errors.get((row.kind, row.layer)) if row.n > 1 else None,
                (row.positive, row.negative),
            )
            for row in means
        )

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
            stored = connection.execute(query).scalar()
        if stored is None:
            raise NotFound(
                "a layer and part that this run scores", f"{site}, part {part}", "Go back to the run's page."
            )
        return np.frombuffer(stored, dtype="<f4").astype(np.float64)

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
        score = func.substr(blob.c.bytes, 4 * index.unit + 1, 4, type_=LargeBinary).label("score")
        query = (
            select(array.c.run_id, array.c.n, score)
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
                    "score": float(np.frombuffer(row.score, dtype="<f4")[0]),
                    "top": known.get((row.run_id, "top")),
                    "bottom": known.get((row.run_id, "bottom")),
                }
                for row in connection.execute(query)
            )

    def metrics(self, number: int) -> dict[str, NDArray[np.float64]]:
        """Measure to [S, Q] values of a study: settings by ordinal, queries in the order of the plan."""
        return {name: values.reshape(-1, n) for name, n, values in self._arrays(number, "metric")}

    def folds(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """([F, N] mean scores by fold of queries, [F] examples of each); empty where a run has none."""
        by_fold: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        counts: dict[str, int] = {}
        for name, n, values in self._arrays(number, "folds"):
            by_fold[name].append(values)
            counts[name] = n
        if not by_fold:
            return np.zeros((0, 0)), np.zeros(0, dtype=np.int64)
        return np.stack([np.concatenate(parts) for parts in by_fold.values()]), np.asarray(list(counts.values()))

    def arrays(self, number: int) -> tuple[ArrayRow, ...]:
        """Every array of a run as it can be stored again.

        Left out is ``overview``, which older versions stored beside the scores and which follows from them.
        """
        query = (
            select(array, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .where(array.c.run_id == number, array.c.group != "overview")
            .order_by(array.c.id)
        )
        names = ("group", "name", "part", "kind", "layer", "n")
        with self.db.read() as connection:
            return tuple(
                ArrayRow(**{name: row._mapping[name] for name in names}, values=np.frombuffer(row.bytes, dtype="<f4"))
                for row in connection.execute(query)
            )

    def _arrays(self, number: int, group: str) -> list[tuple[str, int, NDArray[np.float64]]]:
        """Name, n and values of every array of a group, in the order they were stored."""
        query = (
            select(array.c.name, array.c.n, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .where(array.c.run_id == number, array.c.group == group)
            .order_by(array.c.id)
        )
        with self.db.read() as connection:
            rows = connection.execute(query).all()
        return [(row.name, row.n, np.frombuffer(row.bytes, dtype="<f4").astype(np.float64)) for row in rows]

    def named(self, number: int, group: str) -> dict[tuple[str, str], NDArray[np.float64]]:
        """Name and part to the values of every array of a group; float32 as they are stored."""
        query = (
            select(array.c.name, array.c.part, blob.c.bytes)
            .join(blob, blob.c.id == array.c.blob_id)
            .where(array.c.run_id == number, array.c.group == group)
        )
        with self.db.read() as connection:
            rows = connection.execute(query).all()
        return {(row.name, row.part): np.frombuffer(row.bytes, dtype="<f4").astype(np.float64) for row in rows}

    def items(self, number: int) -> tuple[ItemRow, ...]:
        """Per-example results in order."""
        query = select(item_result).where(item_result.c.run_id == number).order_by(item_result.c.item)
        with self.db.read() as connection:
            rows = connection.execute(query).all()
        names = ("item", "label", "tokens", "values", "notes")
        return tuple(ItemRow(**{name: row._mapping[name] for name in names}) for row in rows)

    def count(self, number: int) -> int:
        """How many examples have a result."""
        query = select(func.count()).select_from(item_result).where(item_result.c.run_id == number)
        with self.db.read() as connection:
            return int(connection.execute(query).scalar_one())

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

    def responses(
        self, number: int, ordinals: Collection[int] | None = None
    ) -> dict[int, dict[int, NDArray[np.float64]]]:
        """Ordinal to item to [Y] answers; of these settings only, where they are named."""
        query = select(response).where(response.c.run_id == number)
        query = query if ordinals is None else query.where(response.c.ordinal.in_(ordinals))
        answers: dict[int, dict[int, NDArray[np.float64]]] = defaultdict(dict)
        with self.db.read() as connection:
            for row in connection.execute(query):
                values = np.frombuffer(row._mapping["values"], "<f8").reshape(int(row._mapping["count"]), -1)
                for at, answer in enumerate(values):
                    answers[row.ordinal][row.first_item + at] = answer
        return dict(answers)


def _joined(by_site: Mapping[Site, NDArray[np.float64]], sites: tuple[Site, ...]) -> NDArray[np.float64]:
    """[N] values of all sites, one after the other."""
    return np.concatenate([by_site[site] for site in sites])
