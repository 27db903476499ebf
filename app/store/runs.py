"""Stored runs: created once per fingerprint, found again by it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update

from app.domain.errors import NotFound
from app.domain.runs import JobState, Run, RunSpec, RunState, Timed
from app.store.db import Database, now
from app.store.tables import job, run, run_input

SORTS = {
    "new": (run.c.created.desc(), run.c.id.desc()),
    "old": (run.c.created, run.c.id),
    "stored": (run.c.id,),
    "title": (run.c.title,),
    "slow": (run.c.seconds.desc(),),
}
DATASETS = (("settings", "sample", "name"), ("settings", "evaluation", "name"))
"""Where a question names the dataset or question set that it is about."""
VALUES = {name: run.c[name] for name in ("model", "kind", "method", "state")} | {
    "dataset": func.coalesce(*(run.c.spec[path].as_string() for path in DATASETS), ""),
    "target": func.coalesce(run.c.spec[("settings", "target", "name")].as_string(), ""),
}
"""What a list of runs can be filtered by, exactly."""


class Runs:
    """The table of runs."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def create(self, spec: RunSpec, title: str, text: str, *, recorded: bool = False) -> tuple[Run, bool]:
        """The run of a question, and whether it is new. ``text`` is what a search should find.

        Raises:
            NotFound: an input run is not in this database.
        """
        with self.db.write() as connection:
            known = connection.execute(select(run).where(run.c.fingerprint == spec.fingerprint)).first()
            if known is not None:
                return _run(known), False
            inputs = {role: _id_of(connection, fingerprint) for role, fingerprint in spec.inputs.items()}
            values = {
                "fingerprint": spec.fingerprint,
                "kind": spec.kind,
                "model": spec.model,
                "method": str(spec.settings.get("method", spec.settings.get("op", ""))),
                "weights_hash": spec.weights_hash,
                "spec": spec.model_dump(mode="json"),
                "title": title,
                "note": "",
                "text": text,
                "state": RunState.WAITING.value,
                "created": now(),
                "environment": {},
                "plan": {},
                "facts": {},
                "warnings": [],
                "recorded": recorded,
                "pinned": False,
                "deleted": False,
            }
            new_key = connection.execute(run.insert().values(**values)).inserted_primary_key
            assert new_key is not None
            for role, number in inputs.items():
                connection.execute(run_input.insert().values(run_id=new_key[0], role=role, input_id=number))
            row = connection.execute(select(run).where(run.c.id == new_key[0])).one()
            return _run(row), True

    def get(self, number: int) -> Run:
        """One run.

        Raises:
            NotFound: there is no run of that number.
        """
        with self.db.read() as connection:
            row = connection.execute(select(run).where(run.c.id == number)).first()
        if row is None:
            raise NotFound("the number of a stored run", str(number), "Look it up in the list of runs.")
        return _run(row)

    def by_fingerprint(self, fingerprint: str) -> Run | None:
        """The run of a fingerprint, or None."""
        with self.db.read() as connection:
            row = connection.execute(select(run).where(run.c.fingerprint == fingerprint)).first()
        return None if row is None else _run(row)

    def inputs(self, number: int) -> dict[str, Run]:
        """Role to input run."""
        query = (
            select(run_input.c.role, run)
            .join(run, run.c.id == run_input.c.input_id)
            .where(run_input.c.run_id == number)
        )
        with self.db.read() as connection:
            return {row.role: _run(row) for row in connection.execute(query)}

    def users(self, number: int) -> tuple[Run, ...]:
        """Runs that take this one as input, oldest first."""
        query = (
            select(run)
            .join(run_input, run_input.c.run_id == run.c.id)
            .where(run_input.c.input_id == number, run.c.deleted.is_(False))
            .order_by(run.c.id)
        )
        with self.db.read() as connection:
            return tuple(_run(row) for row in connection.execute(query))

    def find(
        self, *, filters: Mapping[str, str], sort: str = "new", offset: int = 0, limit: int = 50, deleted: bool = False
    ) -> tuple[tuple[Run, ...], int]:
        """One page of runs and the number of all that match; pinned ones first.

        ``filters``: those of ``VALUES`` (exact) and ``q`` (title, note, texts, dataset).
        """
        where: list[Any] = [run.c.deleted.is_(deleted)]
        where += [column == filters[name] for name, column in VALUES.items() if filters.get(name)]
        if filters.get("q"):
            texts = (run.c.title, run.c.note, run.c.text, VALUES["dataset"])
            where.append(or_(*(text.icontains(filters["q"], autoescape=True) for text in texts)))
        page = select(run).where(*where).order_by(run.c.pinned.desc(), *SORTS.get(sort, SORTS["new"]))
        with self.db.read() as connection:
            total = connection.execute(select(func.count()).select_from(run).where(*where)).scalar_one()
            rows = connection.execute(page.offset(offset).limit(limit))
            return tuple(_run(row) for row in rows), total

    def timed(self, model: str, limit: int = 200) -> tuple[Timed, ...]:
        """What finished runs of a model tell of its speed, newest first; only those that a job here computed."""
        told = {
            "run": run.c.id,
            "kind": run.c.kind,
            "method": run.c.method,
            "device": func.coalesce(run.c.environment["device"].as_string(), ""),
            "seconds": run.c.seconds,
            "rows": job.c.progress["total"].as_integer(),
        }
        done = (run.c.model == model, run.c.state == RunState.DONE.value, run.c.seconds > 0)
        query = (
            select(*(column.label(name) for name, column in told.items()))
            .join(job, (job.c.run_id == run.c.id) & (job.c.state == JobState.DONE.value))
            .where(*done, job.c.progress["total"].as_integer() > 0)
            .order_by(run.c.id.desc())
            .limit(limit)
        )
        with self.db.read() as connection:
            return tuple(Timed.model_validate(dict(row._mapping)) for row in connection.execute(query))

    def values(self, column: str) -> tuple[str, ...]:
        """The different values of one of ``VALUES``, for filters."""
        value = VALUES[column].label("value")
        query = select(value).where(run.c.deleted.is_(False)).distinct().order_by(value)
        with self.db.read() as connection:
            return tuple(str(row[0]) for row in connection.execute(query) if row[0])

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside, here and by the stores of results and jobs, is kept whole or not at all."""
        with self.db.write():
            yield

    def change(self, number: int, **values: Any) -> None:
        """Set columns of a run: title, note, pinned, deleted, state, plan, environment, facts, and so on."""
        with self.db.write() as connection:
            change(connection, number, **values)


def change(connection: Connection, number: int, **values: Any) -> None:
    """Set columns of a run inside a transaction."""
    connection.execute(update(run).where(run.c.id == number).values(**values))


def _id_of(connection: Connection, fingerprint: str) -> int:
    number = connection.execute(select(run.c.id).where(run.c.fingerprint == fingerprint)).scalar()
    if number is None:
        raise NotFound("an input run in this database", fingerprint, "Compute or import the input run first.")
    return int(number)


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    values["spec"] = RunSpec.model_validate(values["spec"])
    return Run.model_validate({name: values[name] for name in Run.model_fields if name in values})
