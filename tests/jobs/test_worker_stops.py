"""The worker when things go wrong: stops at odd moments, shutdown, lost leases, a blocked pool, a failing database."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from counting import Count, CountSettings, Host, Pool, asked, worker_of
from sqlalchemy import select, update

from app.domain.errors import OutOfMemory, Stopped
from app.domain.runs import Job, JobState, Lane, RunState
from app.domain.scores import RunningScores
from app.jobs.base import Shard
from app.store.db import Database, now
from app.store.tables import job, job_checkpoint


def test_a_stop_while_planning_is_obeyed(db: Database) -> None:
    worker = worker_of(db, Count(planned=lambda _: stop()))
    run, made = asked(worker)

    def stop() -> None:
        worker.jobs.ask_stop(made.id)
        time.sleep(0.3)

    assert worker.run_once()
    assert worker.jobs.get(made.id).state is JobState.CANCELLED
    assert worker.runs.get(run.id).state is RunState.PARTIAL
    assert not worker.run_once(), "the stopped job is not taken up again"


def test_a_stop_survives_the_death_of_the_worker(db: Database) -> None:
    kind = Count()
    worker = worker_of(db, kind)
    run, made = asked(worker)
    worker.jobs.claim("dead", -1)
    worker.jobs.checkpoint(run.id, 0, 1.0, RunningScores(("all",), 1), (), "dead")
    worker.jobs.ask_stop(made.id)
    assert worker.jobs.requeue_stalled() == 1
    assert worker.run_once()
    assert worker.jobs.get(made.id).state is JobState.CANCELLED
    assert worker.runs.get(run.id).state is RunState.PARTIAL
    assert len(kind.seen) <= 1, "nothing is computed for a run that was asked to stop"


def test_a_shutdown_gives_an_interactive_job_back_from_inside_a_batch_job(db: Database) -> None:
    worker = worker_of(db, kind := Count())

    def worked(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        if settings.name == "batch":
            asked(worker, name="quick", lane=Lane.INTERACTIVE)
        else:
            worker.closing.set()
            time.sleep(0.3)

    kind.worked = worked
    asked(worker, name="batch")
    thread = threading.Thread(target=worker.run_once, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive(), "the worker ends"
    assert worker.jobs.counts() == {"waiting": 2}
    assert {run.state for run in worker.runs.find(filters={})[0]} == {RunState.WAITING}
    assert len(kind.seen) == 2


@pytest.mark.parametrize("wait", [0.3, 0.0], ids=["seen before a pass", "seen at the checkpoint"])
def test_a_worker_that_lost_its_job_leaves_it_alone(db: Database, wait: float) -> None:
    worker = worker_of(db, kind := Count())
    run, made = asked(worker)

    def taken(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        with db.write() as connection:
            connection.execute(update(job).where(job.c.id == made.id).values(worker="other"))
        time.sleep(wait)

    kind.worked = taken
    worker.run_once()
    with db.read() as connection:
        found = connection.execute(select(job).where(job.c.id == made.id)).one()
    assert (found.state, found.worker) == ("running", "other")
    assert worker.results.items(run.id) == (), "its shard is not stored either"


def test_the_lease_is_renewed_while_a_model_loads(db: Database) -> None:
    pool = Pool()
    worker = worker_of(db, Count(), pool, lease=1.6)
    _, made = asked(worker)
    pool.gate.clear()
    thread = threading.Thread(target=worker.run_forever, daemon=True)
    thread.start()
    time.sleep(2.6)
    second = worker_of(db, Count())
    assert second.jobs.requeue_stalled() == 0, "the lease ran out during the load"
    assert len(second.registry.alive(10)) == 1
    pool.gate.set()
    for _ in range(100):
        if worker.jobs.get(made.id).state is JobState.DONE:
            break
        time.sleep(0.05)
    worker.closing.set()
    thread.join(timeout=10)
    assert worker.jobs.get(made.id).state is JobState.DONE
    assert worker.registry.alive(60) == (), "a worker that ended is not listed"


def test_the_worker_outlives_an_error_of_the_database(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = worker_of(db, Count(), lease=1.2)
    ready, failures = worker.jobs.ready, []

    def flaky(*args: Any) -> tuple[Job, ...]:
        if not failures:
            failures.append(1)
            raise OSError("disk full")
        return ready(*args)

    monkeypatch.setattr(worker.jobs, "ready", flaky)
    _, made = asked(worker)
    thread = threading.Thread(target=worker.run_forever, daemon=True)
    thread.start()
    for _ in range(100):
        if worker.jobs.get(made.id).state is JobState.DONE:
            break
        time.sleep(0.05)
    worker.closing.set()
    thread.join(timeout=10)
    assert failures and worker.jobs.get(made.id).state is JobState.DONE


def test_a_job_that_kills_its_worker_is_given_up_after_three_times(db: Database) -> None:
    worker = worker_of(db, Count())
    run, made = asked(worker)
    for _ in range(3):
        assert worker.jobs.claim("dead", -1).id == made.id
        worker.jobs.requeue_stalled()
    assert worker.jobs.claim("next", 60) is None
    assert worker.jobs.get(made.id).state is JobState.FAILED
    failed = worker.runs.get(run.id)
    assert failed.state is RunState.FAILED and failed.error["remedy"]


def test_progress_between_two_deaths_counts_as_a_new_start(db: Database) -> None:
    worker = worker_of(db, Count())
    run, made = asked(worker)
    for shard in range(5):
        assert worker.jobs.claim("dead", -1).id == made.id
        worker.jobs.checkpoint(run.id, shard, 1.0, None, (), "dead")
        worker.jobs.requeue_stalled()
    assert worker.jobs.get(made.id).state is JobState.WAITING


def test_a_finished_run_keeps_no_checkpoint(db: Database) -> None:
    worker = worker_of(db, Count())
    run, _ = asked(worker)
    worker.run_once()
    assert worker.runs.get(run.id).facts["n"] == 3
    with db.read() as connection:
        assert connection.execute(select(job_checkpoint.c.run_id)).all() == []


def test_seconds_and_rate_leave_other_jobs_out(db: Database) -> None:
    worker = worker_of(db, kind := Count())

    def worked(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        if settings.name == "batch" and shard.number == 0:
            asked(worker, name="quick", lane=Lane.INTERACTIVE, items=1)
        if settings.name == "quick":
            time.sleep(1.0)

    kind.worked = worked
    run, _ = asked(worker, name="batch")
    worker.run_once()
    assert [name for name, _ in kind.seen] == ["batch", "quick", "batch", "batch"]
    assert worker.runs.get(run.id).seconds < 0.9


@pytest.mark.parametrize("error", [OutOfMemory("room", "none", "Shorten."), torch.cuda.OutOfMemoryError("full")])
def test_out_of_memory_twice_fails_with_a_remedy(db: Database, error: Exception) -> None:
    worker = worker_of(db, kind := Count())

    def worked(*_: object) -> None:
        raise error

    kind.worked = worked
    run, _ = asked(worker)
    worker.run_once()
    failed = worker.runs.get(run.id)
    assert len(kind.seen) == 2 and failed.plan["rows"] == 4
    assert failed.state is RunState.FAILED
    assert "program" not in failed.error["found"] and failed.error["remedy"]


def test_no_host_keeps_a_hook_of_a_job_that_ended(db: Database) -> None:
    pool = Pool()
    worker = worker_of(db, kind := Count(), pool)
    first = pool.host

    def evicted(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        pool.host = Host()

    kind.worked = evicted
    asked(worker, items=1)
    worker.run_once()
    worker.closing.set()
    for host in (first, pool.host):
        assert not stops(host), "a host still calls the job that ended"


def stops(host: Host) -> bool:
    """Whether what a host calls between two passes stops it."""
    try:
        host.between()
    except Stopped:
        return True
    return False


def test_only_held_jobs_are_renewed(db: Database) -> None:
    worker = worker_of(db, Count())
    _, made = asked(worker)
    assert worker.jobs.claim(worker.name, -1).id == made.id
    worker.renew()
    assert worker.jobs.requeue_stalled() == 1, "a job that this worker is not at is not held"


def test_times_are_utc(db: Database) -> None:
    worker = worker_of(db, Count())
    run, _ = asked(worker)
    assert abs((now() - run.created).total_seconds()) < 5
