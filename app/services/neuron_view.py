"""One neuron over all runs of its model: its scores, its tokens, and where it matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.errors import BadInput
from app.domain.model_card import ModelCard
from app.domain.read_outs import Mention, ReadOut
from app.domain.runs import Run, RunState
from app.domain.sites import NeuronIndex, SiteKind
from app.kinds import kinds
from app.kinds.reporting import Report
from app.models.tasks import tasks

LATEST = 10
"""So many runs of a kind are asked what they tell of a neuron, the newest first."""


@dataclass(frozen=True)
class Mentioned:
    """What one run says of a neuron."""

    run: Run
    said: tuple[Mention, ...]


@dataclass(frozen=True)
class NeuronView:
    """One unit over all runs of its model.

    Args:
        rows: its score in every run that scored it.
        read: its tokens without or with the final norm (``norm``); None where no run read it so. readable: whether it
            can be read as tokens at all.
        mentions: runs that say where it matters; the newest ``latest`` of a kind were asked.
    """

    id: str
    model: str
    rows: tuple[dict[str, Any], ...]
    norm: str
    read: ReadOut | None
    readable: bool
    mentions: tuple[Mentioned, ...]
    latest: int = LATEST


class Told(Protocol):
    """What tells of stored runs."""

    def report(self, number: int, look: Mapping[str, str] | None = None) -> Report[Any, Any]:
        """What is told of one run."""
        ...


def see_there(index: NeuronIndex, card: ModelCard | None) -> None:
    """See that a model has a neuron, as far as its card tells.

    Raises:
        BadInput: it has not.
    """
    if card is None:
        return
    widths = card.widths.get(index.kind, ())
    if index.layer >= len(widths) or index.unit >= widths[index.layer]:
        raise BadInput(
            f"layers 0 to {card.layers - 1}, units 0 to {max(widths, default=1) - 1} of {index.kind.value}",
            f"'{index}'",
            "Correct the id; layers and units count from zero.",
            "neuron",
        )


def is_readable(index: NeuronIndex, card: ModelCard | None) -> bool:
    """Whether a unit writes a column that a head of tokens can read."""
    return index.kind is SiteKind.MID and card is not None and any("token" in tasks()[key].asks for key in card.tasks)


def told_of(index: NeuronIndex, runs: Mapping[str, tuple[Run, ...]], pages: Told, norm: str) -> tuple[Any, ...]:
    """The fullest read-out of a neuron, and what runs say of it.

    Args:
        index: the neuron. runs: kind to its runs of the same weights, the newest first. pages: tell of runs.
        norm: ``without`` or ``with`` the final norm.
    """
    reads: list[ReadOut] = []
    mentions: list[Mentioned] = []
    for kind in kinds().values():
        for run in runs.get(kind.key, ())[:LATEST] if "neurons" in kind.gives else ():
            report = pages.report(run.id)
            found = report.read_outs(index).get(norm)
            reads += [found] if found else []
            said = report.mentions(index)
            mentions += [Mentioned(run, said)] if said else []
    fullest = max(reads, key=lambda read: (len(read.raised), read.run), default=None)
    return fullest, tuple(sorted(mentions, key=lambda one: -one.run.id))


def is_told(run: Run, weights: str) -> bool:
    """Whether a run of these weights has results."""
    return run.spec.weights_hash == weights and run.state in (RunState.DONE, RunState.PARTIAL)
