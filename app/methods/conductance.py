"""Neuron Integrated Gradients: total conductance of every neuron, in one sweep of the path (``nig.md``).

Source: Vast et al., ICTIR 2024 (arXiv 2406.19309); Shrikumar et al. 2018 (arXiv 1807.09946).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from app.domain.errors import GolgiError
from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind
from app.methods.base import Attribution
from app.models.baselines import words as baseline_words
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.pooling import Aggregation, parts_of, pool
from app.numerics.quadrature import Rule, StieltjesSum, positions

WORDS = Site(0, SiteKind.WORDS)
BYTES_PER_CHUNK = {"cpu": 1 << 28, "cuda": 1 << 32}
TOKENS_PER_CHUNK = {"cpu": 2048, "cuda": 32768}

Baseline = Literal[
    "pad_query_and_passage",
    "pad_query",
    "pad_passage",
    "pad_all",
    "unk_query_and_passage",
    "mask_query_and_passage",
    "zero_embedding",
    "mean_embedding",
]


class Params(BaseModel):
    """Settings of the method; defaults after ``nig.md`` section 14."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(50, ge=2, le=4096, description="intervals of the path; more steps, smaller remainder")
    baseline: Baseline = Field(
        "pad_query_and_passage", description="the input that says nothing; the path starts there"
    )
    preset: Literal["ffn", "ffn_pre", "linear6", "heads", "resid"] = Field("ffn", description="what counts as a neuron")
    aggregation: Aggregation = Field("sum", description="from tokens to neurons; only sum keeps the identities")
    rule: Rule = Field("trap", description="quadrature rule; trap is second order at the same cost")
    adaptive: bool = Field(True, description="double the steps while the remainder is above the tolerance")
    tolerance: float = Field(0.01, gt=0, lt=1, description="largest remainder at the last encoder layer, share of ΔF")
    max_steps: int = Field(400, ge=2, le=4096, description="where doubling ends")


@dataclass(frozen=True)
class Sweep:
    """One pass over the path: [T, U...] sums per site, and F at each of the K + 1 positions."""

    sums: dict[Site, Tensor]
    path: Tensor
    outcome: tuple[tuple[float, float], tuple[float, float]]
    gap: float


class Conductance:
    """Neuron Integrated Gradients."""

    key: ClassVar[str] = "nig"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Neuron Integrated Gradients"
    about: ClassVar[str] = (
        "How much of the change of the score, from a padded input to the real one, flows through each neuron: the "
        "integral of the score's gradient at the neuron times the change of the neuron's activation, along the "
        "straight line between the two inputs' word embeddings. All layers and all neurons come from one sweep of the "
        "path. The same sweep gives integrated gradients per token."
    )
    identity: ClassVar[str] = (
        "At a place that every path from the words to the score crosses (the word embeddings, each block's output) "
        "the scores add up to the score's change ΔF; the remainder is stored and shown. Feed-forward neurons are not "
        "such a place, because the residual stream passes them by: their sum is not ΔF and is not meant to be."
    )
    limits: ClassVar[str] = (
        "Attribution follows one synthetic path from one baseline; another baseline gives other scores. A baseline "
        "that already gets the input's label leaves little to explain, and such runs are marked. Scores are "
        "correlational until neurons are switched off, which is what the ablation form is for."
    )
    citation: ClassVar[str] = (
        "@inproceedings{vast2024neurons, title={Which Neurons Matter in IR? Applying Integrated Gradients-based "
        "Methods to Understand Cross-Encoders}, author={Vast, Mathias and Van Cooten, Basile and Soulier, Laure and "
        "Piwowarski, Benjamin}, booktitle={ICTIR}, pages={133--143}, year={2024}, doi={10.1145/3664190.3672528}}"
    )
    Params: ClassVar[type[BaseModel]] = Params

    def refuses(self, card: ModelCard, params: BaseModel) -> str | None:
        """Why this model or setting cannot be served, or None."""
        assert isinstance(params, Params)
        for name in (params.preset, "gradients", "words"):
            if name in card.off:
                return f"Neuron Integrated Gradients needs {name}, which is off for this model: {card.off[name]}"
        missing = [kind.value for kind in PRESETS[params.preset] if kind not in card.widths]
        if missing:
            return f"The preset {params.preset} needs {', '.join(missing)}; the family {card.family} has no such place."
        return None

    def space(self, host: ModelHost, params: BaseModel) -> NeuronSpace:
        """The neurons that are scored."""
        assert isinstance(params, Params)
        return host.space(params.preset)

    def passes(self, params: BaseModel) -> int:
        """K + 1 forward-and-backward row-passes; doubling adds more when it is needed."""
        assert isinstance(params, Params)
        return params.steps + 1

    def attribute(self, host: ModelHost, batch: Batch, target: Target, params: BaseModel) -> Attribution:
        """Scores of one example.

        Raises:
            GolgiError: the scores are not finite numbers.
        """
        assert isinstance(params, Params)
        space = self.space(host, params)
        complete = complete_sites(host)
        path = _path(host, batch, params.baseline)
        steps = params.steps
        while True:
            sweep = sweep_path(host, batch, target, path, steps, params.rule, {*space.sites, *complete})
            last = _remainder(sweep, complete[-1])
            if not params.adaptive or steps * 2 > params.max_steps or last <= params.tolerance:
                break
            steps *= 2
        return _attribution(sweep, space, complete, batch, params, target, steps)


