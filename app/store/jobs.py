"""The queue: claimed in one statement, leased, resumed from a checkpoint."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, update

from app.domain.errors import NotFound
from app.domain.results import Row as ResultRow
from app.domain.runs import Job, JobState, Lane, Progress, RunState
from app.domain.scores import RunningScores
from app.store.checkpoints import packed, unpacked
from app.store.db import Database, now
from app.store.results import write_rows
from app.store.runs import change
from app.store.tables import job, job_checkpoint, run, run_input

OPEN = (JobState.WAITING.value, JobState.RUNNING.value, JobState.STOPPING.value)
LOG_LINES = 200


class Jobs:
    """The table of jobs."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def enqueue(self, what: str, lane: Lane, run_id: int | None = None, payload: dict[str, Any] | None = None) -> Job:
        """Add a job; a run that already has an open job gets that one back."""
        with self.db.write() as connection:
            if run_id is not None:
                known = select(job).where(job.c.run_id == run_id, job.c.state.in_(OPEN))
                found = connection.execute(known).first()
                if found is not None:
                    return _job(found)
            values: dict[str, Any] = {
                "what": what,
                "run_id": run_id,
                "lane": lane.value,
                "state": JobState.WAITING.value,
                "payload": payload or {},
                "progress": Progress().model_dump(),
                "created": now(),
                "log": [],
            }
            return _job(connection.execute(job.insert().values(**values).returning(job)).one())

    def claim(self, worker: str, lease: float, lanes: tuple[Lane, ...] = (Lane.INTERACTIVE, Lane.BATCH)) -> Job | None:
        """Take the next job, interactive ones first, whose input runs are done; None if there is none."""
        pending = (
            select(run_input.c.run_id)
            .join(run, run.c.id == run_input.c.input_id)
            .where(run.c.state.in_((RunState.WAITING.value, RunState.RUNNING.value)))
        )
        ready = (
            select(job.c.id)
            .where(
                job.c.state == JobState.WAITING.value,
                job.c.lane.in_([lane.value for lane in lanes]),
                job.c.run_id.is_(None) | job.c.run_id.not_in(pending),
            )
            .order_by(job.c.lane.desc(), job.c.id)
            .limit(1)
            .scalar_subquery()
        )
        taken = {"state": JobState.RUNNING.value, "worker": worker, "lease": now() + timedelta(seconds=lease)}
        with self.db.write() as connection:
            found = connection.execute(
                update(job).where(job.c.id == ready).values(**taken, started=now()).returning(job)
            ).first()
            if found is not None and found.run_id is not None:
                change(connection, found.run_id, state=RunState.RUNNING.value)
        return None if found is None else _job(found)

    def renew(self, worker: str, lease: float) -> None:
        """Renew the lease of every job of a worker."""
        with self.db.write() as connection:
            connection.execute(
                update(job)
                .where(job.c.worker == worker, job.c.state.in_(OPEN[1:]))
                .values(lease=now() + timedelta(seconds=lease))
            )

    def requeue_stalled(self) -> int:
        """Put jobs whose lease ran out back into the queue; they resume behind their checkpoint."""
        with self.db.write() as connection:
            stopped = connection.execute(
                update(job)
                .where(job.c.state.in_(OPEN[1:]), job.c.lease < now())
                .values(state=JobState.WAITING.value, worker=None)
            )
            return int(stopped.rowcount)

    def release(self, number: int) -> None:
        """Give a job back to the queue at once (the worker shuts down)."""
        with self.db.write() as connection:
            connection.execute(update(job).where(job.c.id == number).values(state=JobState.WAITING.value, worker=None))

    def ask_stop(self, number: int) -> Job:
        """Ask a job to stop: a waiting one ends at once, a running one at the next forward pass."""
        asked = self.get(number)
        with self.db.write() as connection:
            if asked.state is JobState.WAITING:
                connection.execute(
                    update(job).where(job.c.id == number).values(state=JobState.CANCELLED.value, finished=now())
                )
                if asked.run_id is not None:
                    change(connection, asked.run_id, state=RunState.PARTIAL.value, finished=now())
            elif asked.state is JobState.RUNNING:
                connection.execute(update(job).where(job.c.id == number).values(state=JobState.STOPPING.value))
        return self.get(number)

    def stopping(self, number: int) -> bool:
        """Whether a job was asked to stop."""
        with self.db.read() as connection:
            state = connection.execute(select(job.c.state).where(job.c.id == number)).scalar()
        return state == JobState.STOPPING.value

    def progress(self, number: int, progress: Progress) -> None:
        """Store measured progress."""
        with self.db.write() as connection:
            connection.execute(update(job).where(job.c.id == number).values(progress=progress.model_dump()))

    def log(self, number: int, line: str) -> None:
        """Append a line, with the time, to a job's log."""
        with self.db.write() as connection:
            lines = connection.execute(select(job.c.log).where(job.c.id == number)).scalar() or []
            lines = [*lines, f"{now():%H:%M:%S} {line}"][-LOG_LINES:]
            connection.execute(update(job).where(job.c.id == number).values(log=lines))

    def finish(
        self,
        number: int,
        outcome: JobState,
        *,
        error: dict[str, str] | None = None,
        rows: Iterable[ResultRow] = (),
        run_values: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job; store its run's last rows and columns in the same transaction."""
        ended = {"state": outcome.value, "finished": now(), "error": error, "lease": None}
        with self.db.write() as connection:
            connection.execute(update(job).where(job.c.id == number).values(ended))
            run_id = connection.execute(select(job.c.run_id).where(job.c.id == number)).scalar()
            if run_id is not None and run_values:
                write_rows(connection, run_id, rows)
                change(connection, run_id, finished=now(), error=error, **run_values)

    def checkpoint(
        self, run_id: int, shard: int, seconds: float, total: RunningScores | None, rows: tuple[ResultRow, ...]
    ) -> None:
        """Store a shard's rows and the sums so far in one transaction."""
        values = {"run_id": run_id, "shard": shard, "seconds": seconds, "total": packed(total)}
        with self.db.write() as connection:
            write_rows(connection, run_id, rows)
            connection.execute(job_checkpoint.delete().where(job_checkpoint.c.run_id == run_id))
            connection.execute(job_checkpoint.insert().values(**values))

    def resume(self, run_id: int) -> tuple[int, float, RunningScores | None]:
        """Number of the next shard, seconds spent, and the sums so far."""
        with self.db.read() as connection:
            found = connection.execute(select(job_checkpoint).where(job_checkpoint.c.run_id == run_id)).first()
        return (0, 0.0, None) if found is None else (found.shard + 1, found.seconds, unpacked(found.total))

    def get(self, number: int) -> Job:
        """One job.

        Raises:
            NotFound: there is no job of that number.
        """
        with self.db.read() as connection:
            found = connection.execute(select(job).where(job.c.id == number)).first()
        if found is None:
            raise NotFound("the number of a job", str(number), "Look it up in the list of jobs.")
        return _job(found)

    def of_run(self, run_id: int) -> Job | None:
        """The newest job of a run."""
        query = select(job).where(job.c.run_id == run_id).order_by(job.c.id.desc()).limit(1)
        with self.db.read() as connection:
            found = connection.execute(query).first()
        return None if found is None else _job(found)

    def all(self, limit: int = 100) -> tuple[Job, ...]:
        """Open jobs first, then the newest."""
        query = select(job).order_by(job.c.state.in_(OPEN).desc(), job.c.id.desc()).limit(limit)
        with self.db.read() as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        query = select(job.c.state, func.count()).group_by(job.c.state)
        with self.db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def ahead(self, found: Job) -> int:
        """Waiting or running jobs that come before this one."""
        query = select(func.count()).select_from(job).where(job.c.state.in_(OPEN), job.c.id < found.id)
        with self.db.read() as connection:
            return int(connection.execute(query).scalar_one())


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
    return Job.model_validate({name: values[name] for name in Job.model_fields})
