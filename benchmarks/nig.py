"""Neuron Integrated Gradients against Captum layer by layer and against bare forward passes, in one run.

Run: ``python benchmarks/nig.py [--model demo|large|both] [--device auto] [--json FILE]``. ``large`` is BERT-large's
shape (24 x 1024 x 4096, random weights). Prints a table: wall time of all layers at once, of Captum's LayerConductance
called once per layer with the same steps, of K + 1 bare forward rows, their ratios, peak memory, and the largest
difference from Captum in float64.
"""

import argparse
import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from captum.attr import LayerConductance
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from app.data.demo import Demo
from app.domain.examples import Example
from app.domain.model_card import ModelCard
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.methods.conductance import NeuronIntegratedGradients
from app.methods.sweep import Path as SweptPath
from app.methods.sweep import chunk_rows, complete_sites, sweep_path
from app.models.architectures import claim
from app.models.encoder import Encoder
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.models.probing import host_of
from app.models.tasks import tasks

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "models_cache"


def large(device: torch.device, dtype: torch.dtype) -> ModelHost:
    """A random model of BERT-large's shape, with the demo model's tokenizer."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "golgi-demo-reranker")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        num_labels=1,
    )
    model = BertForSequenceClassification(config).to(device, dtype)
    card = ModelCard(
        slug="bert-large-shape",
        source="random",
        revision="none",
        weights_hash="random",
        family="BERT",
        task="pair",
        layers=0,
        hidden=0,
        heads=0,
        labels=("relevance",),
        relevant_label=0,
        max_length=512,
        dtype=str(dtype),
        device=str(device),
        parameters=0,
        bytes=0,
        widths={},
    )
    family = claim("bert")
    assert family is not None
    return host_of(model, Encoder(tokenizer, [tasks()["pair"]], 512), family, card)


def timed(device: torch.device, work: Callable[[], Any], repeats: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


class Logit(torch.nn.Module):
    """The model as a function of word embeddings, for Captum."""

    def __init__(self, host: ModelHost, batch: Any) -> None:
        super().__init__()
        self.model = host.model
        self.inputs = {name: value for name, value in batch.inputs.items() if name != "input_ids"}

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """[B] logits."""
        more = {name: value.expand(len(embeddings), *value.shape[1:]) for name, value in self.inputs.items()}
        return self.model(inputs_embeds=embeddings, **more).logits[:, 0]


def captum_layer(host: ModelHost, batch: Any, path: Any, layer: int, steps: int, rows: int) -> torch.Tensor:
    """[T, U] conductance of one layer, left rule, as Captum computes it."""
    peer = LayerConductance(Logit(host, batch), host.places[Site(layer, SiteKind.MID)].module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attribution = peer.attribute(
            path.start + path.change,
            baselines=path.start,
            n_steps=steps,
            method="riemann_trapezoid",
            attribute_to_layer_input=True,
            internal_batch_size=rows,
        )
    return (attribution[0] if isinstance(attribution, tuple) else attribution)[0].detach()


def measured(host: ModelHost, example: Example, steps: int, repeats: int, captum_layers: int) -> dict[str, Any]:
    """The row of one model."""
    device, batch = host.device, host.encode([example], max_length=256)
    target = host.target(TargetSpec(), batch)
    layers = host.card.layers
    path = SweptPath.of(host, batch, "pad_query_and_passage")
    sites = {*host.space("ffn").sites, *complete_sites(host)}
    rows = chunk_rows(host, batch, sites)
    method = NeuronIntegratedGradients(steps=steps, adaptive=False)

    def bare() -> None:
        left = steps + 1
        while left > 0:
            host.run(batch.take([0] * min(rows, left)), None)
            left -= rows

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    bare()
    floor = timed(device, bare, repeats)
    ours = timed(device, lambda: method.attribute(host, batch, target), repeats)
    peak = (
        torch.cuda.max_memory_allocated()
        if device.type == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    measured_layers = list(range(0, layers, max(1, layers // captum_layers)))[:captum_layers]
    per_layer = timed(
        device, lambda: [captum_layer(host, batch, path, layer, steps, rows) for layer in measured_layers], 1
    ) / len(measured_layers)
    return {
        "model": host.card.slug,
        "tokens": int(batch.mask.sum()),
        "layers": layers,
        "steps": steps,
        "all layers at once, s": round(ours, 3),
        "captum layer by layer, s": round(per_layer * layers, 3),
        "captum layers timed": len(measured_layers),
        "K+1 bare forwards, s": round(floor, 3),
        "times faster than captum": round(per_layer * layers / ours, 1),
        "ratio to bare forwards": round(ours / floor, 2),
        "peak memory, MB": round(peak / 1e6),
    }


def difference(host: ModelHost, example: Example, steps: int, layers: list[int]) -> float:
    """Largest difference from Captum over these layers, in the host's precision (float64 is meant)."""
    batch = host.encode([example], max_length=256)
    path = SweptPath.of(host, batch, "pad_query_and_passage")
    sites = {Site(layer, SiteKind.MID) for layer in layers}
    ours = sweep_path(host, batch, host.target(TargetSpec(), batch), path, steps, "left", sites).sums
    peers = {layer: captum_layer(host, batch, path, layer, steps, 8) for layer in layers}
    return max(float((ours[Site(layer, SiteKind.MID)] - peer).abs().max()) for layer, peer in peers.items())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["demo", "large", "both"], default="both")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=None, help="default: 50 for the demo model, 10 for the large one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    name = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    device, pair, rows = torch.device(name), Demo().pair(), []
    example = Example("0", pair.query, pair.passages[0])
    if args.model in ("demo", "both"):
        row = measured(
            Hosts(MODELS, device=name).get("golgi-demo-reranker"), example, args.steps or 50, args.repeats, 6
        )
        exact = Hosts(MODELS, device=name, dtype="float64").get("golgi-demo-reranker")
        rows.append(row | {"largest difference in float64": difference(exact, example, 16, list(range(6)))})
    if args.model in ("large", "both"):
        row = measured(large(device, torch.float32), example, args.steps or 10, args.repeats, 3)
        exact = large(device, torch.float64)
        rows.append(row | {"largest difference in float64": difference(exact, example, 4, [0, 23])})
    text = json.dumps(rows, indent=1)
    sys.stdout.write(text + "\n")
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
