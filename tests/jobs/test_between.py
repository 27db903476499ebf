"""Who goes first: jobs go in between two passes of a longer one, whatever model they need, and its numbers stay."""

import gc
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from counting import Count, CountSettings, Host, Pool, asked, worker_of
from sqlalchemy import select
from tiny import save_tiny

from app.cli.telling import Telling, jobs_of, line_of
from app.domain.errors import OutOfMemory
from app.domain.runs import Job, JobState, Lane, Progress, Run, RunSpec, RunState, Stage
from app.domain.scores import RunningScores
from app.jobs import attempt
from app.jobs.base import Shard
from app.main import Golgi, build
from app.models.host import ModelHost
from app.services.queue import Place
from app.settings import Settings
from app.store.db import Database
from app.store.tables import array, blob

PASSAGES = ["rain falls because clouds hold water", "the lazy dog jumps over the quick fox", "spain is mainly plain"]
STEPS = {"adaptive": False, "steps": 300, "max_steps": 300}


@pytest.fixture(autouse=True)
def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is looked at before every pass, so that nothing here hangs on the clock."""
    monkeypatch.setattr(attempt, "LOOK_EVERY", 0.0)


def ranking(golgi: Golgi, model: str = "tiny-bert") -> Run:
    values = {"model": model, "query": "what causes rain", "passages": PASSAGES, "params": STEPS}
    return golgi.services.requests.start("explain", values)


def pair(golgi: Golgi, model: str = "tiny-bert", text: str = "rain falls") -> Run:
    values = {"model": model, "query": "why", "passages": [text], "params": {"adaptive": False, "steps": 5}}
    return golgi.services.requests.start("explain", values)


def passes(golgi: Golgi, monkeypatch: pytest.MonkeyPatch, at: int, ask: Callable[[], object]) -> list[int]:
    """The job of every pass in order, as the queue is worked off; ``ask`` is called in the middle of pass ``at``."""
    order: list[int] = []
    logits = ModelHost._logits

    def noted(self: ModelHost, *how: Any) -> torch.Tensor:
        order.append(golgi.worker.held[-1] if golgi.worker.held else 0)
        if len(order) == at:
            ask()
        return logits(self, *how)

    golgi.worker.hosts.get("tiny-bert")
    monkeypatch.setattr(ModelHost, "_logits", noted)
    while golgi.worker.run_once():
        pass
    monkeypatch.setattr(ModelHost, "_logits", logits)
    return order


def bytes_of(golgi: Golgi, number: int) -> list[tuple[Any, ...]]:
    columns = (array.c.name, array.c.part, array.c.layer, array.c.n, blob.c.bytes)
    query = (
        select(*columns).join(blob, blob.c.id == array.c.blob_id).where(array.c.run_id == number).order_by(array.c.id)
    )
    with golgi.db.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def undisturbed(golgi: Golgi, models_dir: Path, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What the ranking gives where nobody goes in between."""
    other = build(
        Settings(data_dir=tmp_path / "alone", models_dir=models_dir, offline=True, device="cpu"), recorded=None
    )
    run = ranking(other)
    other.worker.run_once()
    found = bytes_of(other, run.id)
    other.db.close()
    return found


def test_a_pair_goes_in_between_two_passes_of_a_ranking(
    golgi: Golgi, monkeypatch: pytest.MonkeyPatch, undisturbed: list[tuple[Any, ...]]
) -> None:
    long, asked_for = ranking(golgi), []
    order = passes(golgi, monkeypatch, 3, lambda: asked_for.append(pair(golgi)))
    first, between = (golgi.services.jobs.of_run(run.id).id for run in (long, *asked_for))
    own = [at for at, job in enumerate(order) if job == between]
    assert order[:3] == [first] * 3, "it runs"
    assert own == list(range(3, 3 + len(own))), "the pair's passes follow the very next one, and stand together"
    assert order[3 + len(own) :].count(first) > 3, "and the ranking goes on behind them"
    assert bytes_of(golgi, long.id) == undisturbed, "with the same numbers"
    assert golgi.services.jobs.get(first).progress.done == sum(3 * [301])


