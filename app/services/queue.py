"""What pages and the command line tell of jobs: how far they are, what goes first and how long that takes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.domain.runs import Job, JobState
from app.kinds.desk import Desk
from app.store.jobs import Jobs

ALIVE_WITHIN = 10.0


@dataclass(frozen=True)
class Ahead:
    """A job with its name for people, and the seconds that it still takes; None where that is not known."""

    job: Job
    title: str
    seconds: float | None


@dataclass(frozen=True)
class Place:
    """Where a waiting job stands.

    Args:
        ahead: jobs that go first. around: the running job between whose passes it goes; None without one.
        workers: how many are alive.
    """

    ahead: tuple[Ahead, ...] = ()
    around: Ahead | None = None
    workers: int = 0

    @property
    def seconds(self) -> float | None:
        """What the jobs ahead still take; None where that of one is not known."""
        known = [one.seconds for one in self.ahead if one.seconds is not None]
        return sum(known) if len(known) == len(self.ahead) else None


@dataclass(frozen=True)
class JobView:
    """A job's page."""

    job: Job
    title: str
    place: Place

    def twin(self) -> dict[str, Any]:
        """The job, its stage, and what goes first, for programs."""
        ahead = [{"job": one.job.id, "title": one.title, "seconds": one.seconds} for one in self.place.ahead]
        around = None if self.place.around is None else self.place.around.job.id
        told = {"stage": self.job.stage, "title": self.title, "ahead": ahead, "between_passes_of": around}
        return {**self.job.model_dump(mode="json"), **told}


@dataclass(frozen=True)
class JobsView:
    """The list of jobs."""

    jobs: tuple[JobView, ...]

    def twin(self) -> list[dict[str, Any]]:
        """The same for programs."""
        return [view.twin() for view in self.jobs]


class Queue:
    """Reads the queue for people."""

    def __init__(self, jobs: Jobs, desk: Desk) -> None:
        self.jobs, self.desk = jobs, desk

    def job(self, number: int) -> JobView:
        """One job.

        Raises:
            NotFound: there is no job of that number.
        """
        job = self.jobs.get(number)
        return JobView(job, self.title(job), self.place(job))

    def all(self) -> JobsView:
        """Open jobs first, then the newest; what goes first is told on the page of each."""
        return JobsView(tuple(JobView(job, self.title(job), Place()) for job in self.jobs.all()))

    def place(self, job: Job) -> Place:
        """What a job waits for; nothing once it runs."""
        if job.state is not JobState.WAITING:
            return Place()
        around = self.jobs.around(job)
        workers = len(self.desk.registry.alive(ALIVE_WITHIN))
        ahead = tuple(self._ahead(other) for other in self.jobs.before(job))
        return Place(ahead, None if around is None else self._ahead(around), workers)

    def pill(self) -> dict[str, int]:
        """How many jobs run and wait; those that load a model or time their first inputs are told apart."""
        stages = Counter("running" if job.worker and not _told(job) else job.stage for job in self.jobs.open())
        return {"running": 0, "waiting": 0} | dict(stages)

    def title(self, job: Job) -> str:
        """What a job is about, in words."""
        if job.run_id is not None:
            return self.desk.runs.get(job.run_id).title
        return f"{job.what} {job.payload.get('model') or job.payload.get('name', '')}"

    def _ahead(self, job: Job) -> Ahead:
        return Ahead(job, self.title(job), self.seconds(job))

    def seconds(self, job: Job) -> float | None:
        """What an open job still takes: as it measures itself, else by the speed of its model on this machine."""
        progress = job.progress
        if progress.left is not None and job.worker:
            return progress.left
        rows = progress.total - progress.done or int(job.payload.get("rows", 0))
        if job.run_id is None or not rows:
            return None
        spec = self.desk.runs.get(job.run_id).spec
        speed = self.desk.speed(spec.model, spec.kind, str(spec.settings.get("method", "")))
        return None if speed is None else speed.seconds * rows


def _told(job: Job) -> bool:
    """Whether the pill tells a running job's stage apart."""
    return job.stage in ("loading", "timing")
