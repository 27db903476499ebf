"""One neuron over all runs of its model: its scores, its tokens, and where it matters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.errors import BadInput, NotFound
from app.domain.model_card import ModelCard
from app.domain.read_outs import Mention, ReadOut
from app.domain.runs import Run, RunState
from app.domain.sites import NeuronIndex, SiteKind
from app.figures import neuron_scores
from app.figures.base import Figure
from app.figures.neuron_scores import ScoredIn
from app.kinds import kinds
from app.kinds.firing import Firing
from app.kinds.reporting import Report
from app.methods.base import methods
from app.models.tasks import tasks
from app.store.results import Results

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
        firing: what it does in texts, by the run that read most; None where none looked. figure: its scores by method.
    """

    id: str
    model: str
    rows: tuple[dict[str, Any], ...]
    norm: str
    read: ReadOut | None
    readable: bool
    mentions: tuple[Mentioned, ...]
    firing: Firing | None
    figure: Figure | None
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
    """The fullest read-out of a neuron, what runs say of it, and what it does in texts.

    Args:
        index: the neuron. runs: kind to its runs of the same weights, the newest first. pages: tell of runs.
        norm: ``without`` or ``with`` the final norm.
    """
    reads: list[ReadOut] = []
    fired: list[Firing] = []
    mentions: list[Mentioned] = []
    for kind in kinds().values():
        for run in runs.get(kind.key, ())[:LATEST] if "neurons" in kind.gives else ():
            report = pages.report(run.id)
            found = report.read_outs(index).get(norm)
            reads += [found] if found else []
            seen = report.firing(index)
            fired += [seen] if seen else []
            said = report.mentions(index)
            mentions += [Mentioned(run, said)] if said else []
    fullest = max(reads, key=lambda read: (len(read.raised), read.run), default=None)
    widest = max(fired, key=lambda one: (one.tokens, one.run), default=None)
    return fullest, tuple(sorted(mentions, key=lambda one: -one.run.id)), widest


def is_told(run: Run, weights: str) -> bool:
    """Whether a run of these weights has results."""
    return run.spec.weights_hash == weights and run.state in (RunState.DONE, RunState.PARTIAL)


def scores_figure(
    index: NeuronIndex, rows: Sequence[Mapping[str, Any]], runs: Sequence[Run], results: Results
) -> Figure | None:
    """Its scores in the runs that scored it, by method; None where there is none.

    Args:
        index: the neuron. rows: see :meth:`Results.neuron`, of each of ``runs``.
    """
    scored = [_scored(index, row, run, results) for row, run in zip(rows, runs, strict=True)]
    known = sorted((one for one in scored if one is not None), key=lambda one: (one.method, -one.run))
    if not known:
        return None
    model = runs[0].spec.model
    caption = f"{index} of {model}; intervals are 1.96 standard errors over a run's examples, runs of one have none"
    return neuron_scores.scores(known, str(index), caption)


def _scored(index: NeuronIndex, row: Mapping[str, Any], run: Run, results: Results) -> ScoredIn | None:
    """Its score in one run; None where the run stored no ends of its ranking."""
    ends = [one for side in ("top", "bottom") for one in results.top(run.id, side, 0, 1)]
    strongest = max((abs(one.score) for one in ends), default=0.0)
    if not strongest:
        return None
    key = str(run.spec.settings.get("method", ""))
    method = methods()[key].title if key in methods() else kinds()[run.spec.kind].title
    try:
        error = float(results.layer(run.id, index.site, "se", "all")[index.unit])
    except NotFound:
        error = 0.0
    return ScoredIn(run.id, run.title, method, row["score"], error, row["n"], strongest)
