"""What is done to which neurons (``nig.md`` sections 10 and 18)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Op(StrEnum):
    """How an activation is replaced.

    ``zero`` y <- 0, ``scale`` y <- amount * y, ``mean`` y <- the neuron's mean over the content tokens of the run's
    inputs, ``baseline`` y <- its value at the same token of the baseline input (path position 0).
    """

    ZERO = "zero"
    SCALE = "scale"
    MEAN = "mean"
    BASELINE = "baseline"


OP_TITLES = {
    Op.ZERO: "set to zero",
    Op.SCALE: "multiply by λ",
    Op.MEAN: "replace by the mean over tokens",
    Op.BASELINE: "restore the baseline value",
}


class Setting(BaseModel):
    """One state of the model under test.

    Args:
        op: what is done; ``amount`` is λ for ``scale`` and unused otherwise.
        family: ``base`` (nothing edited), ``target``, ``random``, ``bottom``, ``complement``.
        count: neurons edited.
        seed: of a random set.
        members: flat indices in the space of the source run.
        segments: edit these parts only; None for all tokens.
    """

    model_config = ConfigDict(frozen=True)

    op: Op = Op.ZERO
    amount: float = 0.0
    family: str = "target"
    count: int = 0
    seed: int | None = None
    members: tuple[int, ...] = ()
    segments: tuple[str, ...] | None = None
