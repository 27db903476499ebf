"""The store: migrations, round trips, claims, and what a search finds."""

import threading

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from app.analysis.ends import PER_SIGN
from app.domain.errors import NotFound
from app.domain.results import ArrayRow, ItemRow, ResponseRow, SettingRow, TopNeuron
from app.domain.runs import JobState, Lane, Progress, RunSpec
from app.domain.scores import RunningScores
from app.domain.sites import NeuronIndex, Site, SiteKind
from app.store.checkpoints import packed, unpacked
from app.store.db import Database
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.runs import Runs
from app.store.tables import array, blob, metadata


def spec(text: str = "x", **more: str) -> RunSpec:
    settings = {"query": text, "method": "nig"}
    return RunSpec(kind="explain", version=1, model="m", weights_hash="w", settings=settings, inputs=more)


def test_migrations_give_the_tables_and_keep_rows(db: Database) -> None:
    run, _ = Runs(db).create(spec(), "title", "text")
    db.migrate()
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert Runs(db).get(run.id).title == "title"


def test_the_same_question_is_the_same_run(db: Database) -> None:
    runs = Runs(db)
    first, new = runs.create(spec(), "one", "text")
    again, newer = runs.create(spec(), "two", "text")
    other, _ = runs.create(spec("y"), "three", "text")
    assert new and not newer and first.id == again.id != other.id
    assert runs.by_fingerprint(first.fingerprint).id == first.id
    assert runs.by_fingerprint("nope") is None


def test_fingerprints_go_by_weights_not_by_name() -> None:
    here = spec()
    assert here.model_copy(update={"model": "elsewhere"}).fingerprint == here.fingerprint
    assert here.model_copy(update={"weights_hash": "v"}).fingerprint != here.fingerprint


def test_inputs_must_exist(db: Database) -> None:
    runs = Runs(db)
    with pytest.raises(NotFound):
        runs.create(spec(source="missing"), "t", "x")
    source, _ = runs.create(spec(), "t", "x")
    made, _ = runs.create(spec("z", source=source.fingerprint), "t", "x")
    assert runs.inputs(made.id)["source"].id == source.id
    assert [run.id for run in runs.users(source.id)] == [made.id]


def test_search_sort_pin_and_delete(db: Database) -> None:
    runs = Runs(db)
    one, two, three = (runs.create(spec(text), text, f"body of {text}")[0] for text in ("alpha", "beta", "gamma"))
    assert [run.id for run in runs.find(filters={"q": "body of b"})[0]] == [two.id]
    runs.change(one.id, pinned=True)
    assert [run.id for run in runs.find(filters={})[0]] == [one.id, three.id, two.id]
    runs.change(three.id, deleted=True)
    found, total = runs.find(filters={}, limit=1)
    assert total == 2 and len(found) == 1
    assert [run.id for run in runs.find(filters={}, deleted=True)[0]] == [three.id]


def rows() -> list[object]:
    draw = np.random.default_rng(0)
    made: list[object] = []
    for layer in (0, 1):
        for name, parts in (("mean", ("all", "query")), ("se", ("all",)), ("positive", ("all",))):
            for part in parts:
                values = draw.normal(size=600).astype(np.float32)
                made.append(ArrayRow("scores", name, part, "mid", layer, 3, values))
    return made


def test_scores_round_trip(db: Database) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    results, stored = Results(db), rows()
    results.write(run.id, stored)
    results.write(run.id, stored)
    scores = results.scores(run.id)
    flat = [
        np.concatenate([r.values for r in stored if r.name == "mean" and r.part == part]) for part in ("all", "query")
    ]
    np.testing.assert_array_equal(scores.mean, flat)
    assert scores.parts == ("all", "query") and scores.n == 3 and len(scores.space) == 1200
    profile = results.profile(run.id)
    first = stored[0].values.astype(np.float64)
    assert profile[0]["positive"] == pytest.approx(first[first > 0].sum())
    assert profile[0]["negative"] == pytest.approx(first[first < 0].sum())
    np.testing.assert_array_equal(results.layer(run.id, Site(0, SiteKind.MID), "mean", "all"), first)
    with pytest.raises(NotFound):
        results.layer(run.id, Site(7, SiteKind.MID), "mean", "all")
    found = results.neuron(NeuronIndex(0, SiteKind.MID, 5), "w")
    assert [(row["run"], row["score"]) for row in found] == [(run.id, float(first[5]))]
    assert results.space(run.id) == scores.space


