"""What storing and reading a run costs: 80 blocks of 28,672 neurons (2.29 million), parts and spread included.

Run: ``python benchmarks/store.py [--blocks 80 --width 28672]``. Prints seconds to write a whole run, and milliseconds
to read where its strongest units are (both ends of every layer with their errors), one layer, and the top 1,000.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.results import ArrayRow, TopNeuron
from app.domain.runs import RunSpec
from app.domain.sites import Site, SiteKind
from app.store.db import Database
from app.store.results import Results
from app.store.runs import Runs


def rows_of(blocks: int, width: int, parts: tuple[str, ...]) -> list[Any]:
    """Random scores of a run."""
    draw = np.random.default_rng(0)
    rows: list[Any] = []
    for layer in range(blocks):
        for name, names in (("mean", parts), ("se", ("all",)), ("positive", ("all",))):
            rows += [
                ArrayRow("scores", name, part, "mid", layer, 1000, draw.normal(size=width).astype(np.float32))
                for part in names
            ]
    rows += [TopNeuron("mean", "top", rank, "mid", 0, rank, 1 / rank) for rank in range(1, 2001)]
    return rows


def clock(work: Callable[[], Any], repeats: int) -> float:
    """Best seconds of some repeats."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=80)
    parser.add_argument("--width", type=int, default=28672)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        db.migrate()
        runs, results = Runs(db), Results(db)
        measured: dict[str, Any] = {"neurons": args.blocks * args.width}
        for label, parts in (("one part", ("all",)), ("six parts", ("all", "cls", "query", "sep1", "passage", "sep2"))):
            settings = {"query": label}
            spec = RunSpec(kind="explain", version=1, model="m", weights_hash="w", settings=settings)
            run, _ = runs.create(spec, label, label)
            rows = rows_of(args.blocks, args.width, parts)
            begun = time.perf_counter()
            results.write(run.id, rows)
            measured[f"write, {label}, s"] = round(time.perf_counter() - begun, 3)
        number = run.id

        measured["both ends of every layer, ms"] = round(1e3 * clock(lambda: results.ends(number), 5), 1)
        site = Site(3, SiteKind.MID)
        measured["one layer, ms"] = round(1e3 * clock(lambda: results.layer(number, site, "mean", "all"), 5), 2)
        measured["top 1000, ms"] = round(1e3 * clock(lambda: results.top(number, limit=1000), 5), 1)
        measured["everything into numpy, ms"] = round(1e3 * clock(lambda: results.scores(number), 3), 1)
        measured["file, MB"] = round((Path(folder) / "bench.sqlite3").stat().st_size / 1e6, 1)
        db.close()
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
