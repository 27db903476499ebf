"""Make the recorded runs that ship with the product: ``python -m app.demo.record [--study FOLDER]``, and those of the
study of query-relevant neurons (``app.demo.query_neurons``), which leaves the others as they are: ``--queries FOLDER``.

Four runs of the demo model on the embedded collection: a pair, its top 1 % switched off, a ranking of ten passages, and
its top 1 % switched off. From the demo study's database (``app.demo.study``), where it is named: its attributions, the
cross test, and the curve of one dataset with every control; and its report. They open with no model loaded;
``app.main`` imports them at start, in the order of their names.
"""

import argparse
import json
import tempfile
from pathlib import Path

from app.data.demo import MODEL, STUDIES, Prefill
from app.domain.runs import Run
from app.kinds.ablate.question import KEY as ABLATE
from app.kinds.explain.question import KEY as EXPLAIN
from app.kinds.study.question import KEY as STUDY
from app.main import RECORDED, Golgi, build
from app.settings import Settings

ABLATION = {"selection": {"fraction": 0.01}}
QUERIES, QUERIES_FROM = STUDIES[0].key, "20"
"""The study of query-relevant neurons, and the number that its first bundle has."""


def made(golgi: Golgi, prefill: Prefill) -> tuple[Run, Run]:
    """An explanation and the ablation of its top 1 %."""
    requests, runs = golgi.services.requests, golgi.services.runs
    run = requests.start(EXPLAIN, {"model": MODEL, "query": prefill.query, "passages": prefill.passages})
    while golgi.worker.run_once():
        pass
    ablation = requests.start(ABLATE, {**ABLATION, "source": run.fingerprint})
    while golgi.worker.run_once():
        pass
    return runs.get(run.id), runs.get(ablation.id)


def of_study(folder: Path) -> list[tuple[Run, bytes]]:
    """The studies of the demo with the rankings that they take, inputs first and the curve last."""
    golgi = build(Settings(data_dir=folder, offline=True), recorded=None)
    runs = golgi.services.runs
    stored = runs.find(filters={"kind": STUDY}, sort="old")[0]
    studies = sorted(stored, key=lambda run: bool(run.spec.settings["doses"]))
    inputs = {run.id: run for study in studies for run in runs.inputs(study.id).values()}
    recorded = [*inputs.values(), *studies]
    bundles = [(run, golgi.services.exports.bundle(run, page=False)) for run in recorded]
    golgi.db.close()
    return bundles


def of_queries(folder: Path, report: Path) -> None:
    """Every run of the study of query-relevant neurons, its report, and the order in which it tells of them."""
    golgi = build(Settings(data_dir=folder, offline=True), recorded=None)
    runs = golgi.services.runs.find(filters={"state": "done"}, sort="old")[0]
    for old in (path for path in RECORDED.glob("*.zip") if path.name[:2] >= QUERIES_FROM):
        old.unlink()
    for number, run in enumerate(runs, start=int(QUERIES_FROM)):
        (RECORDED / f"{number:02}-{run.spec.kind}.zip").write_bytes(golgi.services.exports.bundle(run, page=False))
    told = json.dumps([run.fingerprint for run in runs], indent=1)
    (RECORDED / f"{QUERIES}.json").write_text(told + "\n", encoding="utf-8")
    (RECORDED / f"{QUERIES}.md").write_text(report.read_text(encoding="utf-8"), encoding="utf-8")
    golgi.db.close()


def main() -> None:
    """Compute the runs on an empty database, take those of the study, and write their bundles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", type=Path, default=None, help="folder of the demo study's database")
    parser.add_argument("--report", type=Path, default=Path("docs/study.md"), help="its report, recorded with it")
    parser.add_argument("--queries", type=Path, default=None, help="folder of that study's database")
    parser.add_argument("--queries-report", type=Path, default=Path("docs/query_neurons.md"), help="its report")
    args = parser.parse_args()
    RECORDED.mkdir(exist_ok=True)
    if args.queries is not None:
        of_queries(args.queries, args.queries_report)
        return
    with tempfile.TemporaryDirectory() as folder:
        golgi = build(Settings(data_dir=Path(folder), offline=True), recorded=None)
        demo = golgi.services.demo
        runs = [*made(golgi, demo.pair()), *made(golgi, demo.ranking(None, 10))]
        bundles = [(run, golgi.services.exports.bundle(run, page=False)) for run in runs]
        golgi.db.close()
    if args.study is not None:
        bundles += of_study(args.study)
        (RECORDED / "study.md").write_text(args.report.read_text(encoding="utf-8"), encoding="utf-8")
    for old in (path for path in RECORDED.glob("*.zip") if path.name[:2] < QUERIES_FROM):
        old.unlink()
    for number, (run, data) in enumerate(bundles, start=1):
        (RECORDED / f"{number:02}-{run.spec.kind}.zip").write_bytes(data)


if __name__ == "__main__":
    main()
