"""Make the recorded runs that ship with the product: ``python -m app.demo.record``.

Four runs of the demo model on the embedded collection: a pair, its top 1 % switched off, a ranking of ten passages, and
its top 1 % switched off. They open with no model loaded; ``app.main`` imports them at start.
"""

import tempfile
from pathlib import Path

from app.domain.runs import Run
from app.main import RECORDED, Golgi, build
from app.services.demo import MODEL, Prefill
from app.settings import Settings

ABLATION = {"selection": {"fraction": 0.01}}


def made(golgi: Golgi, asked: Prefill) -> tuple[Run, Run]:
    """An explanation and the ablation of its top 1 %."""
    requests, runs = golgi.services.requests, golgi.services.runs
    run = requests.explain(MODEL, {"query": asked.query, "passages": asked.passages})
    while golgi.worker.run_once():
        pass
    ablation = requests.ablate(runs.get(run.id), ABLATION)
    while golgi.worker.run_once():
        pass
    return runs.get(run.id), runs.get(ablation.id)


def main() -> None:
    """Compute the runs on an empty database and write their bundles."""
    RECORDED.mkdir(exist_ok=True)
    for old in RECORDED.glob("*.zip"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        golgi = build(Settings(data_dir=Path(folder), offline=True))
        demo = golgi.services.demo
        found = [*made(golgi, demo.pair()), *made(golgi, demo.ranking(None, 10))]
        for number, run in enumerate(found, start=1):
            data = golgi.services.exports.bundle(run)
            (RECORDED / f"{number}-{run.spec.kind}.zip").write_bytes(data)
        golgi.db.close()


if __name__ == "__main__":
    main()