def test_a_pair_that_needs_another_model_goes_in_between(
    golgi: Golgi, monkeypatch: pytest.MonkeyPatch, undisturbed: list[tuple[Any, ...]]
) -> None:
    long, asked_for = ranking(golgi), []
    order = passes(golgi, monkeypatch, 3, lambda: asked_for.append(pair(golgi, "tiny-two")))
    first, between = (golgi.services.jobs.of_run(run.id).id for run in (long, *asked_for))
    assert order[:4] == [first] * 3 + [between] and order[-1] == first
    assert bytes_of(golgi, long.id) == undisturbed
    assert not any("made way" in line for line in golgi.services.jobs.get(first).log), "both have room"


def test_a_model_that_has_no_room_beside_it_gets_it(
    golgi: Golgi, monkeypatch: pytest.MonkeyPatch, undisturbed: list[tuple[Any, ...]]
) -> None:
    hosts, long, asked_for, alive = golgi.worker.hosts, ranking(golgi), [], []
    held = weakref.ref(hosts.get("tiny-bert"))
    hosts.budget = int(1.2 * hosts.get("tiny-bert").card.bytes)
    load = type(hosts)._loaded

    def watched(self: Any, name: str) -> ModelHost:
        gc.collect()
        alive.append((name, held() is not None))
        return load(self, name)

    monkeypatch.setattr(type(hosts), "_loaded", watched)
    passes(golgi, monkeypatch, 3, lambda: asked_for.append(pair(golgi, "tiny-two")))
    assert alive == [("tiny-two", False), ("tiny-bert", False)], "the first was gone before the second came"
    assert bytes_of(golgi, long.id) == undisturbed
    log = golgi.services.jobs.of_run(long.id).log
    assert any("made way" in line for line in log)
    assert golgi.services.runs.get(asked_for[0].id).state is RunState.DONE