@dataclass(frozen=True)
class Path:
    """Word embeddings [1, T, E] of the baseline, and the way from there to the input."""

    start: Tensor
    change: Tensor

    def edit(self, alphas: Tensor) -> Callable[[Tensor, Batch], Tensor]:
        """Rows of the batch at these path positions."""
        return lambda value, batch: self.start + alphas[:, None, None].to(value.dtype) * self.change


def _path(host: ModelHost, batch: Batch, baseline: str) -> Path:
    start = baseline_words(host, batch, baseline)
    end = host.run(batch, None, record=[WORDS]).value(WORDS)
    return Path(start, end - start)


def complete_sites(host: ModelHost) -> tuple[Site, ...]:
    """Sites that every path from the word embeddings to F crosses (I1); the last one drives the step doubling."""
    return (WORDS, *(Site(layer, SiteKind.RESID) for layer in host.complete_layers()))


def sweep_path(
    host: ModelHost, batch: Batch, target: Target, path: Path, steps: int, rule: Rule, sites: set[Site]
) -> Sweep:
    """One forward and one backward row-pass per position, all sites at once (``nig.md`` section 13)."""
    sums = {site: StieltjesSum(rule) for site in sorted(sites | {WORDS})}
    ends = {name: StieltjesSum(name) for name in ("left", "right")}
    alphas = positions(steps, path.start.device, path.start.dtype)
    values, outcomes = [], []
    for chunk in alphas.split(chunk_rows(host, batch, sites)):
        rows = batch.take([0] * len(chunk))
        trace = host.run(rows, target, record=list(sums), edits={WORDS: (path.edit(chunk),)}, grad=True)
        gradients = trace.gradients(*sums)
        for site, running in sums.items():
            running.add(trace.value(site), gradients[site])
        for running in ends.values():
            running.add(trace.value(WORDS), gradients[WORDS])
        values.append(trace.outputs.detach())
        outcomes.append(torch.stack(target.outcome(trace.logits.detach())))
    points = torch.cat(outcomes, dim=1).double()
    gap = float((ends["right"].total - ends["left"].total).sum())
    first, last = points[:, 0].tolist(), points[:, -1].tolist()
    return Sweep(
        {site: running.total for site, running in sums.items()},
        torch.cat(values).double(),
        ((first[0], first[1]), (last[0], last[1])),
        gap,
    )


