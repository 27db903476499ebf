"""What is done to which neurons (``nig.md`` sections 10 and 18)."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.domain.positions import Positions


class Op(StrEnum):
    """How an activation is replaced.

    ``zero`` y <- 0, ``scale`` y <- amount * y, ``mean`` y <- the neuron's mean over the content tokens of the same
    input, ``baseline`` y <- its value at the same token of the baseline input (path position 0), ``resample`` y <- its
    value at the same position of the query's next candidate. ``input`` turns it round: the whole input is the baseline
    input, and y <- its value on the real one.
    """

    ZERO = "zero"
    SCALE = "scale"
    MEAN = "mean"
    BASELINE = "baseline"
    RESAMPLE = "resample"
    INPUT = "input"

    @property
    def replaces(self) -> bool:
        """Whether values are put in, rather than multiplied."""
        return self in (Op.MEAN, Op.BASELINE, Op.RESAMPLE, Op.INPUT)


OP_TITLES = {
    Op.ZERO: "set to zero",
    Op.SCALE: "multiply by λ",
    Op.MEAN: "replace by the mean over the input's tokens",
    Op.BASELINE: "restore the baseline value",
    Op.RESAMPLE: "take the value of another passage",
}
"""Ops that can be asked for, with their words."""


class Axis(StrEnum):
    """The question a setting belongs to: the chosen set, the curve over sizes, the dose-response, single neurons with
    their baseline value (``patched``) or with their real value in the baseline input (``back``)."""

    CHOSEN = "chosen"
    CURVE = "curve"
    DOSE = "dose"
    PATCHED = "patched"
    BACK = "back"


class Family(StrEnum):
    """What a setting's members are: nothing edited (``base``, ``start`` on the baseline input), the tested set, random
    sets matched per site or over all sites (``global``), the ends of a ranking, all but the tested set, another
    ranking."""

    BASE = "base"
    START = "start"
    TARGET = "target"
    RANDOM = "random"
    GLOBAL = "global"
    BOTTOM = "bottom"
    SMALL = "small"
    COMPLEMENT = "complement"
    CONTROL = "control"


def _none() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Setting:
    """One state of the model under test.

    Args:
        family: ``base`` (nothing edited), ``target``, ``random`` (matched per site), ``global`` (random over all
            sites), ``bottom``, ``small``, ``complement``, ``control`` (another ranking),
            ``start`` (the baseline input, nothing edited).
        members: flat indices in the neuron space.
        invert: edit every neuron of the space that is not a member instead.
        op: what is done; ``amount`` is λ for ``scale`` and unused otherwise.
        seed: of a random set.
        segments, readout, generated: where it edits, see :class:`Positions`; all tokens unless one is given.
        axis: the question it belongs to: ``chosen``, ``curve``, ``dose``, or single neurons ``patched`` (``back`` for
            the real value put into the baseline input).
        count: neurons edited.
        label: of the set, where there are several.
    """

    family: str = "base"
    members: NDArray[np.int64] = field(default_factory=_none)
    invert: bool = False
    op: Op = Op.ZERO
    amount: float = 0.0
    seed: int | None = None
    segments: tuple[str, ...] | None = None
    axis: str = "chosen"
    count: int = 0
    label: str = ""
    readout: bool = False
    generated: int = 0

    @property
    def positions(self) -> Positions:
        """At which tokens it edits."""
        return Positions(self.segments, self.readout, self.generated)

    @property
    def text(self) -> str:
        """Text form, for instance ``zero(random 92, seed 3)``."""
        if self.family == "base":
            return "intact"
        seed = "" if self.seed is None else f", seed {self.seed}"
        amount = f"({self.amount:g})" if self.op is Op.SCALE else ""
        where = "" if self.positions.everywhere else f" at {self.positions}"
        name = f"{self.label} " if self.label else ""
        return f"{self.op.value}{amount}({name}{self.family} {self.count}{seed}){where}"
