"""Which neurons: rules that print, and random sets that match them (``nig.md`` sections 9 and 11)."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.bounds import Count, Key
from app.domain.counting import counted
from app.domain.errors import BadInput
from app.domain.questions import Question, Shown
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronIndex, NeuronSpace

Members = NDArray[np.int64]
RANKS = {
    "top": "top by score",
    "bottom": "most negative",
    "abs": "largest magnitude",
    "small": "smallest magnitude",
    "hand": "hand-picked",
}


class Selection(Question):
    """A rule that takes neurons from a run's scores.

    Args:
        rank: ``top`` largest signed scores, ``bottom`` most negative, ``abs`` largest magnitude, ``small`` smallest
            magnitude, ``hand`` the ids in ``neurons``.
        fraction: share of all neurons of the space; used when ``count`` is None.
        count: number of neurons.
        layers: only these block numbers; None for all. The fraction still refers to the whole space.
        part: part of the input whose scores rank.
        neurons: hand-picked ids, ``L3.mid.1201``.
    """

    rank: Annotated[
        Literal["top", "bottom", "abs", "small", "hand"], Shown("Which neurons", titles=RANKS, always=True)
    ] = Field("top", description="which end of the ranking, or neurons picked by hand")
    fraction: Annotated[
        float, Shown("How many", name="size", flag="top", aliases=("share",), widget="size", when="rule", always=True)
    ] = Field(0.01, gt=0, le=1, description="a count, or a share of all neurons: 25 or 1%")
    count: Annotated[Key | None, Shown(widget="hidden")] = Field(None, ge=1)
    layers: Annotated[tuple[Count, ...] | None, Shown("Only layers", when="rule")] = Field(
        None, description="for example 0,3,5"
    )
    part: Annotated[str, Shown("Ranked by their score at", when="rule")] = Field(
        "all", description="part of the input whose scores rank"
    )
    neurons: Annotated[tuple[str, ...], Shown("Neuron ids", widget="ids", when="hand")] = Field(
        (), description="L3.mid.1201, one per line; counted from zero"
    )

    def __str__(self) -> str:
        if self.rank == "hand":
            return f"hand-picked, {counted(len(self.neurons), 'neuron')}"
        size = f"{self.count}" if self.count is not None else f"{100 * self.fraction:g} %"
        where = "" if self.layers is None else " of layers " + ", ".join(f"L{x}" for x in self.layers)
        part = "" if self.part == "all" else f" by {self.part}"
        return f"{self.rank} {size}{where}{part}"

    def size(self, space: NeuronSpace) -> int:
        """Number of neurons asked for: ``count``, else ``round(fraction * N)``, at least 1."""
        return self.count if self.count is not None else max(1, round(self.fraction * len(space)))


def ranked(rule: Selection, scores: NeuronScores) -> Members:
    """Flat indices of every neuron the rule may take, first rank first; ties by (layer, index).

    Raises:
        BadInput: an id or a part is not of this run, or nothing fits the rule.
    """
    space = scores.space
    if rule.rank == "hand":
        picked = {space.flat(NeuronIndex.parse(text)) for text in rule.neurons}
        order = np.asarray([flat for flat in scores.order() if flat in picked], dtype=np.int64)
    else:
        if rule.part not in scores.parts:
            known = ", ".join(scores.parts)
            raise BadInput(f"one of the parts {known}", f"'{rule.part}'", "Choose one of them.", "part")
        order = scores.order(rule.part, "signed" if rule.rank == "top" else rule.rank)
    if rule.layers is not None:
        allowed = np.zeros(len(space), dtype=bool)
        for site, where in space.slices():
            allowed[where] = site.layer in rule.layers
        order = order[allowed[order]]
    if not len(order):
        raise BadInput("at least one neuron", "an empty selection", "Pick neurons, or widen the rule.", "neurons")
    return order


def select(rule: Selection, scores: NeuronScores) -> Members:
    """The ``round(p * N)`` first neurons of the rule, or all picked by hand (``nig.md`` section 9, rule 1)."""
    order = ranked(rule, scores)
    return order if rule.rank == "hand" else order[: rule.size(scores.space)]


def random_matched(members: Members, space: NeuronSpace, seed: int) -> Members:
    """As many neurons of each site, drawn without replacement (``nig.md`` section 11, control 1)."""
    draw = np.random.default_rng(seed)
    parts = [
        space.offsets[site] + np.sort(draw.choice(space.width(site), size=len(units), replace=False))
        for site, units in space.split(members).items()
    ]
    return np.concatenate(parts).astype(np.int64)


def random_global(count: int, space: NeuronSpace, seed: int) -> Members:
    """``count`` neurons drawn uniformly over the whole space, without replacement (control 2)."""
    return np.sort(np.random.default_rng(seed).choice(len(space), size=count, replace=False)).astype(np.int64)


def complement(members: Members, space: NeuronSpace) -> Members:
    """Every neuron of the space that is not a member."""
    return np.setdiff1d(np.arange(len(space), dtype=np.int64), members)
