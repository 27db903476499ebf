"""What a pair waits for beside a batch: its time alone against its time beside a running attribution over a dataset.

Run: ``python benchmarks/interactive.py [--rounds 3] [--each 3] [--passages 1] [--device auto] [--json FILE]``. One
process holds queue and worker, on an empty data folder with the embedded model and collection. Each round asks new
questions alone, then new ones while an attribution runs, so that what else happens on the machine hits both. Printed:
the seconds from asking to the stored result, and the ratio of the medians. With ``--passages`` it is a ranking.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from app.domain.runs import Run, RunState
from app.main import Golgi, build
from app.settings import Settings

MODEL = "golgi-demo-reranker"
EVER = 600.0
LOOK = 0.005


def until(true: Callable[[], Any]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + EVER
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("expected the worker to go on; found nothing new in ten minutes; look at its log")
        time.sleep(LOOK)


def answered(golgi: Golgi, number: int, passages: int) -> float:
    """Seconds from asking something new to its stored result."""
    demo = golgi.services.demo
    example = demo.pair() if passages == 1 else demo.ranking(None)
    texts = [*example.passages][:passages]
    values = {"model": MODEL, "query": f"{example.query} {number}", "passages": texts}
    begun = time.perf_counter()
    run = golgi.services.requests.start("explain", values)
    until(lambda: golgi.services.runs.get(run.id).state is RunState.DONE)
    return time.perf_counter() - begun


def batch(golgi: Golgi, seed: int) -> Run:
    """An attribution over the embedded collection, once it is at its passes."""
    sample = {"dataset": "liveqa_med", "part": "all", "limit": 500, "correct": False, "seed": seed}
    run = golgi.services.requests.start("attribute", {"model": MODEL, "sample": sample})
    until(lambda: golgi.services.jobs.of_run(run.id).progress.done > 0)
    return run


def stopped(golgi: Golgi, run: Run) -> int:
    """Stop it; the row passes that it had done."""
    job = golgi.services.jobs.of_run(run.id)
    golgi.services.jobs.ask_stop(job.id)
    until(lambda: not golgi.services.jobs.get(job.id).open)
    return golgi.services.jobs.get(job.id).progress.done


def measured(golgi: Golgi, rounds: int, each: int, passages: int) -> dict[str, Any]:
    """Seconds alone and beside a batch, and their ratio."""
    numbers, alone, beside, rows = count(), list[float](), list[float](), 0
    answered(golgi, next(numbers), passages)
    for seed in range(rounds):
        alone += [answered(golgi, next(numbers), passages) for _ in range(each)]
        run = batch(golgi, seed)
        for _ in range(each):
            beside.append(answered(golgi, next(numbers), passages))
            time.sleep(0.3)
        rows += stopped(golgi, run)
        told = (f"{statistics.median(part[-each:]):.2f} s" for part in (alone, beside))
        sys.stderr.write(f"round {seed + 1}: alone {next(told)}, beside a batch {next(told)}\n")
    middle = statistics.median(alone), statistics.median(beside)
    return {
        "passages": passages,
        "alone, s": [round(seconds, 2) for seconds in alone],
        "beside a batch, s": [round(seconds, 2) for seconds in beside],
        "medians, s": [round(seconds, 2) for seconds in middle],
        "ratio of the medians": round(middle[1] / middle[0], 2),
        "worst beside / median alone": round(max(beside) / middle[0], 2),
        "row passes of the batches": rows,
        "device": str(golgi.worker.hosts.device),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--each", type=int, default=3)
    parser.add_argument("--passages", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        golgi = build(Settings(data_dir=Path(folder), offline=True, device=args.device), recorded=None)
        golgi.services.datasets.demo()
        thread = golgi.start_worker()
        until(lambda: not golgi.services.jobs.open() and golgi.worker.hosts.loaded())
        row = measured(golgi, args.rounds, args.each, args.passages)
        golgi.worker.closing.set()
        thread.join(timeout=30)
        golgi.db.close()
    text = json.dumps(row, indent=1)
    sys.stdout.write(text + "\n")
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
