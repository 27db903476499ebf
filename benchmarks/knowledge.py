"""Knowledge attribution of all blocks against the published loop, in one run, and against bare passes of one token.

Run: ``python benchmarks/knowledge.py MODEL [--models FOLDER] [--tokens 12 150] [--steps 16] [--blocks 3]``.

The loop is that of the released code: for each block, m + 1 whole passes forwards and m back over the prompt, with the
block's units scaled at the last token. It is timed on a few blocks, spread over the model, and scaled up to all, which
the output says; scores of these blocks are compared. The floor is as many bare passes forwards of one token behind the
cached prompt as the method has rows, half of them for what lies below the scaled block.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.knowledge import KnowledgeAttribution
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.models.start import Start
from app.models.targets import Target
from app.numerics.riemann import riemann

TEXT = "The quick brown fox jumps over the lazy dog while rain falls on the plain and the capital of France is called "


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it gave."""
    begun = time.perf_counter()
    found = call()
    return time.perf_counter() - begun, found


def prompt_of(host: ModelHost, tokens: int) -> str:
    """A text of exactly so many tokens."""
    ids = host.tokenizer(TEXT * (tokens // 8 + 1), add_special_tokens=False)["input_ids"][:tokens]
    return str(host.tokenizer.decode(ids))


def published(host: ModelHost, batch: Batch, target: Target, layers: list[int], steps: int) -> dict[int, Tensor]:
    """[U] scores of some blocks, one whole pass at a time."""
    scores = {}
    for layer in layers:
        site = Site(layer, SiteKind.MID)
        own = host.run(batch, target, record=[site]).value(site)[0, -1]
        total = torch.zeros_like(own)
        for at, weight in riemann(steps, "right"):
            trace = host.run(batch, target, record=[site], edits={site: (partial(_scaled, own, at),)}, grad=True)
            total += weight * trace.gradients(site)[site][0, -1]
        scores[layer] = total * own
    return scores


def _scaled(own: Tensor, at: float, value: Tensor, _: Batch) -> Tensor:
    out = value.clone()
    out[:, -1] = at * own
    return out


def bare(host: ModelHost, batch: Batch, rows: int) -> None:
    """So many rows of one token behind the cached prompt, without gradients, as many a pass as fit."""
    prefix = host.prefill(batch)
    size = 32
    for first in range(0, rows, size):
        count = min(size, rows - first)
        host.run(batch.take([0] * count), None, start=Start(prefix=prefix, rows=(0,) * count))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--models", type=Path, default=Path("models_cache"))
    parser.add_argument("--tokens", type=int, nargs="+", default=[12, 150])
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=3)
    args = parser.parse_args()
    host = Hosts(args.models, device="cpu", offline=True).get(args.model)
    count = host.card.layers
    layers = sorted({round(at * (count - 1) / max(1, args.blocks - 1)) for at in range(args.blocks)})
    print(f"{args.model}: {count} blocks, m = {args.steps}, {torch.get_num_threads()} threads; loop on blocks {layers}")  # noqa: T201
    for tokens in args.tokens:
        batch = host.encode([Example("0", prompt_of(host, tokens))])
        target = host.target(TargetSpec(), batch)
        method = KnowledgeAttribution(steps=args.steps)
        ours, found = timed(lambda: method.attribute(host, batch, target)[0])  # noqa: B023
        loop, scores = timed(lambda: published(host, batch, target, layers, args.steps))  # noqa: B023
        floor, _ = timed(lambda: bare(host, batch, count * (args.steps + 1) // 2))  # noqa: B023
        whole = loop * count / len(layers)
        gaps = [
            float((torch.as_tensor(found.neurons[Site(layer, SiteKind.MID)][0]) - one.double()).norm() / one.norm())
            for layer, one in scores.items()
        ]
        print(  # noqa: T201
            f"{int(batch.mask.sum()):4d} tokens: ours {ours:.2f} s, loop {whole:.1f} s ({whole / ours:.1f} times), "
            f"bare passes {floor:.2f} s ({ours / floor:.2f} times), largest relative difference {max(gaps):.1e}"
        )


if __name__ == "__main__":
    main()
