"""Neuron Integrated Gradients: total conductance of every neuron, in one sweep of the path (``nig.md``).

Source: Vast et al., ICTIR 2024 (arXiv 2406.19309); Shrikumar et al. 2018 (arXiv 1807.09946).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from app.domain.errors import GolgiError
from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind
from app.methods.base import Attribution
from app.methods.sweep import WORDS, Path, Sweep, complete_sites, sweep_path
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.pooling import Aggregation, parts_of, pool
from app.numerics.quadrature import Rule

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


class Conductance:
    """Neuron Integrated Gradients."""

    key: ClassVar[str] = "nig"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Neuron Integrated Gradients"
    about: ClassVar[str] = (
        "How much of the change of the score, from a padded input to the real one, flows through each neuron: the "
        "integral of the score's gradient at the neuron times the change of the neuron's activation, along the "
        "straight line between the two inputs' word embeddings. All layers and all neurons come from one sweep of the "
        "path. The same sweep gives integrated gradients per token. The target may also be the activation of one "
        "neuron (which neurons below feed it), or the probability that the first of two passages beats the second, "
        "with both inputs on their paths."
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
    control: ClassVar[bool] = False
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

    def attribute(self, host: ModelHost, batch: Batch, target: Target, params: BaseModel) -> tuple[Attribution, ...]:
        """Scores of each example; the steps are doubled for those whose remainder is above the tolerance.

        Raises:
            GolgiError: the scores are not finite numbers.
        """
        assert isinstance(params, Params)
        space, complete = target.scored(self.space(host, params)), complete_sites(host, target)
        path = Path.of(host, batch, params.baseline)
        found: dict[int, Attribution] = {}
        pending, steps = list(range(len(batch.examples))), params.steps
        while pending:
            part = batch.take(pending)
            sites = {*space.sites, *complete}
            sweep = sweep_path(host, part, target, path.take(pending), steps, params.rule, sites)
            more = params.adaptive and steps * 2 <= params.max_steps
            rough = (sweep.remainder(complete[-1]) > params.tolerance).tolist()
            for at, row in enumerate(pending):
                if not (more and rough[at]):
                    found[row] = _attribution(Row(sweep, part, at), space, complete, params, target, steps)
            pending = [row for row in pending if row not in found]
            steps *= 2
        return tuple(found[row] for row in range(len(batch.examples)))


@dataclass(frozen=True)
class Row:
    """One example of a sweep."""

    sweep: Sweep
    batch: Batch
    at: int

    def sums(self, site: Site) -> Tensor:
        """[T, U...] of this example, padding included."""
        return self.sweep.sums[site][self.at]

    @property
    def change(self) -> float:
        """ΔF."""
        return float(self.sweep.change[self.at])


def _attribution(
    row: Row, space: NeuronSpace, complete: tuple[Site, ...], params: Params, target: Target, steps: int
) -> Attribution:
    batch, at = row.batch, row.at
    neurons = {}
    for site in space.sites:
        total = row.sums(site)
        flat = total.sum(-1) if site.kind is SiteKind.HEAD else total
        mask, segment = batch.axis(len(flat))
        parts = parts_of(segment[at], mask[at], len(batch.segments))
        pooled = pool(flat, parts.to(flat.device), params.aggregation, int(batch.readout[at]))
        neurons[site] = pooled.double().cpu().numpy()
    if not (np.isfinite(row.change) and all(np.isfinite(values).all() for values in neurons.values())):
        raise GolgiError(
            "finite scores", "NaN or infinity on the path", "Load the model in float32, or choose another baseline."
        )
    return Attribution(
        score=float(row.sweep.path[at, -1]),
        baseline_score=float(row.sweep.path[at, 0]),
        parts=(ALL, *batch.segments),
        neurons=neurons,
        tokens=row.sums(WORDS).sum(-1)[batch.mask[at]].double().cpu().numpy(),
        residual={str(site): float(row.sweep.miss(site)[at]) for site in complete},
        notes=_notes(row, complete, params, target, steps),
    )


def _notes(row: Row, complete: tuple[Site, ...], params: Params, target: Target, steps: int) -> dict[str, Any]:
    (start_score, start_probability), (end_score, end_probability) = row.sweep.outcome[row.at].tolist()
    remainder = float(row.sweep.remainder(complete[-1])[row.at])
    notes: dict[str, Any] = {
        "steps": steps,
        "path": row.sweep.path[row.at].tolist(),
        "left_right_gap": float(row.sweep.gap[row.at]),
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
    if target.neuron is not None or target.rows > 1:
        return found
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