def test_what_does_not_fit_into_the_memory_beside_a_run_waits_for_it_to_let_go(db: Database) -> None:
    worker, order = worker_of(db, kind := Count()), []

    def worked(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        order.append((settings.name, shard.number))
        if settings.name == "batch" and shard.number == 0 and order.count(("batch", 0)) == 1:
            asked(worker, name="quick", lane=Lane.INTERACTIVE, items=1)
        if settings.name == "quick" and sum(one.hand is not None for one in worker.attempts) > 1:
            raise OutOfMemory("room", "none", "Shorten.")

    kind.worked = worked
    run, _ = asked(worker, name="batch", items=2)
    worker.run_once()
    tried, again = ("quick", 0), ("batch", 0)
    assert order == [("batch", 0), tried, tried, again, ("batch", 1)], "once beside the run, once by itself"
    assert worker.runs.get(run.id).facts["n"] == 2
    assert {job.state for job in worker.jobs.all()} == {JobState.DONE}


def test_while_a_run_is_planned_others_go_in_too(db: Database) -> None:
    worker = worker_of(db, kind := Count())
    kind.planned = lambda settings: settings.name == "batch" and asked(worker, name="quick", lane=Lane.INTERACTIVE)
    asked(worker, name="batch")
    worker.run_once()
    assert [name for name, _ in kind.seen] == ["quick"] * 3 + ["batch"] * 3


@pytest.mark.parametrize(
    ("own", "other", "goes"),
    [
        ((Lane.BATCH, False), (Lane.INTERACTIVE, False), True),
        ((Lane.BATCH, False), (Lane.INTERACTIVE, True), True),
        ((Lane.INTERACTIVE, False), (Lane.INTERACTIVE, True), True),
        ((Lane.INTERACTIVE, False), (Lane.INTERACTIVE, False), False),
        ((Lane.INTERACTIVE, True), (Lane.INTERACTIVE, True), False),
        ((Lane.BATCH, False), (Lane.BATCH, False), False),
    ],
)
def test_who_lets_whom_in(db: Database, own: tuple[Lane, bool], other: tuple[Lane, bool], goes: bool) -> None:
    worker = worker_of(db, kind := Count())

    def ask(name: str, lane: Lane, brief: bool) -> Job:
        run, _ = worker.runs.create(spec_of(name, lane), name, name)
        return worker.jobs.enqueue("run", lane, run.id, {"brief": brief})

    def spec_of(name: str, lane: Lane) -> RunSpec:
        settings = {"name": name, "lane": lane.value}
        return RunSpec(kind="count", version=1, model="m", weights_hash="w", settings=settings)

    first = ask("first", *own)
    kind.worked = lambda settings, *_: settings.name == "first" and not len(kind.seen) > 1 and ask("second", *other)
    assert worker.run_once()
    second = next(job for job in worker.jobs.all() if job.id != first.id)
    assert (second.state is JobState.DONE) is goes


@pytest.mark.parametrize(
    ("values", "rank"),
    [
        ({"passages": ["rain"]}, 0),
        ({"passages": ["rain"] * 50}, 1),
        ({"passages": ["rain", "sun"], "target": {"name": "pairwise"}}, 0),
        ({"model": "tiny-gpt2", "query": "the quick"}, 0),
    ],
)
def test_inputs_of_one_question_are_interactive(golgi: Golgi, values: Mapping[str, Any], rank: int) -> None:
    run = golgi.services.requests.start("explain", {"model": "tiny-bert", "query": "why", **values})
    job = golgi.services.jobs.of_run(run.id)
    assert (job.lane, job.rank) == (Lane.INTERACTIVE, rank)


def test_a_stop_puts_together_what_an_earlier_worker_finished(db: Database) -> None:
    worker = worker_of(db, Count())
    run, made = asked(worker, items=5)
    worker.jobs.claim("dead", -1)
    worker.runs.change(run.id, plan={"items": 5, "rows": 8})
    worker.jobs.checkpoint(run.id, 1, 2.0, RunningScores(("all",), 2), (), "dead")
    worker.jobs.requeue_stalled()
    worker.jobs.ask_stop(made.id)
    assert worker.run_once()
    stopped = worker.runs.get(run.id)
    assert stopped.state is RunState.PARTIAL and stopped.facts["n"] == 2 and stopped.seconds >= 2.0
    assert worker.jobs.get(made.id).log[-1].endswith("kept 2 of 5 things")


def test_a_stop_before_anything_is_finished_says_that_nothing_is_kept(db: Database) -> None:
    worker = worker_of(db, kind := Count())
    _, made = asked(worker)
    kind.worked = lambda *_: worker.jobs.ask_stop(made.id)
    worker.run_once()
    ended = worker.jobs.get(made.id)
    assert ended.state is JobState.CANCELLED and ended.progress.kept == ""
    assert ended.log[-1].endswith("nothing was finished, so nothing is kept")


def test_loading_timing_and_running_are_told_apart(db: Database) -> None:
    pool, told = Pool(), []
    worker = worker_of(db, kind := Count(), pool)
    get = pool.get

    def stage(*_: Any) -> None:
        told.append((worker.jobs.get(made.id).stage, line_of(worker.jobs.get(made.id), Place())))

    pool.get = lambda *how: (stage(), get(*how))[1]  # type: ignore[method-assign]
    kind.planned = kind.worked = stage
    _, made = asked(worker, items=1)
    stage()
    worker.run_once()
    assert [name for name, _ in told] == ["waiting", "loading", "timing", "running"]
    assert len({line for _, line in told}) == 4
    assert worker.jobs.get(made.id).stage == "done" and worker.jobs.get(made.id).progress.stage is Stage.RUNNING


@pytest.fixture
def elsewhere(golgi: Golgi, tmp_path: Path) -> Golgi:
    """A second process on the same database, with a models folder of its own."""
    save_tiny(tmp_path / "own" / "only-here")
    save_tiny(tmp_path / "own" / "tiny-bert", seed=7)
    settings = golgi.settings.model_copy(update={"models_dir": tmp_path / "own"})
    return build(settings, recorded=None)


@pytest.mark.parametrize("model", ["only-here", "tiny-bert"])
def test_a_job_is_done_from_the_folder_of_the_process_that_asked(golgi: Golgi, elsewhere: Golgi, model: str) -> None:
    run = pair(elsewhere, model)
    assert golgi.worker.run_once()
    done = golgi.services.runs.get(run.id)
    assert done.state is RunState.DONE and done.environment["weights_hash"] == run.spec.weights_hash


@pytest.mark.parametrize("model", ["only-here", "tiny-bert"])
def test_a_worker_leaves_a_job_alone_whose_model_it_does_not_see(golgi: Golgi, elsewhere: Golgi, model: str) -> None:
    run = pair(elsewhere, model)
    folder = elsewhere.settings.models_dir
    hidden = folder.rename(folder.with_name("moved"))
    assert not golgi.worker.run_once() and not golgi.worker.run_once()
    job = golgi.services.jobs.of_run(run.id)
    assert job.state is JobState.WAITING and sum("does not see" in line for line in job.log) == 1
    hidden.rename(folder)
    assert elsewhere.worker.run_once()
    assert golgi.services.runs.get(run.id).state is RunState.DONE


def test_a_command_does_its_own_job_and_leaves_the_others(golgi: Golgi) -> None:
    other, own = ranking(golgi), pair(golgi)
    golgi.worker.only = jobs_of(golgi, own)
    assert golgi.worker.run_once() and not golgi.worker.run_once()
    assert golgi.services.runs.get(own.id).state is RunState.DONE
    assert golgi.services.runs.get(other.id).state is RunState.WAITING


def test_a_model_in_use_is_not_unloaded(golgi: Golgi) -> None:
    worker, hosts = golgi.worker, golgi.worker.hosts
    host = hosts.get("tiny-bert")

    class Held:
        hand = attempt.Hand(host, None)  # type: ignore[arg-type]

    worker.attempts.append(Held())  # type: ignore[arg-type]
    job = golgi.services.catalogue.unload("tiny-bert")
    worker.run_once()
    assert hosts.loaded() and "stays" in worker.jobs.get(job.id).log[-1]
    worker.attempts.clear()
    job = golgi.services.catalogue.unload("tiny-bert")
    worker.run_once()
    assert not hosts.loaded() and "unloaded" in worker.jobs.get(job.id).log[-1]


def test_a_host_counts_the_time_of_others(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(attempt.time, "monotonic", lambda: now[0])
    pool = Pool()
    worker = worker_of(db, kind := Count(), pool)

    def worked(settings: CountSettings, plan: Mapping[str, Any], shard: Shard) -> None:
        now[0] += 1.0 if settings.name == "batch" else 40.0
        if settings.name == "batch" and shard.number == 0:
            asked(worker, name="quick", lane=Lane.INTERACTIVE, items=1)

    kind.worked = worked
    run, _ = asked(worker, name="batch", items=2)
    worker.run_once()
    assert isinstance(pool.host, Host) and pool.host.away == 40.0
    assert worker.runs.get(run.id).seconds == 2.0


def test_a_command_tells_every_stage_once(golgi: Golgi, capsys: pytest.CaptureFixture[str]) -> None:
    run = ranking(golgi)
    telling = Telling(golgi, run)
    for _ in range(2):
        telling.look()
    job = golgi.services.jobs.claim("w", 60)
    golgi.services.jobs.progress(job.id, Progress(stage=Stage.LOADING))
    telling.look()
    golgi.services.jobs.log(job.id, "stopped after 1.00 s: kept 1 of 3 inputs")
    golgi.services.jobs.finish(job.id, JobState.CANCELLED)
    telling.start()
    telling.end()
    told = capsys.readouterr().err.splitlines()
    assert told == [f"job {job.id}: {words}" for words in ("waiting", "loading the model", told[-1].partition(": ")[2])]
    assert told[-1].endswith("kept 1 of 3 inputs")


def test_an_import_is_not_looked_for_among_models(golgi: Golgi, tmp_path: Path) -> None:
    golgi.services.jobs.enqueue("import", Lane.BATCH, payload={"name": "mine", "folder": str(tmp_path / "gone")})
    assert golgi.worker.run_once(), "it fails with a sentence, and does not wait"
    assert golgi.services.jobs.all()[0].state is JobState.FAILED
