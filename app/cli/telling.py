"""What a command tells while its run waits and works."""

import sys
import threading

from app.domain.runs import Job, Run
from app.main import Golgi
from app.services.queue import Place

EVERY = 0.3
"""Seconds between two looks at the job."""


def jobs_of(golgi: Golgi, run: Run) -> frozenset[int]:
    """Numbers of the open jobs of a run, and of the runs that it reads."""
    services = golgi.services
    job = services.jobs.of_run(run.id)
    own = {job.id} if job is not None and job.open else set()
    return frozenset(own.union(*(jobs_of(golgi, source) for source in services.runs.inputs(run.id).values())))


def line_of(job: Job, place: Place) -> str:
    """What a job does, in one line."""
    progress = job.progress
    if job.stage == "waiting":
        first = ", ".join(f"job {one.job.id}" for one in place.ahead)
        around = "" if place.around is None else f", between two passes of job {place.around.job.id}"
        return f"waiting{f' for {first}' if first else ''}{around}"
    words = {"loading": "loading the model", "timing": "timing: what is to be computed is chosen and tried"}
    told = words.get(job.stage, job.stage)
    return f"{told}: {progress.total:,} {progress.unit}" if progress.total and job.stage == "running" else told


class Telling(threading.Thread):
    """Writes a line to standard error whenever the job of a run does something else, and how a stopped one ended."""

    def __init__(self, golgi: Golgi, run: Run) -> None:
        super().__init__(daemon=True)
        self.golgi, self.run_id, self.over, self.last = golgi, run.id, threading.Event(), ""

    def run(self) -> None:
        """Look, until the run has ended."""
        while not self.over.wait(EVERY):
            self.look()

    def look(self) -> None:
        """Tell what is new."""
        job = self.golgi.services.jobs.of_run(self.run_id)
        if job is None or not job.open:
            return
        line = line_of(job, self.golgi.services.queue.place(job))
        if line != self.last:
            sys.stderr.write(f"job {job.id}: {line}\n")
            sys.stderr.flush()
        self.last = line

    def end(self) -> None:
        """Look no more; of a stopped run its job's last word is told, which says what is kept."""
        self.over.set()
        self.join(timeout=5)
        job = self.golgi.services.jobs.of_run(self.run_id)
        if job is not None and job.state.value == "cancelled" and job.log:
            sys.stderr.write(f"job {job.id}: {job.log[-1].partition(' ')[2]}\n")
