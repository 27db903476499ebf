"""The worker loads the model of the first question ahead, once nothing waits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny import save_tiny

from app.domain.runs import RunState
from app.main import Golgi, build
from app.settings import Settings


@contextmanager
def working(tmp_path: Path, models: Path, first: str) -> Iterator[Golgi]:
    golgi = build(
        Settings(data_dir=tmp_path, models_dir=models, offline=True, device="cpu", preload=first), recorded=None
    )
    yield golgi
    golgi.worker.closing.set()
    golgi.db.close()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def loaded(golgi: Golgi) -> list[str]:
    return [view.info.slug for view in golgi.services.catalogue.models().models if view.loaded]


def test_the_first_model_is_loaded_when_nothing_waits(tmp_path: Path, models_dir: Path) -> None:
    with working(tmp_path, models_dir, "tiny-bert") as golgi:
        thread = golgi.start_worker()
        until(lambda: loaded(golgi) == ["tiny-bert"])
        assert golgi.services.pages.pill() == {"running": 0, "waiting": 0}, "it is not a job that somebody asked for"
        assert golgi.services.catalogue.model("tiny-bert").card is not None
        golgi.worker.closing.set()
        thread.join(timeout=10)


def test_what_waits_goes_first(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with working(tmp_path, models_dir, "tiny-two") as golgi:
        asked = {"query": "what causes rain", "passages": ["rain falls"], "params": {"adaptive": False, "steps": 4}}
        run = golgi.services.requests.start("explain", {**asked, "model": "tiny-bert"})
        order: list[str] = []
        get = golgi.worker.hosts.get
        monkeypatch.setattr(golgi.worker.hosts, "get", lambda name, keep=(): (order.append(name), get(name))[1])
        thread = golgi.start_worker()
        until(lambda: len(loaded(golgi)) == 2)
        assert order == ["tiny-bert", "tiny-two"]
        assert golgi.services.runs.get(run.id).state is RunState.DONE
        golgi.worker.closing.set()
        thread.join(timeout=10)


@pytest.mark.parametrize("first", ["", "nowhere", "broken"])
def test_a_model_that_is_not_there_stops_nothing(tmp_path: Path, first: str, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    save_tiny(models / "tiny")
    save_tiny(models / "broken")
    (models / "broken" / "model.safetensors").unlink()
    with working(tmp_path / "data", models, first) as golgi:
        golgi.start_worker()
        job = golgi.services.catalogue.load("tiny")
        until(lambda: golgi.services.jobs.get(job.id).state == "done" and not golgi.worker.first)
        until(lambda: loaded(golgi) == ["tiny"])
        assert ("not loaded ahead" in caplog.text) == (first == "broken")


def test_the_hub_is_not_asked(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def fetch(*_: object, **how: object) -> str:
        asked.append(how["local_files_only"])
        raise OSError("not here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    with working(tmp_path, models_dir, "someone/model") as golgi:
        golgi.worker.hosts.offline = False
        golgi.worker.preload()
        assert asked == [True]
        assert golgi.worker.hosts.loaded() == ()
