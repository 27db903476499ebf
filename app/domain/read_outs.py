"""What reports tell of a single neuron: the tokens that it raises and lowers, and where it matters."""

from dataclasses import dataclass

PLAIN = "logit per unit of activation, without the final norm"
NORMED = "logit of the neuron's column alone through the final norm; beside it its share of the softmax"


@dataclass(frozen=True)
class Read:
    """One token: its text, its logit, and its share of the softmax; None where that is not told."""

    text: str
    logit: float | None = None
    share: float | None = None


@dataclass(frozen=True)
class ReadOut:
    """The ends of a neuron's read-out, the strongest first: by which run, and in which unit."""

    run: int
    unit: str
    raised: tuple[Read, ...]
    lowered: tuple[Read, ...]


@dataclass(frozen=True)
class Mention:
    """What a run says of a neuron: in words; ``query`` is the key of its query's page, empty for the run's own."""

    text: str
    query: str = ""