def test_writing_again_leaves_no_blob_behind(db: Database) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    results, stored = Results(db), rows()
    count = select(func.count()).select_from(blob)
    for several in (stored, stored, stored[:3]):
        results.write(run.id, several)
    with db.read() as connection:
        assert connection.execute(count).scalar() == len(stored), "each array once"
        orphans = select(blob.c.id).where(blob.c.id.not_in(select(array.c.blob_id)))
        assert connection.execute(orphans).all() == []


def test_both_ends_of_every_part(db: Database) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    results, stored = Results(db), rows()
    results.write(run.id, stored)
    for part in ("all", "query"):
        means = [row.values for row in stored if row.name == "mean" and row.part == part]
        found = results.ends(run.id, part, 5)
        for one, values in zip(found, means, strict=True):
            order = np.argsort(-values)
            assert one.site.kind is SiteKind.MID and one.width == len(values)
            assert one.units.tolist() == [*order[:5], *order[::-1][:5]]
            np.testing.assert_array_equal(one.scores, values[one.units])
            assert one.positive == pytest.approx(values[values > 0].sum(dtype=float))
            assert one.negative == pytest.approx(values[values < 0].sum(dtype=float))
        assert (found[0].se is None) == (part != "all"), "errors belong to all tokens"
    errors = [row.values for row in stored if row.name == "se"]
    for one, values in zip(results.ends(run.id), errors, strict=True):
        np.testing.assert_array_equal(one.se, values[one.units])
        assert len(one.units) == 2 * PER_SIGN


def test_a_search_takes_signs_literally(db: Database) -> None:
    runs = Runs(db)
    one, two = (runs.create(spec(text), text, text)[0] for text in ("100 % sure_thing", "surely a thing"))
    assert [run.id for run in runs.find(filters={"q": "SURE_t"})[0]] == [one.id]
    assert [run.id for run in runs.find(filters={"q": "%"})[0]] == [one.id]
    assert [run.id for run in runs.find(filters={"q": "sure"}, sort="old")[0]] == [one.id, two.id]


def test_the_place_in_the_queue(db: Database) -> None:
    jobs = Jobs(db)
    slow, other = (jobs.enqueue("load", Lane.BATCH, payload={}) for _ in range(2))
    quick, next_quick = (jobs.enqueue("load", Lane.INTERACTIVE, payload={}) for _ in range(2))
    assert [len(jobs.before(job)) for job in (quick, next_quick, slow, other)] == [0, 1, 2, 3]
    brief = jobs.enqueue("run", Lane.INTERACTIVE, payload={"brief": True})
    assert [job.id for job in jobs.ready()] == [brief.id, quick.id, next_quick.id, slow.id, other.id]
    assert [job.id for job in jobs.ready(below=1)] == [brief.id]
    running = jobs.take(slow.id, "w", 60)
    assert [job.id for job in jobs.before(other)] == [brief.id, quick.id, next_quick.id, slow.id]
    assert jobs.before(brief) == (), "it goes in between two passes of the running one"
    assert jobs.around(brief).id == running.id
    assert jobs.take(slow.id, "other", 60) is None


