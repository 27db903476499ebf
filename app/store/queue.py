"""The queue as it stands: what waits, in which order, and what is before what."""

from typing import Any

from sqlalchemy import Row, case, func, or_, select

from app.domain.errors import NotFound
from app.domain.runs import Job, JobState, Lane, RunState
from app.store.db import Database
from app.store.tables import job, run, run_input

WAITING, RUNNING, STOPPING = JobState.WAITING.value, JobState.RUNNING.value, JobState.STOPPING.value
OPEN = (WAITING, RUNNING, STOPPING)
FREE = or_(job.c.state == WAITING, (job.c.state == STOPPING) & job.c.worker.is_(None))
"""Jobs that no worker has."""
LOOKED_AT = 50
_RANK = case((job.c.lane == Lane.BATCH.value, 2), (job.c.payload["brief"].as_boolean(), 0), else_=1)
"""The same as :attr:`app.domain.runs.Job.rank`."""


class Queue:
    """What the table of jobs tells."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def ready(self, below: int = 3) -> tuple[Job, ...]:
        """Jobs of a lower rank that could be taken now, the next one first: their input runs are done."""
        pending = (
            select(run_input.c.run_id)
            .join(run, run.c.id == run_input.c.input_id)
            .where(run.c.state.in_((RunState.WAITING.value, RunState.RUNNING.value)))
        )
        free = (FREE, job.c.run_id.is_(None) | job.c.run_id.not_in(pending))
        query = select(job).where(*free, below > _RANK).order_by(_RANK, job.c.id).limit(LOOKED_AT)
        with self.db.read() as connection:
            return tuple(job_of(row) for row in connection.execute(query))

    def open(self) -> tuple[Job, ...]:
        """Jobs that wait or run, in the order in which they go."""
        query = select(job).where(job.c.state.in_(OPEN)).order_by(_RANK, job.c.id)
        with self.db.read() as connection:
            return tuple(job_of(row) for row in connection.execute(query))

    def before(self, this: Job) -> tuple[Job, ...]:
        """What a waiting job waits for: the waiting ones that go first, and the running ones that do not let it in."""
        if this.state is not JobState.WAITING:
            return ()
        return tuple(
            other
            for other in self.open()
            if other.id != this.id
            and ((other.rank, other.id) < (this.rank, this.id) or (other.worker and other.rank <= this.rank))
        )

    def around(self, this: Job) -> Job | None:
        """The running job between whose passes a waiting one goes, once it is the next."""
        if this.state is not JobState.WAITING:
            return None
        return next((other for other in self.open() if other.worker and other.rank > this.rank), None)

    def get(self, number: int) -> Job:
        """One job.

        Raises:
            NotFound: there is no job of that number.
        """
        with self.db.read() as connection:
            row = connection.execute(select(job).where(job.c.id == number)).first()
        if row is None:
            raise NotFound("the number of a job", str(number), "Look it up in the list of jobs.")
        return job_of(row)

    def of_run(self, run_id: int) -> Job | None:
        """The newest job of a run."""
        query = select(job).where(job.c.run_id == run_id).order_by(job.c.id.desc()).limit(1)
        with self.db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else job_of(row)

    def all(self, limit: int = 100) -> tuple[Job, ...]:
        """Open jobs first, then the newest."""
        query = select(job).order_by(job.c.state.in_(OPEN).desc(), job.c.id.desc()).limit(limit)
        with self.db.read() as connection:
            return tuple(job_of(row) for row in connection.execute(query))

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        query = select(job.c.state, func.count()).group_by(job.c.state)
        with self.db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def job_of(row: Row[Any]) -> Job:
    """A row as a job."""
    values = dict(row._mapping)
    return Job.model_validate({name: values[name] for name in Job.model_fields})
