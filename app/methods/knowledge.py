"""Knowledge attribution: the feed-forward units whose values at the read-out token make the answer (``qrnca.md``).

Source: Chen, Dejl, Toni, AAAI 2025 (arXiv 2406.10868), section 4 of the specification; Dai et al., ACL 2022
(arXiv 2104.08696). Axes: P parts of the input, U units of a block.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import BadInput, GolgiError
from app.domain.examples import ALL
from app.domain.model_card import ModelCard
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.methods.base import Answer, Attribution, Gives, Method
from app.methods.readout import JOINT, PathSums, ReadoutPaths, Where
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target
from app.numerics.pooling import parts_of, pool
from app.numerics.riemann import Points, riemann

CITATION = (
    "@inproceedings{chen2025qrnca, title={Identifying Query-Relevant Neurons in Large Language Models for Long-Form "
    "Texts}, author={Chen, Lihu and Dejl, Adam and Toni, Francesca}, booktitle={AAAI}, year={2025}, "
    "eprint={2406.10868}, archivePrefix={arXiv}}"
)
LEAST = 0.1
"""A probability below which an answer is hardly the model's own (section 16)."""


class _ReadoutMethod(Method):
    """What the two share: straight paths of a block's units from zero to their values."""

    gives: ClassVar[frozenset[Gives]] = frozenset({"neurons"})
    joint: ClassVar[bool] = False
    of_prompts: ClassVar[bool] = True
    citation: ClassVar[str] = CITATION
    fits: ClassVar[str] = (
        "A prompt of a language model whose next token is the answer, which it was made for; also a query with "
        "passages and a text. Not two passages against each other. Any model with feed-forward units and gradients."
    )
    reasons: ClassVar[Mapping[str, str]] = {
        "steps": "As published. The remainder of every path is shown beside the scores.",
        "rule": "As printed in the paper. The midpoint rule has a smaller error at the same cost.",
        "positions": "As published: one token carries the answer, and a causal model runs that token alone.",
    }

    steps: int = Field(16, ge=1, le=4096, description="points of each path; more points, smaller remainder")
    rule: Points = Field("right", description="where the points lie: right as printed, code as released, midpoint")
    positions: Where = Field(
        "readout", description="tokens whose units are scaled: the one that carries the answer, or all together"
    )

    def refuses(self, card: ModelCard) -> str | None:
        """Why this model cannot be served, or None."""
        for name in ("ffn", "gradients"):
            if name in card.off:
                return f"{self.title} needs {name}, which is off for this model: {card.off[name]}"
        if SiteKind.MID not in card.widths:
            return f"{self.title} needs feed-forward units; the family {card.family} has no such place."
        return None

    def space(self, host: ModelHost) -> NeuronSpace:
        """Feed-forward units; at the read-out token those of the blocks that hold it."""
        space = host.space("ffn")
        return space.within(host.answering_layers) if self.positions == "readout" else space

    def passes(self, layers: int) -> int:
        """m + 1 row-passes for each path; in causal language models of one token, through the blocks above."""
        return (self.steps + 1) * (1 if self.joint else layers)

    def attribute(self, host: ModelHost, batch: Batch, target: Target) -> tuple[Attribution, ...]:
        """Scores of each example, each by itself.

        Raises:
            BadInput: a target that two rows have together.
            GolgiError: the scores are not finite numbers.
        """
        if target.rows > 1:
            way = "Choose another target, or explain it with Neuron Integrated Gradients."
            raise BadInput("a target of one input", "one that two passages have together", way, "target")
        sites = target.scored(self.space(host)).sites
        return tuple(self._one(host, batch.take([row]), target, sites) for row in range(len(batch.examples)))

    def _one(self, host: ModelHost, batch: Batch, target: Target, sites: tuple[Site, ...]) -> Attribution:
        paths = ReadoutPaths(host, batch, target, sites, self.positions)
        sums = paths.sums(riemann(self.steps, self.rule), joint=self.joint)
        one = ReadoutExample(sums, batch)
        neurons = {site: one.pooled(site) for site in sites}
        finite = [np.isfinite(values).all() for values in neurons.values()]
        if not (all(finite) and np.isfinite(list(sums.starts.values())).all()):
            way = "Load the model in float32, or choose another target."
            raise GolgiError("finite scores", "NaN or infinity on the path", way)
        score, relevance, probability = sums.outcome
        changes = self._changes(sums, sites)
        return Attribution(
            score=score,
            baseline_score=sums.starts.get(JOINT, score),
            answer=Answer(relevance, probability),
            parts=(ALL, *batch.segments),
            neurons=neurons,
            tokens=None,
            residual={name: one.total(which) - changes[name] for name, which in self._sums_of(sites).items()},
            changes=changes,
            steps=self.steps,
            warnings=tuple(self._warnings(target, probability)),
        )

    def _sums_of(self, sites: tuple[Site, ...]) -> dict[str, tuple[Site, ...]]:
        """Name of each path to the sites whose scores add up along it."""
        return {"mid, all blocks": sites} if self.joint else {str(site): (site,) for site in sites}

    def _changes(self, sums: PathSums, sites: tuple[Site, ...]) -> dict[str, float]:
        """Name of each path to F at its end minus F at its beginning."""
        starts = [sums.starts[JOINT]] if self.joint else [sums.starts[site.layer] for site in sites]
        return {name: sums.outcome[0] - start for name, start in zip(self._sums_of(sites), starts, strict=True)}

    def _warnings(self, target: Target, probability: float) -> Iterator[str]:
        """What makes the scores say little (``qrnca.md`` section 16)."""
        if target.neuron is None and probability < LEAST:
            yield (
                f"The model gives this answer a probability of {probability:.2g}, below {LEAST:g}: the scores explain "
                "a low probability. See that the target is the token that the model would write, blank included."
            )

    def paragraph(self, target: str) -> str:
        """Points, rule, tokens and target."""
        where = "at the read-out token" if self.positions == "readout" else "at all tokens together"
        return (
            f"{self.title} of feed-forward units {where} (from zero to their values, {self.steps} points, "
            f"{self.rule} rule) of the {target}"
        )


