"""Pages of jobs: what goes first, what a job does, what a stop keeps; and names of mappings in templates."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from jinja2 import UndefinedError

from app.domain.attributing import Sample
from app.domain.errors import Stopped
from app.domain.runs import Lane, Progress, Run, Stage
from app.jobs.base import Partial, Shard
from app.kinds.ablate.work import AblateWork
from app.kinds.attribute.report import _sample_words
from app.main import Golgi
from app.web.page import templates

PASSAGES = ["rain falls because clouds hold water", "the lazy dog jumps over the quick fox", "spain is mainly plain"]
STEPS = {"adaptive": False, "steps": 4}


@pytest.fixture
def client(golgi: Golgi) -> TestClient:
    golgi.worker.beat()
    return TestClient(golgi.app(), follow_redirects=False)


def asked(golgi: Golgi, passages: list[str], query: str = "what causes rain", **params: Any) -> Run:
    values = {"model": "tiny-bert", "query": query, "passages": passages, "params": {**STEPS, **params}}
    return golgi.services.requests.start("explain", values)


def finished(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def test_what_is_ahead_is_linked_with_its_time(golgi: Golgi, client: TestClient) -> None:
    asked(golgi, PASSAGES[:1])
    finished(golgi)
    first, second = asked(golgi, PASSAGES), asked(golgi, PASSAGES, "why")
    jobs = [golgi.services.jobs.of_run(run.id).id for run in (first, second)]
    for address in (f"/jobs/{jobs[1]}", f"/runs/{second.id}", f"/runs/{second.id}/progress"):
        page = client.get(address).text
        assert f'href="/jobs/{jobs[0]}"' in page and "waiting, about" in page, address
    told = client.get(f"/jobs/{jobs[1]}.json").json()
    assert [one["job"] for one in told["ahead"]] == [jobs[0]] and told["ahead"][0]["seconds"] > 0
    assert client.get(f"/runs/{second.id}.json").json()["ahead"] == 1


def test_a_pair_beside_a_running_job_is_the_next(golgi: Golgi, client: TestClient) -> None:
    asked(golgi, PASSAGES)
    running = golgi.services.jobs.claim("w", 60)
    golgi.services.jobs.progress(running.id, Progress(done=5, total=15, rate=1.0, left=10.0, stage=Stage.RUNNING))
    pair = asked(golgi, PASSAGES[:1])
    page = " ".join(client.get(f"/runs/{pair.id}").text.split())
    assert "The next: it goes in between two passes of" in page and "about 10.0 s left" in page
    assert f'href="/jobs/{running.id}"' in page


def test_without_a_timing_or_a_worker_it_is_said(golgi: Golgi, client: TestClient) -> None:
    asked(golgi, PASSAGES)
    second = golgi.services.jobs.of_run(asked(golgi, PASSAGES, "why").id)
    assert "How long that takes is not known yet" in client.get(f"/jobs/{second.id}").text
    golgi.worker.registry.gone(golgi.worker.name)
    assert "No worker is alive" in client.get(f"/jobs/{second.id}").text


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.LOADING, "Loading the model"),
        (Stage.TIMING, "Timing: what is to be computed"),
        (Stage.RUNNING, "Running"),
        (Stage.PAUSING, "Pausing while job 9 goes in between"),
    ],
)
def test_stages_are_told_apart(golgi: Golgi, client: TestClient, stage: Stage, words: str) -> None:
    run = asked(golgi, PASSAGES)
    job = golgi.services.jobs.claim("w", 60)
    kept = "1 of 3 inputs" if stage is Stage.RUNNING else ""
    golgi.services.jobs.progress(job.id, Progress(done=5, total=15, stage=stage, message="job 9", kept=kept))
    for address in (f"/jobs/{job.id}", f"/runs/{run.id}", f"/runs/{run.id}/progress"):
        page = client.get(address).text
        assert words in page, address
        assert f"Cancelling keeps {kept or 'nothing: no part is finished yet'}" in page, address
    assert f">{stage.value}</span>" in client.get("/jobs").text
    pill = client.get("/pill").text
    apart = stage in (Stage.LOADING, Stage.TIMING)
    assert (f"1 {stage.value}" in pill and "0 running" in pill) if apart else "1 running" in pill
    assert client.get(f"/jobs/{job.id}.json").json()["stage"] == stage.value


def test_a_job_cancelled_while_it_waited_says_that_nothing_is_kept(golgi: Golgi, client: TestClient) -> None:
    run = asked(golgi, PASSAGES)
    client.post(f"/runs/{run.id}/stop")
    page = client.get(f"/runs/{run.id}").text
    assert "built-in method" not in page and "so nothing is kept" in page
    job = golgi.services.jobs.of_run(run.id)
    assert "nothing was computed" in client.get(f"/jobs/{job.id}").text


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "pop", "copy", "update"])
def test_a_name_in_a_mapping_is_never_its_method(name: str) -> None:
    env = templates().env
    told = env.from_string("{{ m[name] | default('?') }}{% if m[name] is defined %}there{% endif %}")
    assert told.render(m={}, name=name) == "?"
    assert told.render(m={name: 3}, name=name) == "3there"
    with pytest.raises(UndefinedError):
        env.from_string("{{ m[name] }}").render(m={}, name=name)


@pytest.mark.parametrize("text", ["{{ m.items }}", "{{ t.count }}", "{{ s.title }}", "{{ m.items or 0 }}"])
def test_a_method_is_never_written_into_a_page(text: str) -> None:
    with pytest.raises(TypeError, match="method"):
        templates().env.from_string(text).render(m={"a": 1}, t=(1, 2), s="x")
    assert templates().env.from_string("{{ m.items() | list | length }}").render(m={"a": 1}) == "1"


def test_the_time_of_a_form_goes_by_every_run_of_the_model(golgi: Golgi, client: TestClient) -> None:
    desk = golgi.services.requests.desk
    assert desk.speed("tiny-bert", "explain", "nig") is None
    runs = [asked(golgi, [text]) for text in PASSAGES]
    finished(golgi)
    for run in runs:
        golgi.services.runs.change(run.id, seconds=10.0)
    speed = desk.speed("tiny-bert", "explain", "nig")
    assert speed.runs == tuple(run.id for run in reversed(runs)) and speed.alike
    assert speed.seconds == pytest.approx(30.0 / (3 * 5))
    forward = desk.speed("tiny-bert", "ablate")
    assert forward.seconds == pytest.approx(30.0 / (3 * 5) / 3) and not forward.alike
    assert desk.speed("tiny-two", "explain", "nig") is None
    form = {"model": "tiny-bert", "query": "a", "passages": "b", "steps": "4", "method": "nig"}
    seen = client.post("/explain/seen", data=form).text
    assert "about 10 s on" in seen and "going by 3 runs of this model" in seen


def test_runs_that_were_not_computed_here_tell_no_time(golgi: Golgi) -> None:
    run = asked(golgi, PASSAGES)
    golgi.services.runs.change(run.id, state="done", seconds=5.0)
    assert golgi.services.requests.desk.speed("tiny-bert", "explain", "nig") is None


def test_a_load_is_told_as_one(golgi: Golgi, client: TestClient) -> None:
    golgi.services.jobs.enqueue("import", Lane.BATCH, payload={"name": "mine"})
    golgi.services.catalogue.load("tiny-bert")
    listed = client.get("/jobs.json").json()
    assert {one["title"] for one in listed} == {"import mine", "load tiny-bert"}
    assert client.get("/api/v1/jobs").json() == listed


@pytest.mark.parametrize(("shards", "n"), [(1, 0), (3, 3)])
def test_a_stopped_ablation_keeps_what_every_input_answered(
    golgi: Golgi, client: TestClient, monkeypatch: pytest.MonkeyPatch, shards: int, n: int
) -> None:
    source = asked(golgi, PASSAGES)
    finished(golgi)
    run = golgi.services.requests.start("ablate", {"source": str(source.id)})
    work, calls = AblateWork.work, []

    def stopped(self: AblateWork, plan: Any, shard: Shard) -> Partial:
        calls.append(shard.number)
        if len(calls) > shards:
            raise Stopped("user")
        return work(self, plan, shard)

    monkeypatch.setattr(AblateWork, "work", stopped)
    finished(golgi)
    assert golgi.services.runs.get(run.id).facts["n"] == n
    page = " ".join(client.get(f"/runs/{run.id}").text.split())
    assert f"Kept: {shards} of" in page and "slices of the settings, first in order" in page
    assert ("too few to show a result yet" in page) is (n == 0)
    assert bool(golgi.services.pages.report(run.id).sentences[0]) is (n > 0)


@pytest.mark.parametrize(
    ("n", "words"), [(0, "relevant pairs, none of which is done yet"), (7, "Mean over 7 relevant")]
)
def test_a_mean_says_over_how_many(n: int, words: str) -> None:
    told = _sample_words(Sample(dataset="abc", name="mine"), n)
    assert words in told and "over 0" not in told.lower()
