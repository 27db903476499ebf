"""The worker end to end on a tiny model: results, stop, crash and resume, lanes, failures."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from tiny import save_tiny

from app.domain.errors import OutOfMemory, Stopped
from app.domain.runs import JobState, RunState
from app.kinds.explain.work import ExplainWork
from app.main import Golgi, build
from app.settings import Settings
from app.store.tables import array, blob

QUERY = "what causes rain"
PASSAGES = ["rain falls because clouds hold water", "the lazy dog jumps over the quick fox", "spain is mainly plain"]


def explain(golgi: Golgi, passages: list[str] = PASSAGES, **params: object):
    settings = {"adaptive": False, "steps": 6, **params}
    values = {"model": "tiny-bert", "query": QUERY, "passages": passages, "params": settings}
    return golgi.services.requests.start("explain", values)


def bytes_of(golgi: Golgi, number: int) -> list[tuple[object, ...]]:
    query = (
        select(array.c.group, array.c.name, array.c.part, array.c.layer, array.c.n, blob.c.bytes)
        .join(blob, blob.c.id == array.c.blob_id)
        .where(array.c.run_id == number)
        .order_by(array.c.id)
    )
    with golgi.db.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_an_explanation_is_stored_whole(golgi: Golgi) -> None:
    run = explain(golgi, steps=200)
    assert golgi.worker.run_once() and not golgi.worker.run_once()
    done = golgi.services.runs.get(run.id)
    assert done.state is RunState.DONE and done.seconds > 0 and done.facts["n"] == 3
    assert done.environment["torch"] and done.environment["device"].startswith("cpu")
    results = golgi.worker.results
    scores = results.scores(run.id)
    items = results.items(run.id)
    assert len(scores.space) == 72 and scores.n == 3 and len(items) == 3
    np.testing.assert_allclose(scores.mean[0], scores.mean[1:].sum(axis=0), atol=1e-5)
    for item in items:
        total = sum(token["score"] for token in item.tokens)
        change = item.values["target"] - item.values["baseline"]
        assert total == pytest.approx(change, abs=0.05 * abs(change) + 1e-3)
    top = results.top(run.id, limit=72)
    assert [n.score for n in top] == sorted((n.score for n in top), reverse=True)


def test_a_mean_over_passages_is_the_mean_of_single_runs(golgi: Golgi) -> None:
    together = explain(golgi)
    singles = [explain(golgi, [text]) for text in PASSAGES]
    while golgi.worker.run_once():
        pass
    results = golgi.worker.results
    mean = np.mean([results.scores(run.id).mean for run in singles], axis=0)
    np.testing.assert_allclose(results.scores(together.id).mean, mean, atol=1e-6)


def test_a_stop_keeps_what_was_folded_and_resumes(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = explain(golgi)
    golgi.worker.run_once()
    reference = bytes_of(golgi, whole.id)
    run = explain(golgi, adaptive=False, steps=7)
    work, calls = ExplainWork.work, []

    def stopped(self, plan, shard):
        calls.append(shard.number)
        if shard.number == 1 and len(calls) == 2:
            raise Stopped("user")
        return work(self, plan, shard)

    monkeypatch.setattr(ExplainWork, "work", stopped)
    golgi.worker.run_once()
    partial = golgi.services.runs.get(run.id)
    assert partial.state is RunState.PARTIAL and partial.facts["n"] == 1
    assert len(golgi.worker.results.items(run.id)) == 1
    golgi.services.requests.resume(run.id)
    golgi.worker.run_once()
    assert golgi.services.runs.get(run.id).state is RunState.DONE
    assert calls == [0, 1, 1, 2], "the finished shard is not done again"
    assert len(bytes_of(golgi, run.id)) == len(reference)


def test_stop_is_read_between_forward_passes(golgi: Golgi) -> None:
    run = explain(golgi, [" ".join(PASSAGES)], steps=4096, max_steps=4096)
    thread = threading.Thread(target=golgi.worker.run_once)
    thread.start()
    job = golgi.services.jobs.of_run(run.id)
    for _ in range(300):
        if golgi.services.jobs.get(job.id).state is JobState.RUNNING:
            break
        time.sleep(0.02)
    golgi.services.jobs.ask_stop(job.id)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert golgi.services.jobs.get(job.id).state is JobState.CANCELLED
    assert golgi.services.runs.get(run.id).state is RunState.PARTIAL


CHILD = """
import sys; sys.path.insert(0, sys.argv[3])
import torch; torch.set_num_threads(1)
from pathlib import Path
from app.main import build
from app.settings import Settings
data, models = map(Path, sys.argv[1:3])
golgi = build(Settings(data_dir=data, models_dir=models, offline=True, device="cpu", lease_seconds=1.5), recorded=None)
golgi.worker.run_forever()
"""


def test_kill_9_and_resume_give_the_same_bytes(models_dir: Path, tmp_path: Path, golgi: Golgi) -> None:
    passages = [f"{PASSAGES[n % 3]} {'abcdefgh'[n % 8]}" for n in range(24)]
    other = build(
        Settings(data_dir=tmp_path / "crash", models_dir=models_dir, offline=True, device="cpu", lease_seconds=1.5),
        recorded=None,
    )
    run = explain(other, passages, steps=150, max_steps=150)
    root = str(Path(__file__).resolve().parents[2])
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "crash"), str(models_dir), root])
    for _ in range(1500):
        done = len(other.worker.results.items(run.id))
        if done >= 3 or child.poll() is not None:
            break
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    done = len(other.worker.results.items(run.id))
    assert 3 <= done < 24, f"killed too late or too early: {done}"
    for _ in range(200):
        if other.services.jobs.requeue_stalled():
            break
        time.sleep(0.05)
    assert other.worker.run_once()
    assert other.services.runs.get(run.id).state is RunState.DONE
    job = other.services.jobs.of_run(run.id)
    assert any("resumed behind shard" in line for line in job.log)
    straight = explain(golgi, passages, steps=150, max_steps=150)
    golgi.worker.run_once()
    assert straight.fingerprint == run.fingerprint
    assert bytes_of(other, run.id) == bytes_of(golgi, straight.id)
    other.db.close()


def test_one_pair_overtakes_a_ranking(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = explain(golgi)
    order: list[int] = []
    work = ExplainWork.work

    def noted(self, plan, shard):
        order.append(len(self.question.passages))
        if shard.number == 0 and len(self.question.passages) == 3:
            explain(golgi, [PASSAGES[0]], steps=5)
        return work(self, plan, shard)

    monkeypatch.setattr(ExplainWork, "work", noted)
    golgi.worker.run_once()
    assert order == [3, 1, 3, 3]
    assert golgi.services.jobs.of_run(batch.id).rank == 1


def test_errors_become_sentences(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    run = explain(golgi)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(ExplainWork, "work", broken)
    golgi.worker.run_once()
    failed = golgi.services.runs.get(run.id)
    assert failed.state is RunState.FAILED and failed.error["remedy"]
    assert "secret" not in str(failed.error)


def test_out_of_memory_is_tried_once_with_half(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.kinds.ablate.work import AblateWork

    source = explain(golgi)
    golgi.worker.run_once()
    run = golgi.services.requests.start("ablate", {"source": str(source.id)})
    work, sizes = AblateWork.work, []

    def tight(self, plan, shard):
        sizes.append(plan["rows"])
        if not plan.get("halved"):
            raise OutOfMemory("room", "none", "Shorten.")
        return work(self, plan, shard)

    monkeypatch.setattr(AblateWork, "work", tight)
    golgi.worker.run_once()
    assert sizes[1] == sizes[0] // 2 and golgi.services.runs.get(run.id).plan["halved"]
    assert golgi.services.runs.get(run.id).state is RunState.DONE


def test_load_and_unload(golgi: Golgi) -> None:
    golgi.services.catalogue.load("tiny-bert")
    golgi.worker.run_once()
    view = golgi.services.catalogue.model("tiny-bert")
    assert view.loaded and len(view.card.checks) == 11
    golgi.services.catalogue.unload("tiny-bert")
    golgi.worker.run_once()
    assert not golgi.services.catalogue.model("tiny-bert").loaded


def test_a_failed_run_goes_on_behind_its_checkpoint(golgi: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    run = explain(golgi, PASSAGES)
    work, seen = ExplainWork.work, []

    def once(self, plan, shard):
        seen.append(shard.number)
        if seen == [0, 1]:
            raise ZeroDivisionError
        return work(self, plan, shard)

    monkeypatch.setattr(ExplainWork, "work", once)
    golgi.worker.run_once()
    assert golgi.services.runs.get(run.id).state is RunState.FAILED
    golgi.services.requests.resume(run.id)
    golgi.worker.run_once()
    assert seen == [0, 1, 1, 2]
    assert golgi.services.runs.get(run.id).state is RunState.DONE


def test_a_worker_process_ends_when_asked(models_dir: Path, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    words = ["worker", "--data-dir", str(tmp_path), "--models-dir", str(models_dir), "--device", "cpu"]
    child = subprocess.Popen([sys.executable, "-m", "app", *words], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and "ends it" in child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0
    child.stdout.close()


def outside(tmp_path: Path, seed: int = 3) -> Path:
    """A model folder outside the models folder."""
    return save_tiny(tmp_path / "elsewhere" / "tiny-out", seed=seed)


def interrupted(golgi: Golgi, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A batch over an outside model, whose first shard lets another model in that pushes it out; its run's number."""
    values = {"model": str(folder), "query": QUERY, "passages": PASSAGES, "params": {"steps": 4, "adaptive": False}}
    run = golgi.services.requests.start("explain", values)
    work = ExplainWork.work

    def noted(self, plan, shard):
        if len(self.question.passages) == 3 and shard.number == 0:
            golgi.worker.hosts.budget = golgi.worker.hosts.get(str(folder)).card.bytes + 1
            explain(golgi, [PASSAGES[0]], steps=5)
        return work(self, plan, shard)

    monkeypatch.setattr(ExplainWork, "work", noted)
    golgi.worker.run_once()
    return run.id