class KnowledgeAttribution(_ReadoutMethod):
    """A path of its own for each block; defaults after ``qrnca.md`` section 13."""

    key: ClassVar[str] = "knowledge"
    title: ClassVar[str] = "Knowledge attribution"
    about: ClassVar[str] = (
        "How much each feed-forward unit's value at the token that carries the answer makes the target: in each block "
        "the units are scaled together from zero to their values, everything above is recomputed, and a unit's score "
        "is its value times the mean gradient of the target along that way. It is the attribution step of "
        "query-relevant neurons (QRNCA), whose clusters discount units that show up for many queries."
    )
    identity: ClassVar[str] = (
        "The scores of one block add up to the target minus the target with that block's units at zero there; the "
        "remainder of every block is stored and shown. Scores of different blocks do not add up to anything, since "
        "each block has a path of its own."
    )
    limits: ClassVar[str] = (
        "Zero is a value that the model never saw, and only one token is looked at. A unit that shows up for every "
        "question (of letters, of function words) ranks high here; that is what clusters over many queries take out."
    )
    additive: ClassVar[bool] = False
    sums: ClassVar[str] = "Sum of a block's scores minus what the target loses with that block's units at zero"
    sums_note: ClassVar[str] = (
        "Each block has a path of its own, so scores of different blocks are not parts of one sum. To shrink a "
        "remainder raise the steps, or take the midpoint rule."
    )


class JointKnowledge(_ReadoutMethod):
    """One path for all blocks together (``qrnca.md`` section 12, 4): cheap, and another quantity."""

    key: ClassVar[str] = "knowledge_joint"
    title: ClassVar[str] = "Knowledge attribution, joint path"
    about: ClassVar[str] = (
        "As knowledge attribution, but the feed-forward units of all blocks are scaled together along one path. It "
        "costs one path instead of one a block, and gives another quantity: on small models the two correlate at "
        "about a half."
    )
    identity: ClassVar[str] = (
        "All scores add up to the target minus the target with the feed-forward units of all blocks at zero there."
    )
    limits: ClassVar[str] = (
        "Near the beginning of the path the model has no feed-forward layers at that token, which is far from anything "
        "that it does. It is not the published score; choose knowledge attribution for that."
    )
    joint: ClassVar[bool] = True


@dataclass(frozen=True)
class ReadoutExample:
    """The scores of one example, and its tokens."""

    sums: PathSums
    batch: Batch

    def total(self, sites: tuple[Site, ...]) -> float:
        """Sum of all scores of some sites."""
        return float(sum(self.sums.sums[site].sum() for site in sites))

    def pooled(self, site: Site) -> NDArray[np.float64]:
        """[P, U] scores of a site's units by part of the input; at tokens that did not run they are zero."""
        scores, before = self.sums.sums[site], self.sums.tokens
        mask, segment = (self.batch.mask, self.batch.segment) if before else self.batch.axis(len(scores))
        run = slice(before, before + len(scores))
        parts = parts_of(segment[0, run], mask[0, run], len(self.batch.segments))
        pooled: NDArray[np.float64] = pool(scores, parts.to(scores.device), "sum", 0).cpu().numpy()
        return pooled
