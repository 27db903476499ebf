"""Two to six rankings or sets side by side, and the cross test of studies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

import numpy as np

from app.analysis import agreement
from app.analysis.agreement import Overlap
from app.data.demo import Study
from app.domain.counting import counted
from app.domain.errors import BadInput, GolgiError, NotFound
from app.domain.runs import Run, RunState
from app.domain.scores import NeuronScores
from app.domain.set_rules import NeuronSet
from app.domain.sites import NeuronSpace
from app.figures.base import Figure
from app.kinds import kind_of
from app.kinds.titles import start_of
from app.kinds.words import signed
from app.services.compare_figures import Side, by_depth, figures_of, members_of
from app.services.cross_view import CrossView, cross_view
from app.services.pages import Pages, rankings
from app.services.report_view import ReportView, StudyView, report_view, study_view
from app.store.sets import Sets

T = TypeVar("T")
MOST = 6
UNFINISHED = (RunState.WAITING, RunState.RUNNING)
ACROSS = "Different neurons: only where in depth they lie is compared here; a study compares what they do."


@dataclass(frozen=True)
class SidePair:
    """Two sides by name: what their sets share, and the rank correlation of all neurons (NaN without two rankings)."""

    first: str
    second: str
    overlap: Overlap
    spearman: float


@dataclass(frozen=True)
class Combination:
    """Names of the sides, and the number of neurons that are in all of them and in no other."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Mover:
    """A neuron whose rank differs between the first two rankings; ranks count from 1."""

    neuron: str
    ranks: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class CompareView:
    """A comparison at a share of all neurons; empty until two things are chosen and computed.

    ``waiting`` holds chosen runs that are not finished yet, ``left_out`` a sentence for everything named that cannot be
    compared; ``rankings`` and ``sets`` are what can be chosen.
    """

    sides: tuple[Side, ...]
    waiting: tuple[Run, ...]
    share: float
    rankings: tuple[Run, ...]
    sets: tuple[NeuronSet, ...]
    left_out: tuple[str, ...] = ()
    total: int = 0
    pairs: tuple[SidePair, ...] = ()
    combinations: tuple[Combination, ...] = ()
    all_shared: int = 0
    all_expected: float = 0.0
    movers: tuple[Mover, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    sentence: str = ""

    @property
    def looks(self) -> tuple[tuple[str, str], ...]:
        """Every two runs by title, or by number where two are called the same, and the query of the address that looks
        at them neuron by neuron; the rest stays."""
        titles = {side.run.id: start_of(side.run.title, 50) for side in self.sides if side.run is not None}
        alike = len(set(titles.values())) < len(titles)
        names = {number: f"run {number}" if alike else title for number, title in titles.items()}
        numbers = list(titles)
        sets = [f"set={side.saved.id}" for side in self.sides if side.saved is not None]
        looks = []
        for first, second in combinations(numbers, 2):
            order = [first, second, *(number for number in numbers if number not in (first, second))]
            query = "&".join([*(f"run={number}" for number in order), *sets, f"k={100 * self.share:g}%25"])
            looks.append((f"{names[first]} and {names[second]}", query))
        return tuple(looks)


class Compare:
    """Reads stored runs and sets."""

    def __init__(self, pages: Pages, sets: Sets) -> None:
        self.pages, self.runs, self.results, self.sets = pages, pages.runs, pages.results, sets

    def view(self, runs: Sequence[int], sets: Sequence[int], share: float = 0.01) -> CompareView:
        """The comparison; what is named twice stands there once.

        Raises:
            BadInput: more than six, no share, or things of different models or neurons. BadInput, NotFound: nothing
                that is named can be compared.
        """
        if not 0 < share <= 1:
            raise BadInput("a share above 0 and up to 100 %", f"{100 * share:g} %", "Write for example 1%.", "k")
        found, refused = _each(self._ranking, runs)
        saved, unknown = _each(self.sets.get, sets)
        if not found and not saved and (refused or unknown):
            raise next(iter({**refused, **unknown}.values()))
        waiting = tuple(run for run in found if run.state in UNFINISHED)
        sides = _sides([run for run in found if run.state not in UNFINISHED], saved)
        left_out = [f"Run {number}: expected {e.expected}, found {e.found}." for number, e in refused.items()]
        left_out += [f"Set {number}: expected {e.expected}, found {e.found}." for number, e in unknown.items()]
        bare = CompareView(tuple(sides), waiting, share, rankings(self.runs), self.sets.find(), tuple(left_out))
        if len(sides) < 2:
            return bare
        scores = {side.key: self.results.scores(side.run.id) for side in sides if side.run is not None}
        space = _space(sides, scores)
        if space is None:
            drawn = {"depths": by_depth(sides, scores, share)}
            return CompareView(**{**vars(bare), "figures": drawn, "sentence": ACROSS})
        return CompareView(**{**vars(bare), **_compared(sides, scores, space, share)})

    def cross(self, measure: str = "nDCG@10", fraction: float = 0.0, model: str = "") -> CrossView:
        """The cross test of a model."""
        return cross_view(self.pages, measure, fraction, model)

    def study(self, report: str, recorded: Sequence[Run]) -> ReportView:
        """The report of the demo study beside its recorded runs."""
        return report_view(self.pages, report, recorded)

    def recorded_study(self, study: Study) -> StudyView:
        """Another study that ships with Golgi, with its runs."""
        return study_view(self.pages, study)

    def _ranking(self, number: int) -> Run:
        """A run that ranks neurons, or will.

        Raises:
            NotFound: no such run. BadInput: it does not rank neurons.
        """
        run = self.runs.get(number)
        kind = kind_of(run.spec.kind)
        if "ranking" not in kind.gives:
            raise BadInput("a run that ranks neurons", kind.noun, "Choose another.", "run")
        if run.state not in UNFINISHED and not run.facts.get("n"):
            raise BadInput("a run with results", f"none, it is {run.state}", "Try it again, or choose another.", "run")
        return run


def _each(get: Callable[[int], T], numbers: Sequence[int]) -> tuple[list[T], dict[int, GolgiError]]:
    """What is there of what is named, each once, and by number why the rest is not."""
    found, refused = [], dict[int, GolgiError]()
    for number in dict.fromkeys(numbers):
        try:
            found.append(get(number))
        except (BadInput, NotFound) as error:
            refused[number] = error
    return found, refused


def _sides(runs: Sequence[Run], sets: Sequence[NeuronSet]) -> list[Side]:
    """What is compared.

    Raises:
        BadInput: more than six.
    """
    if len(runs) + len(sets) > MOST:
        raise BadInput(f"two to {MOST} runs or sets", str(len(runs) + len(sets)), "Take some out.", "run")
    sides = [Side(f"run {run.id}", f"{run.title} (run {run.id})", run, None) for run in runs]
    return sides + [Side(f"set {neurons.id}", neurons.name, None, neurons) for neurons in sets]


def _compared(
    sides: Sequence[Side], scores: Mapping[str, NeuronScores], space: NeuronSpace, share: float
) -> dict[str, object]:
    """Fields of the view of a comparison within one neuron space."""
    tops = {side.key: members_of(side, scores, space, share) for side in sides}
    names = {side.key: side.name for side in sides}
    overlaps = agreement.matrix(tops, len(space))
    pairs = tuple(
        SidePair(names[first], names[second], overlap, _rho(scores, first, second))
        for (first, second), overlap in overlaps.items()
    )
    shared = len(set.intersection(*(set(units.tolist()) for units in tops.values())))
    expected = agreement.intersection_chance([len(units) for units in tops.values()], len(space))
    exclusive = agreement.combinations(tops)
    return {
        "total": len(space),
        "pairs": pairs,
        "combinations": tuple(Combination(tuple(names[key] for key in keys), count) for keys, count in exclusive),
        "all_shared": shared,
        "all_expected": expected,
        "movers": _movers(scores, space),
        "figures": figures_of(sides, scores, space, overlaps, share),
        "sentence": _sentence(pairs, shared, expected, len(sides)) + _checkpoints(sides),
    }


def _space(sides: Sequence[Side], scores: Mapping[str, NeuronScores]) -> NeuronSpace | None:
    """The neuron space of all sides; None where they differ, or where only sets of several models are compared.

    Raises:
        BadInput: sets alone of one model, whose neurons no run has told.
    """
    spaces = {ranking.space for ranking in scores.values()}
    sets = [side.saved for side in sides if side.saved is not None]
    if len(spaces) > 1 or (len({side.weights for side in sides}) > 1 and not spaces):
        return None
    if not spaces:
        raise BadInput("at least one run beside the sets", "sets alone", "Add a run of the same model.", "run")
    space = spaces.pop()
    known = set(space.sites)
    indices = [index for neurons in sets for index in neurons.indices]
    fit = all(index.site in known and index.unit < space.width(index.site) for index in indices)
    return space if fit and all(neurons.total == len(space) for neurons in sets) else None


def _rho(scores: Mapping[str, NeuronScores], first: str, second: str) -> float:
    if first not in scores or second not in scores:
        return float("nan")
    return agreement.spearman(scores[first].of("all"), scores[second].of("all"))


def _movers(scores: Mapping[str, NeuronScores], space: NeuronSpace) -> tuple[Mover, ...]:
    """The neurons whose rank changes most between the first two rankings, among the top 1 % of either."""
    keys = list(scores)[:2]
    if len(keys) < 2:
        return ()
    ranks = [np.argsort(scores[key].order(), kind="stable") for key in keys]
    count = max(1, round(0.01 * len(space)))
    near = np.flatnonzero((ranks[0] < count) | (ranks[1] < count))
    order = near[np.argsort(-np.abs(np.log1p(ranks[0][near]) - np.log1p(ranks[1][near])), kind="stable")][:20]
    return tuple(
        Mover(
            str(space.index(int(flat))),
            tuple(int(rank[flat]) + 1 for rank in ranks),
            tuple(float(scores[key].of("all")[flat]) for key in keys),
        )
        for flat in order
    )


def _checkpoints(sides: Sequence[Side]) -> str:
    """A warning where weights differ (training checkpoints are compared so)."""
    if len({side.weights for side in sides}) < 2:
        return ""
    return " Weights differ: a neuron's number means the same only between checkpoints of one training."


def _sentence(pairs: Sequence[SidePair], shared: int, expected: float, count: int) -> str:
    if count == 2:
        overlap, rho = pairs[0].overlap, pairs[0].spearman
        are = "are" if overlap.shared != 1 else "is"
        sentence = f"{overlap.shared} of {overlap.size_a} and {counted(overlap.size_b, 'neuron')} {are} shared; "
        sentence += f"{overlap.expected:.1f} by chance (p of at least as many {overlap.p:.2g})"
        return sentence + (f"; rank correlation of all neurons {signed(rho)}." if not np.isnan(rho) else ".")
    low = min((pair.spearman for pair in pairs if not np.isnan(pair.spearman)), default=1.0)
    rough = f" The lowest rank correlation of two is {signed(low)}, below one half." if low < 0.5 else ""
    inside = f"{counted(shared, 'neuron')} {'is' if shared == 1 else 'are'} in all {count}"
    return f"{inside}; {expected:.2g} by chance if the sets were independent.{rough}"