def test_an_outside_model_is_found_again_after_it_made_room(
    golgi: Golgi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = interrupted(golgi, outside(tmp_path), monkeypatch)
    done = golgi.services.runs.get(number)
    assert done.state is RunState.DONE and done.error is None
    assert done.environment["weights_hash"] == done.spec.weights_hash
    assert golgi.services.runs.get(number + 1).state is RunState.DONE, "the other one went in between"


def test_other_weights_of_the_same_name_are_refused(
    golgi: Golgi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = outside(tmp_path)
    let_others = golgi.worker.let_others

    def changed(*how: object) -> None:
        let_others(*how)
        save_tiny(folder, seed=9)

    monkeypatch.setattr(golgi.worker, "let_others", changed)
    number = interrupted(golgi, folder, monkeypatch)
    failed = golgi.services.runs.get(number)
    assert failed.state is RunState.FAILED and "weights this run was started for" in failed.error["expected"]


def test_two_folders_of_one_name_are_two_models(golgi: Golgi, models_dir: Path, tmp_path: Path) -> None:
    hosts = golgi.worker.hosts
    inside, other = hosts.get("tiny-bert"), save_tiny(tmp_path / "tiny-bert", seed=5)
    host = hosts.get(str(other))
    assert host is not inside and host.card.weights_hash != inside.card.weights_hash
    assert hosts.get("tiny-bert") is inside
