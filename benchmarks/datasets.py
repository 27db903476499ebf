"""Work over datasets on the demo model: an attribution by pair, and a study against the plain loop, each in one run.

Run: ``python benchmarks/datasets.py [--pairs 40] [--steps 50] [--queries 2] [--data FOLDER] [--floor-every 1]
[--device auto] [--json FILE]``. The attribution goes through the same code as a stored run, on pairs of the embedded
collection or of another folder in its layout; bare forwards are K + 1 rows per pair, with as many rows a pass as the
sweep takes, timed right after every so manieth batch, and the ratio is taken over these batches. The study has
candidate lists under the intact model, a set of each layer and random
sets; the plain loop runs one setting and one query at a time through the whole model.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.data.demo import FOLDER
from app.data.ranking import Collection, load_collection
from app.domain.examples import Example
from app.domain.interventions import Setting
from app.domain.neuron_sets import random_matched
from app.domain.targets import TargetSpec
from app.interventions.edits import Sources
from app.interventions.responses import grid, responses
from app.methods.conductance import NeuronIntegratedGradients
from app.methods.sweep import chunk_rows, complete_sites
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.loading import Hosts

ROOT = Path(__file__).resolve().parents[1]
TOGETHER = 4


def clocked(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of a call."""
    begun = time.perf_counter()
    result = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun, result


def pairs_of(collection: Collection, count: int) -> list[Example]:
    """Judged relevant pairs, by length."""
    pairs = [
        Example(f"{q} {p}", collection.queries[q], collection.passages[p])
        for q, grades in collection.judgements.items()
        for p, grade in grades.items()
        if grade > 0
    ]
    return sorted(pairs[:count], key=lambda example: len(example.passage or ""))


def bare(host: ModelHost, batch: Batch, steps: int) -> None:
    """K + 1 forward row-passes per example, as many rows a pass as the sweep takes."""
    count = len(batch.examples)
    sites = {*host.space("ffn").sites, *complete_sites(host)}
    together = max(1, chunk_rows(host, batch, sites) // count)
    wide = batch.take([*range(count)] * together)
    for left in range(steps + 1, 0, -together):
        host.run(wide if left >= together else batch.take([*range(count)] * left), None)


def attribution(host: ModelHost, data: Collection, args: argparse.Namespace) -> dict[str, Any]:
    """Neuron Integrated Gradients of many pairs against bare forwards of as many rows."""
    pairs, steps = pairs_of(data, args.pairs), args.steps
    batches = [host.encode(pairs[at : at + TOGETHER], max_length=args.length) for at in range(0, len(pairs), TOGETHER)]
    method = NeuronIntegratedGradients(steps=steps, adaptive=False)
    target = host.target(TargetSpec(), batches[0])
    bare(host, batches[0], steps)
    swept = beside = floor = 0.0
    for number, batch in enumerate(batches):
        seconds, _ = clocked(partial(method.attribute, host, batch, target))
        swept += seconds
        if number % args.floor_every == args.floor_every // 2:
            beside += seconds
            floor += clocked(partial(bare, host, batch, steps))[0]
    tokens = float(np.mean([int(batch.mask.sum()) / len(batch.examples) for batch in batches]))
    return {
        "what": "attribution",
        "pairs": len(pairs),
        "steps": steps,
        "tokens a pair": round(tokens, 1),
        "seconds": round(swept, 2),
        "seconds a pair": round(swept / len(pairs), 3),
        "for 1,000 pairs, min": round(swept / len(pairs) * 1000 / 60, 1),
        "batches with a floor": -(-len(batches) // args.floor_every),
        "ratio to bare forwards": round(beside / floor, 2),
    }


def study(host: ModelHost, data: Collection, queries: int, depth: int, seeds: int, length: int) -> dict[str, Any]:
    """A study's answers together against one by one."""
    space = host.space("ffn")
    settings = [Setting()]
    for layer, (site, where) in enumerate(space.slices()):
        members = np.arange(where.start, where.start + 92, dtype=np.int64)
        settings.append(Setting("target", members, count=92, label=f"layer {layer}"))
        settings += [Setting("random", random_matched(members, space, seed), count=92) for seed in range(seeds)]
        assert site.layer == layer
    lists = [
        [Example(f"{q} {p}", data.queries[q], data.passages[p]) for p in list(data.candidates[q])[:depth]]
        for q in list(data.queries)[:queries]
    ]
    batches = [host.encode(examples, max_length=length) for examples in lists]
    target = host.target(TargetSpec(), batches[0])
    rows = 4096 // length if host.device.type == "cpu" else 65536 // length

    def answered(batch: Batch, tested: list[Setting], rows: int, reuse: bool) -> Any:
        plan = grid(tested, len(batch.examples))
        return responses(host, batch, target, plan, space, Sources(), rows=rows, reuse=reuse)

    def all_settings(reuse: bool) -> list[Any]:
        return [answered(batch, settings, rows, reuse) for batch in batches]

    def each_setting() -> list[Any]:
        return [np.concatenate([answered(batch, [setting], 1, False) for setting in settings]) for batch in batches]

    together, answers = clocked(partial(all_settings, True))
    without, _ = clocked(partial(all_settings, False))
    alone, plain_answers = clocked(each_setting)
    bare, _ = clocked(lambda: [host.run(batch, None) for batch in batches for _ in settings])
    return {
        "what": "study",
        "queries": queries,
        "candidates": depth,
        "settings": len(settings),
        "lower blocks reused, s": round(together, 2),
        "without reuse, s": round(without, 2),
        "plain loop, s": round(alone, 2),
        "bare forwards, s": round(bare, 2),
        "times faster than the plain loop": round(alone / together, 2),
        "ratio to bare forwards": round(together / bare, 2),
        "largest difference": max(
            float(np.abs(ours - plain).max()) for ours, plain in zip(answers, plain_answers, strict=True)
        ),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--queries", type=int, default=2)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--length", type=int, default=192)
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--floor-every", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    host = Hosts(ROOT / "models_cache", device=args.device, offline=True).get("golgi-demo-reranker")
    table = [attribution(host, load_collection(args.data), args)]
    if args.queries:
        table.append(study(host, load_collection(FOLDER), args.queries, args.depth, args.seeds, args.length))
    text = json.dumps(table, indent=1)
    sys.stdout.write(text + "\n")
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
