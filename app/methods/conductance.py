"""Neuron Integrated Gradients: total conductance of every neuron, in one sweep of the path (``nig.md``).

Source: Vast et al., ICTIR 2024 (arXiv 2406.19309); Shrikumar et al. 2018 (arXiv 1807.09946).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from app.domain.errors import GolgiError
from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind
from app.methods.base import Answer, Attribution, Gives, Method, PathRecord
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


class NeuronIntegratedGradients(Method):
    """Neuron Integrated Gradients; defaults after ``nig.md`` section 14."""

    key: ClassVar[str] = "nig"
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
    gives: ClassVar[frozenset[Gives]] = frozenset({"neurons", "tokens"})
    fits: ClassVar[str] = (
        "A query with passages, two passages against each other, a text, a question with its context, a prompt. Any "
        "model whose word embeddings and gradients can be reached; it is at its best where a padded input says nothing."
    )
    reasons: ClassVar[Mapping[str, str]] = {
        "steps": "The low end of what the literature takes; an input that needs more gets more.",
        "baseline": "It moves every content token; special tokens, positions and length stay those of the input.",
        "preset": "Units between the two maps of a feed-forward layer: one number a neuron, in every family.",
        "aggregation": "Only a sum keeps the identities that are tested.",
        "rule": "Its error falls with the square of the steps, at the cost of the rules of first order.",
        "adaptive": "Each input stops by itself, so that only those that need more steps pay for them.",
        "tolerance": "What is above one per cent of the change is marked on the page.",
        "max_steps": "Three doublings of the default; beyond it the remainder is told instead.",
    }

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

    @property
    def origin(self) -> str:
        """The baseline."""
        return self.baseline

    def refuses(self, card: ModelCard) -> str | None:
        """Why this model or setting cannot be served, or None."""
        for name in (self.preset, "gradients", "words"):
            if name in card.off:
                return f"Neuron Integrated Gradients needs {name}, which is off for this model: {card.off[name]}"
        missing = [kind.value for kind in PRESETS[self.preset] if kind not in card.widths]
        if missing:
            return f"The preset {self.preset} needs {', '.join(missing)}; the family {card.family} has no such place."
        return None

    def space(self, host: ModelHost) -> NeuronSpace:
        """The neurons that are scored."""
        return host.space(self.preset)

    def passes(self, layers: int) -> int:
        """K + 1 forward-and-backward row-passes; doubling adds more when it is needed."""
        return self.steps + 1

    def paragraph(self, target: str) -> str:
        """Neurons, baseline, rule, steps and target."""
        return (
            f"{self.title} ({self.preset} neurons, baseline {self.baseline}, {self.rule} rule, {self.steps} intervals, "
            f"doubled up to {self.max_steps} while the remainder at the last block exceeded {self.tolerance} of ΔF) of "
            f"the {target}; {self.aggregation} over tokens"
        )

    def attribute(self, host: ModelHost, batch: Batch, target: Target) -> tuple[Attribution, ...]:
        """Scores of each example; the steps are doubled for those whose remainder is above the tolerance.

        Raises:
            GolgiError: the scores are not finite numbers.
        """
        space, complete = target.scored(self.space(host)), complete_sites(host, target)
        path = Path.of(host, batch, self.baseline)
        by_row: dict[int, Attribution] = {}
        pending, steps = list(range(len(batch.examples))), self.steps
        while pending:
            part = batch.take(pending)
            sites = {*space.sites, *complete}
            sweep = sweep_path(host, part, target, path.take(pending), steps, self.rule, sites)
            more = self.adaptive and steps * 2 <= self.max_steps
            rough = (sweep.remainder(complete[-1]) > self.tolerance).tolist()
            for at, row in enumerate(pending):
                if not (more and rough[at]):
                    by_row[row] = self._attribution(SweepRow(sweep, part, at, steps), space, complete)
            pending = [row for row in pending if row not in by_row]
            steps *= 2
        return tuple(by_row[row] for row in range(len(batch.examples)))

    def _attribution(self, row: "SweepRow", space: NeuronSpace, complete: tuple[Site, ...]) -> Attribution:
        """One example's scores, pooled over tokens.

        Raises:
            GolgiError: they are not finite.
        """
        neurons = {site: row.pooled(site, self.aggregation) for site in space.sites}
        if not (np.isfinite(row.change) and all(np.isfinite(values).all() for values in neurons.values())):
            raise GolgiError(
                "finite scores", "NaN or infinity on the path", "Load the model in float32, or choose another baseline."
            )
        record = row.record(complete[-1])
        return Attribution(
            score=record.values[-1],
            baseline_score=record.values[0],
            answer=row.answer,
            parts=(ALL, *row.batch.segments),
            neurons=neurons,
            tokens=row.tokens,
            residual={str(site): float(row.sweep.miss(site)[row.at]) for site in complete},
            steps=row.steps,
            path=record,
            warnings=tuple(self._warnings(row.sweep.target, record, row.answer)),
        )

    def _warnings(self, target: Target, record: PathRecord, answer: Answer) -> Iterator[str]:
        """Neutrality and completeness, in sentences (``nig.md`` section 4)."""
        if record.remainder > self.tolerance:
            yield (
                f"{100 * record.remainder:.1f} % of ΔF is unexplained at the last block output, above "
                f"{100 * self.tolerance:g} %. Raise the steps, or explain the margin or the logit instead."
            )
        if target.neuron is not None or target.rows > 1:
            return
        start, end = record.baseline.probability, answer.probability
        if abs(end - start) < 0.05:
            yield (
                f"The baseline is nearly as relevant as the input (probability {start:.3f} and {end:.3f}): little is "
                "left to explain, and positive and negative neurons cancel. Try the baseline pad_query, or the margin."
            )
        elif target.resolved.token_id is None and (start > 0.5) == (end > 0.5):
            yield (
                f"The baseline already gets the input's label (probability {start:.3f} and {end:.3f}). "
                "Expected for passages that are not relevant; look at the baseline pad_query too."
            )


@dataclass(frozen=True)
class SweepRow:
    """One example of a sweep with ``steps`` intervals."""

    sweep: Sweep
    batch: Batch
    at: int
    steps: int

    @property
    def change(self) -> float:
        """ΔF."""
        return float(self.sweep.change[self.at])

    @property
    def answer(self) -> Answer:
        """The model's answer to the input."""
        return self._answer(1)

    @property
    def tokens(self) -> NDArray[np.float64]:
        """[T] integrated gradients of the tokens that are not padding."""
        relevance: NDArray[np.float64] = self._sums(WORDS).sum(-1)[self.batch.mask[self.at]].double().cpu().numpy()
        return relevance

    def record(self, site: Site) -> PathRecord:
        """What the path tells; the remainder is that at ``site``."""
        return PathRecord(
            values=tuple(self.sweep.path[self.at].tolist()),
            baseline=self._answer(0),
            left_right_gap=float(self.sweep.gap[self.at]),
            remainder=float(self.sweep.remainder(site)[self.at]),
            remainder_site=str(site),
        )

    def pooled(self, site: Site, how: Aggregation) -> NDArray[np.float64]:
        """[P, U] scores of a site's units by part of the input."""
        total = self._sums(site)
        by_unit = total.sum(-1) if site.kind is SiteKind.HEAD else total
        mask, segment = self.batch.axis(len(by_unit))
        parts = parts_of(segment[self.at], mask[self.at], len(self.batch.segments))
        scores: NDArray[np.float64] = (
            pool(by_unit, parts.to(by_unit.device), how, int(self.batch.readout[self.at])).double().cpu().numpy()
        )
        return scores

    def _sums(self, site: Site) -> Tensor:
        """[T, U...] of this example, padding included."""
        return self.sweep.sums[site][self.at]

    def _answer(self, end: int) -> Answer:
        """At the baseline (0) or at the input (1)."""
        score, probability = self.sweep.outcome[self.at, end].tolist()
        return Answer(score, probability)
