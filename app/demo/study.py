"""The demo study: neuron sets of the demo re-ranker over five datasets, tested on held-out queries of each.

Run: ``python -m app.demo.study --data ../shared/data --data-dir FOLDER``. Every step is a stored run, so a second call
goes on where the first one ended; the report is written from what is stored.
"""

import argparse
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.corpora import IN_DOMAIN, Corpus, evaluated, load
from app.demo.report import report
from app.domain.errors import BadInput
from app.domain.runs import Run, RunState
from app.kinds.attribute.question import KEY as ATTRIBUTE
from app.kinds.study.question import KEY as STUDY
from app.main import Golgi, build
from app.settings import Settings

log = logging.getLogger(__name__)
MODEL = "golgi-demo-reranker"
INSIDE = IN_DOMAIN
OUTSIDE = ("liveqa_med", "xquad_en")
CURVE = "liveqa_med"
SHARE = 0.01


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Args:
        pairs, others: relevant and non-relevant pairs per dataset. steps: of the path.
        queries, depth: held-out queries per dataset and candidates of each. seeds: random sets. length: tokens.
    """

    pairs: int = 60
    others: int = 30
    steps: int = 16
    queries: int = 20
    depth: int = 8
    seeds: int = 10
    length: int = 128


def held_out(corpus: Corpus, folder: Path) -> Path:
    """The part of a set that the model was never trained on, in this project's layout."""
    keys = set(evaluated(corpus))
    near = {p for q in keys for p in (*corpus.run.get(q, {}), *corpus.grades.get(q, {}))}
    lines = {
        "queries.jsonl": [{"id": q, "text": corpus.queries[q]["text"]} for q in sorted(keys)],
        "passages.jsonl": [{"id": p, "text": corpus.passages[p]} for p in sorted(near) if p in corpus.passages],
    }
    for name, rows in lines.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    grades = [f"{q}\t{p}\t{g}" for q in sorted(keys) for p, g in corpus.grades.get(q, {}).items()]
    hits = [
        f"{q}\t{p}\t{at}\t{score}" for q in sorted(keys) for at, (p, score) in enumerate(corpus.run[q].items(), start=1)
    ]
    for name, head, body in (
        ("qrels.tsv", "query-id\tpassage-id\trelevance", grades),
        ("run.tsv", "query-id\tpassage-id\trank\tscore", hits),
    ):
        (folder / name).write_text("\n".join([head, *body]) + "\n", encoding="utf-8")
    return folder


def work(golgi: Golgi) -> None:
    """Everything in the queue."""
    while golgi.worker.run_once():
        log.info("jobs: %s", golgi.services.pages.pill())


def imported(golgi: Golgi, data: Path, names: Sequence[str]) -> None:
    """The held-out part of every set, where it is not there yet."""
    known = {dataset.name for dataset in golgi.services.datasets.list().datasets}
    for name in names:
        if name not in known:
            with tempfile.TemporaryDirectory() as room:
                folder = held_out(load(data / name), Path(room))
                meta = json.loads((data / name / "META.json").read_text(encoding="utf-8"))
                about = {"domain": meta.get("domain", "")[:300], "licence": meta.get("licence", "")[:300]}
                golgi.services.datasets.bring(folder, {"name": name, **about})
                work(golgi)


def attributed(golgi: Golgi, names: Sequence[str], size: Size) -> dict[tuple[str, str], Run]:
    """(dataset, class) to the attribution over its attribution part."""
    started: dict[tuple[str, str], Run] = {}
    for name in names:
        for relevance, limit in (("relevant", size.pairs), ("non_relevant", size.others)):
            values = {
                "sample": {"dataset": name, "relevance": relevance, "limit": limit},
                "params": {"steps": size.steps, "adaptive": False},
                "max_length": size.length,
            }
            started[name, relevance] = golgi.services.requests.start(ATTRIBUTE, {**values, "model": MODEL})
    work(golgi)
    return {key: golgi.services.runs.get(run.id) for key, run in started.items()}


def tested(golgi: Golgi, runs: Mapping[tuple[str, str], Run], names: Sequence[str], size: Size) -> list[Run]:
    """The cross test: every dataset's relevance neurons removed on every dataset's test queries."""
    sources = [runs[name, "relevant"].fingerprint for name in names]
    started = []
    for name in names:
        values = _evaluation(name, size) | {"fractions": [SHARE], "everywhere": False, "ends": False}
        started.append(
            golgi.services.requests.start(STUDY, {**values, "model": MODEL, "sources": sources, "controls": False})
        )
    work(golgi)
    return [golgi.services.runs.get(run.id) for run in started]


def curved(golgi: Golgi, runs: Mapping[tuple[str, str], Run], size: Size) -> Run:
    """The curve of one dataset's relevance and non-relevance neurons with every control."""
    sources = [runs[CURVE, relevance].fingerprint for relevance in ("relevant", "non_relevant")]
    values = _evaluation(CURVE, size) | {"fractions": [0.001, 0.005, 0.01, 0.05], "doses": [0.0, 0.5, 1.5, 2.0]}
    run = golgi.services.requests.start(STUDY, {**values, "model": MODEL, "sources": sources})
    work(golgi)
    return golgi.services.runs.get(run.id)


def _evaluation(name: str, size: Size) -> dict[str, Any]:
    evaluation = {"dataset": name, "queries": size.queries, "depth": size.depth}
    return {"evaluation": evaluation, "seeds": size.seeds, "max_length": size.length}


def saved(golgi: Golgi, runs: Mapping[tuple[str, str], Run]) -> dict[str, int]:
    """Name to number of the sets that the report is about; empty intersections are left out."""
    inside = [_top_of(runs[name, "relevant"]) for name in INSIDE]
    outside = [_top_of(runs[name, "relevant"]) for name in OUTSIDE]
    rules: dict[str, dict[str, Any]] = {
        "core": {"op": "all", "of": [*inside, *outside]},
        "in-domain": {"op": "all", "of": inside},
        "out-of-domain": {"op": "minus", "of": [{"op": "all", "of": outside}, *inside]},
        "in-domain only": {"op": "minus", "of": [{"op": "all", "of": inside}, *outside]},
    }
    numbers = {}
    for name, rule in rules.items():
        try:
            numbers[name] = golgi.services.sets.make(name, rule).id
        except BadInput as error:
            log.info("%s: %s", name, error)
    return numbers


def _top_of(run: Run) -> dict[str, Any]:
    """The rule of a run's strongest neurons."""
    return {"op": "top", "run": run.fingerprint, "selection": {"fraction": SHARE}}


def study(golgi: Golgi, data: Path, size: Size) -> str:
    """Everything, and the report as Markdown."""
    names = [*INSIDE, *OUTSIDE]
    imported(golgi, data, names)
    runs = attributed(golgi, names, size)
    crossed = tested(golgi, runs, names, size)
    curve = curved(golgi, runs, size)
    sets = saved(golgi, runs)
    unfinished = [run for run in (*runs.values(), *crossed, curve) if run.state is not RunState.DONE]
    if unfinished:
        raise SystemExit(f"not finished: {', '.join(f'run {run.id} ({run.state})' for run in unfinished)}")
    return report(golgi.services, runs, crossed, curve, sets, SHARE)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the database")
    parser.add_argument("--out", type=Path, default=Path("docs/study.md"))
    for name, value in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    golgi = build(Settings(data_dir=args.data_dir, offline=True), recorded=None)
    size = Size(**{name: getattr(args, name) for name in vars(Size())})
    args.out.write_text(study(golgi, args.data, size), encoding="utf-8")


if __name__ == "__main__":
    main()
