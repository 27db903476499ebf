"""The queue: claimed in one statement, leased, resumed from a checkpoint."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, select, update

from app.domain.errors import Stopped
from app.domain.results import Row as ResultRow
from app.domain.runs import Job, JobState, Lane, Progress, RunState
from app.domain.scores import RunningScores
from app.store.checkpoints import packed, unpacked
from app.store.db import now
from app.store.queue import FREE, OPEN, RUNNING, STOPPING, WAITING, Queue, job_of
from app.store.rows import write_rows
from app.store.runs import change
from app.store.tables import job, job_checkpoint, run

LOG_LINES = 200
ATTEMPTS = 3
GIVEN_UP = {
    "expected": "a worker that lives through this job",
    "found": f"{ATTEMPTS} workers in a row that ended without a word, most likely for lack of memory",
    "remedy": "Shorten the input or use a smaller model, then start it again; the system's log names what ended them.",
}


class Jobs(Queue):
    """The table of jobs: what changes it, besides what the queue tells."""

    def enqueue(self, what: str, lane: Lane, run_id: int | None = None, payload: dict[str, Any] | None = None) -> Job:
        """Add a job; a run that already has an open job gets that one back."""
        with self.db.write() as connection:
            if run_id is not None:
                query = select(job).where(job.c.run_id == run_id, job.c.state.in_(OPEN))
                row = connection.execute(query).first()
                if row is not None:
                    return job_of(row)
            values: dict[str, Any] = {
                "what": what,
                "run_id": run_id,
                "lane": lane.value,
                "state": WAITING,
                "payload": payload or {},
                "progress": Progress().model_dump(),
                "created": now(),
                "log": [],
            }
            return job_of(connection.execute(job.insert().values(**values).returning(job)).one())

    def claim(self, worker: str, lease: float, below: int = 3) -> Job | None:
        """Take the first job that is ready, of a lower rank; None if there is none."""
        while found := self.ready(below):
            for candidate in found:
                taken = self.take(candidate.id, worker, lease)
                if taken is not None:
                    return taken
        return None

    def take(self, number: int, worker: str, lease: float) -> Job | None:
        """Take a job; None if another worker was first.

        A job that was asked to stop while no worker had it is taken too, still ``stopping``, so that what was folded
        is kept.
        """
        claimed = {
            "state": case((job.c.state == STOPPING, STOPPING), else_=RUNNING),
            "worker": worker,
            "lease": now() + timedelta(seconds=lease),
            "started": now(),
            "attempts": job.c.attempts + 1,
        }
        with self.db.write() as connection:
            where = (job.c.id == number, FREE)
            row = connection.execute(update(job).where(*where).values(claimed).returning(job)).first()
            if row is not None and row.run_id is not None:
                change(connection, row.run_id, state=RunState.RUNNING.value)
        return None if row is None else job_of(row)

    def renew(self, worker: str, lease: float, held: Iterable[int]) -> None:
        """Renew the lease of the jobs that a worker is at."""
        with self.db.write() as connection:
            connection.execute(
                update(job)
                .where(job.c.id.in_(list(held)), job.c.worker == worker, job.c.state.in_(OPEN[1:]))
                .values(lease=now() + timedelta(seconds=lease))
            )

    def requeue_stalled(self) -> int:
        """Put jobs whose lease ran out back into the queue; they resume behind their checkpoint.

        A job that ended :data:`ATTEMPTS` workers in a row without finishing a shard fails instead.
        """
        with self.db.write() as connection:
            stalled = connection.execute(select(job).where(job.c.state.in_(OPEN[1:]), job.c.lease < now())).all()
            for row in stalled:
                if row.attempts >= ATTEMPTS:
                    _end(connection, row.id, JobState.FAILED, GIVEN_UP)
                    if row.run_id is not None:
                        change(connection, row.run_id, state=RunState.FAILED.value, finished=now(), error=GIVEN_UP)
                else:
                    _free(connection, row)
            return len(stalled)

    def release(self, number: int, worker: str) -> None:
        """Give a job back to the queue at once (the worker shuts down); nothing if another worker has it by now."""
        with self.db.write() as connection:
            query = select(job).where(job.c.id == number, job.c.worker == worker, job.c.state.in_(OPEN[1:]))
            row = connection.execute(query).first()
            if row is not None:
                _free(connection, row, attempts=0)

    def ask_stop(self, number: int) -> Job:
        """Ask a job to stop: a running one stops at the next forward pass, a waiting one ends at once. One that waits
        with finished shards that no result holds yet is left to a worker, which puts them together."""
        with self.db.write() as connection:
            row = connection.execute(select(job.c.state, job.c.run_id).where(job.c.id == number)).first()
            if row is not None and row.state == WAITING and _unfinished(connection, row.run_id):
                connection.execute(update(job).where(job.c.id == number).values(state=STOPPING))
            elif row is not None and row.state == WAITING:
                _end(connection, number, JobState.CANCELLED, None)
                _log(connection, number, "cancelled while it waited: nothing was computed by this job")
                if row.run_id is not None:
                    change(connection, row.run_id, state=RunState.PARTIAL.value, finished=now())
            elif row is not None and row.state == RUNNING:
                connection.execute(update(job).where(job.c.id == number).values(state=STOPPING))
        return self.get(number)

    def orders(self, number: int, worker: str) -> str | None:
        """Why a worker must leave a job: ``user`` asked for a stop, it is ``lost`` to another worker; else None."""
        with self.db.read() as connection:
            row = connection.execute(select(job.c.state, job.c.worker).where(job.c.id == number)).first()
        if row is None or row.worker != worker or row.state not in OPEN[1:]:
            return "lost"
        return "user" if row.state == STOPPING else None

    def progress(self, number: int, progress: Progress) -> None:
        """Store measured progress."""
        with self.db.write() as connection:
            connection.execute(update(job).where(job.c.id == number).values(progress=progress.model_dump()))

    def log(self, number: int, line: str) -> None:
        """Append a line, with the time, to a job's log."""
        with self.db.write() as connection:
            _log(connection, number, line)

    def finish(
        self,
        number: int,
        outcome: JobState,
        *,
        error: dict[str, str] | None = None,
        rows: Iterable[ResultRow] = (),
        run_values: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job; store its run's last rows and columns in the same transaction. Only a run that is not done keeps
        its checkpoint."""
        with self.db.write() as connection:
            _end(connection, number, outcome, error)
            run_id = connection.execute(select(job.c.run_id).where(job.c.id == number)).scalar()
            if run_id is not None and run_values:
                write_rows(connection, run_id, rows)
                change(connection, run_id, finished=now(), error=error, **run_values)
            if run_id is not None and outcome is JobState.DONE:
                connection.execute(job_checkpoint.delete().where(job_checkpoint.c.run_id == run_id))

    def checkpoint(
        self,
        run_id: int,
        shard: int,
        seconds: float,
        total: RunningScores | None,
        rows: tuple[ResultRow, ...],
        worker: str,
    ) -> None:
        """Store a shard's rows and the sums so far in one transaction.

        Raises:
            Stopped: ``lost``; the run's job is not this worker's any more, and nothing was stored.
        """
        values = {"run_id": run_id, "shard": shard, "seconds": seconds, "total": packed(total)}
        mine = (job.c.run_id == run_id, job.c.worker == worker, job.c.state.in_(OPEN[1:]))
        with self.db.write() as connection:
            if connection.execute(update(job).where(*mine).values(attempts=0)).rowcount == 0:
                raise Stopped("lost")
            write_rows(connection, run_id, rows)
            connection.execute(job_checkpoint.delete().where(job_checkpoint.c.run_id == run_id))
            connection.execute(job_checkpoint.insert().values(**values))

    def resume(self, run_id: int) -> tuple[int, float, RunningScores | None]:
        """Number of the next shard, seconds spent, and the sums so far."""
        with self.db.read() as connection:
            checkpoint = connection.execute(select(job_checkpoint).where(job_checkpoint.c.run_id == run_id)).first()
        return (
            (0, 0.0, None)
            if checkpoint is None
            else (checkpoint.shard + 1, checkpoint.seconds, unpacked(checkpoint.total))
        )


def _end(connection: Connection, number: int, outcome: JobState, error: dict[str, str] | None) -> None:
    ended = {"state": outcome.value, "finished": now(), "error": error, "lease": None}
    connection.execute(update(job).where(job.c.id == number).values(ended))


def _log(connection: Connection, number: int, line: str) -> None:
    lines = connection.execute(select(job.c.log).where(job.c.id == number)).scalar() or []
    lines = [*lines, f"{now():%H:%M:%S} {line}"][-LOG_LINES:]
    connection.execute(update(job).where(job.c.id == number).values(log=lines))


def _unfinished(connection: Connection, run_id: int | None) -> bool:
    """Whether a run has finished shards, and no numbers of them as a result yet."""
    query = select(run.c.facts).join(job_checkpoint, job_checkpoint.c.run_id == run.c.id).where(run.c.id == run_id)
    facts = connection.execute(query).scalar()
    return facts is not None and not facts.get("n")


def _free(connection: Connection, row: Row[Any], **values: Any) -> None:
    """Leave a job to the next worker; one that was asked to stop stays so."""
    state = STOPPING if row.state == STOPPING else WAITING
    connection.execute(update(job).where(job.c.id == row.id).values(state=state, worker=None, lease=None, **values))
    if row.run_id is not None:
        change(connection, row.run_id, state=RunState.WAITING.value)