def test_a_stop_of_a_waiting_job_leaves_finished_shards_to_a_worker(db: Database) -> None:
    jobs, runs = Jobs(db), Runs(db)
    run, _ = runs.create(spec(), "t", "x")
    made = jobs.enqueue("run", Lane.BATCH, run.id)
    jobs.claim("w", 60)
    jobs.checkpoint(run.id, 0, 1.0, None, (), "w")
    jobs.release(made.id, "w")
    assert jobs.ask_stop(made.id).state is JobState.STOPPING
    taken = jobs.claim("next", 60)
    assert taken is not None and taken.state is JobState.STOPPING
    jobs.finish(made.id, JobState.CANCELLED, run_values={"state": "partial", "facts": {"n": 1}})
    again = jobs.enqueue("run", Lane.BATCH, run.id)
    assert jobs.ask_stop(again.id).state is JobState.CANCELLED, "the stored result holds them already"


def test_other_rows_round_trip(db: Database) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    results = Results(db)
    item = ItemRow(0, "explain", [{"text": "a", "score": 1.5}], {"target": 2.0}, {"path": [1.0, 2.0]})
    members = np.asarray([5, 1], dtype=np.int64)
    answer = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    top = TopNeuron("mean", "top", 1, "mid", 0, 5, 2.5)
    results.write(
        run.id,
        [item, SettingRow(0, "intact", "base", None, {"axis": "chosen"}, members), ResponseRow(0, 2, answer), top],
    )
    assert results.items(run.id) == (item,)
    assert results.settings(run.id)[0].members.tolist() == [5, 1]
    assert {i: v.tolist() for i, v in results.responses(run.id)[0].items()} == {2: [1.0, 2.0, 3.0], 3: [4.0, 5.0, 6.0]}
    assert results.top(run.id) == (top,)


def test_400_jobs_are_claimed_once_each(db: Database) -> None:
    jobs = Jobs(db)
    for number in range(400):
        jobs.enqueue("load", Lane.BATCH, payload={"model": str(number)})
    claimed: list[int] = []

    def claim(name: str) -> None:
        while (job := jobs.claim(name, 60)) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=claim, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 400 and len(set(claimed)) == 400


def test_interactive_goes_first_and_waits_for_inputs(db: Database) -> None:
    jobs, runs = Jobs(db), Runs(db)
    source, _ = runs.create(spec(), "t", "x")
    needs, _ = runs.create(spec("b", source=source.fingerprint), "t", "x")
    jobs.enqueue("run", Lane.BATCH, source.id)
    second = jobs.enqueue("run", Lane.INTERACTIVE, needs.id)
    assert jobs.enqueue("run", Lane.INTERACTIVE, needs.id).id == second.id, "one open job per run"
    first = jobs.claim("w", 60)
    assert first.run_id == source.id, "the interactive one needs a run that is not done"
    assert jobs.claim("w", 60) is None
    jobs.finish(first.id, JobState.DONE, run_values={"state": "done"})
    assert jobs.claim("w", 60).id == second.id


def test_a_silent_worker_loses_its_job(db: Database) -> None:
    jobs = Jobs(db)
    job = jobs.enqueue("load", Lane.BATCH, payload={})
    jobs.claim("gone", -1)
    assert jobs.requeue_stalled() == 1
    assert jobs.claim("next", 60).id == job.id
    assert jobs.requeue_stalled() == 0


def test_stop_of_a_waiting_job_is_at_once(db: Database) -> None:
    jobs = Jobs(db)
    job = jobs.enqueue("load", Lane.BATCH, payload={})
    assert jobs.ask_stop(job.id).state is JobState.CANCELLED
    assert jobs.claim("w", 60) is None
    jobs.progress(job.id, Progress(done=1, total=2))
    jobs.log(job.id, "hello")
    found = jobs.get(job.id)
    assert found.progress.done == 1 and found.log[-1].endswith("hello") and "nothing was computed" in found.log[0]


def test_checkpoints_are_the_same_bytes() -> None:
    site = Site(2, SiteKind.MID)
    sums = RunningScores.of(("all", "query"), {site: np.random.default_rng(0).normal(size=(3, 2, 5))})
    again = unpacked(packed(sums))
    assert packed(again) == packed(sums) and again.n == 3 and again.parts == sums.parts
    np.testing.assert_array_equal(again.total[site], sums.total[site])
    assert unpacked(packed(None)) is None
