"""Runs about language models leave as bundles and come in elsewhere as they were."""

from pathlib import Path
from typing import Any

import pytest
from asking import search

from app.main import Golgi, build
from app.settings import Settings

FOLLOWING: dict[str, dict[str, Any]] = {
    "effects": {"seeds": 2, "sizes": [1, 2]},
    "predict": {"seeds": 2, "limit": 2},
    "locators": {"seeds": 2, "queries": 4, "steps": 2, "k": 3, "noise": 1},
    "writing": {"seeds": 2, "limit": 2, "max_new": 2},
}
PROMPTS = ["what causes rain a", "the relevant document is rain a"]
ALONE: dict[str, dict[str, Any]] = {
    "writes": {"prompts": PROMPTS, "answers": ["plain", "dog"]},
    "locate": {"prompts": PROMPTS, "targets": ["plain", "plain"], "seeds": 2, "params": {"steps": 2}},
    "readings": {"neurons": ["L0.mid.1", "L1.mid.2"]},
}


@pytest.fixture
def other(tmp_path: Path) -> Golgi:
    return build(Settings(data_dir=tmp_path / "other", offline=True, device="cpu"), recorded=None)


def test_every_kind_comes_in_as_it_went(golgi: Golgi, other: Golgi, tmp_path: Path) -> None:
    first = golgi.services.runs.get(search(golgi, tmp_path, limit=2))
    asked = [(kind, {**values, "source": first.fingerprint}) for kind, values in FOLLOWING.items()]
    asked += [(kind, {**values, "model": "tiny-gpt2"}) for kind, values in ALONE.items()]
    runs = [first]
    for kind, values in asked:
        started = golgi.services.requests.start(kind, values)
        golgi.worker.run_once()
        done = golgi.services.runs.get(started.id)
        assert done.state.value == "done", (kind, done.error)
        runs.append(done)
    for run in runs:
        come = other.services.exports.load_bundle(golgi.services.exports.bundle(run))
        before, after = (one.services.pages.report(number) for one, number in ((golgi, run.id), (other, come.id)))
        assert after.sentences == before.sentences and come.fingerprint == run.fingerprint
        assert str(list(after.table().rows())) == str(list(before.table().rows())), run.spec.kind
    other.db.close()