def chunk_rows(host: ModelHost, batch: Batch, sites: set[Site]) -> int:
    """Path positions per forward pass: bounded by tokens and by the bytes of the recorded tensors and gradients."""
    tokens = batch.mask.shape[1]
    known = host.card.widths
    widths = sum(known[site.kind][site.layer] if site.kind in known else host.card.hidden for site in sites)
    bytes_per_row = max(1, tokens * widths * 2 * 4)
    device = host.device.type if host.device.type in TOKENS_PER_CHUNK else "cpu"
    return max(1, min(TOKENS_PER_CHUNK[device] // tokens, BYTES_PER_CHUNK[device] // bytes_per_row))


def _remainder(sweep: Sweep, site: Site) -> float:
    """|sum of the site's scores - ΔF| as a share of |ΔF| (absolute where ΔF is 0)."""
    change = float(sweep.path[-1] - sweep.path[0])
    miss = abs(float(sweep.sums[site].double().sum()) - change)
    return miss / abs(change) if abs(change) > 1e-9 else miss


def _attribution(
    sweep: Sweep,
    space: NeuronSpace,
    complete: tuple[Site, ...],
    batch: Batch,
    params: Params,
    target: Target,
    steps: int,
) -> Attribution:
    parts = parts_of(batch.segment[0], batch.mask[0], len(batch.segments))
    readout = int(batch.readout[0])
    neurons = {}
    for site in space.sites:
        total = sweep.sums[site]
        flat = total.sum(-1) if site.kind is SiteKind.HEAD else total
        neurons[site] = pool(flat, parts.to(flat.device), params.aggregation, readout).double().cpu().numpy()
    change = float(sweep.path[-1] - sweep.path[0])
    if not (np.isfinite(change) and all(np.isfinite(values).all() for values in neurons.values())):
        raise GolgiError(
            "finite scores", "NaN or infinity on the path", "Load the model in float32, or choose another baseline."
        )
    return Attribution(
        score=float(sweep.path[-1]),
        baseline_score=float(sweep.path[0]),
        parts=(ALL, *batch.segments),
        neurons=neurons,
        tokens=sweep.sums[WORDS].sum(-1).double().cpu().numpy(),
        residual={str(site): float(sweep.sums[site].double().sum()) - change for site in complete},
        notes=_notes(sweep, complete, params, target, steps),
    )


def _notes(sweep: Sweep, complete: tuple[Site, ...], params: Params, target: Target, steps: int) -> dict[str, Any]:
    (start_score, start_probability), (end_score, end_probability) = sweep.outcome
    remainder = _remainder(sweep, complete[-1])
    notes: dict[str, Any] = {
        "steps": steps,
        "path": [float(value) for value in sweep.path],
        "left_right_gap": sweep.gap,
        "remainder": remainder,
        "remainder_site": str(complete[-1]),
        "score": end_score,
        "probability": end_probability,
        "baseline_relevance_score": start_score,
        "baseline_probability": start_probability,
    }
    notes["warnings"] = _warnings(params, target, remainder, start_probability, end_probability)
    return notes


def _warnings(params: Params, target: Target, remainder: float, start: float, end: float) -> list[str]:
    """Neutrality and completeness, in sentences (``nig.md`` section 4)."""
    found = []
    if remainder > params.tolerance:
        found.append(
            f"{100 * remainder:.1f} % of ΔF is unexplained at the last block output, above "
            f"{100 * params.tolerance:g} %. Raise the steps, or explain the margin or the logit instead."
        )
    if abs(end - start) < 0.05:
        found.append(
            f"The baseline is nearly as relevant as the input (probability {start:.3f} and {end:.3f}): little is left "
            "to explain, and positive and negative neurons cancel. Try the baseline pad_query, or the margin."
        )
    elif target.resolved.token_id is None and (start > 0.5) == (end > 0.5):
        found.append(
            f"The baseline already gets the input's label (probability {start:.3f} and {end:.3f}). "
            "Expected for passages that are not relevant; look at the baseline pad_query too."
        )
    return found
