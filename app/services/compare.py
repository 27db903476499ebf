"""Two to six rankings or sets side by side, and the cross test of studies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.analysis import agreement
from app.analysis.agreement import Overlap
from app.domain.errors import BadInput
from app.domain.neuron_sets import Members
from app.domain.runs import Run, RunState
from app.domain.scores import NeuronScores
from app.domain.set_rules import NeuronSet
from app.domain.sites import NeuronIndex, NeuronSpace, SiteKind
from app.figures import sets as figures
from app.figures.base import Figure
from app.services.cross_view import CrossView, cross_view
from app.services.report_view import ReportView, report_view
from app.services.words import signed
from app.store.results import Results
from app.store.runs import Runs
from app.store.sets import Sets

MOST = 6
EXTREME = 200
RANKED = ("explain", "attribute")
ACROSS = "Different neurons: only where in depth they lie is compared here; a study compares what they do."


@dataclass(frozen=True)
class Side:
    """One of the things compared: a run's ranking, or a set."""

    key: str
    name: str
    run: Run | None
    saved: NeuronSet | None


@dataclass(frozen=True)
class CompareView:
    """A comparison at a share of all neurons; empty until two things are chosen and computed.

    ``waiting`` holds chosen runs that are not finished yet.
    """

    sides: tuple[Side, ...]
    waiting: tuple[Run, ...]
    share: float
    total: int
    pairs: tuple[tuple[str, str, Overlap, float], ...]
    combinations: tuple[tuple[tuple[str, ...], int], ...]
    all_shared: int
    all_expected: float
    movers: tuple[tuple[str, tuple[int, ...], tuple[float, ...]], ...]
    figures: Mapping[str, Figure]
    sentence: str
    rankings: tuple[Run, ...]
    sets: tuple[NeuronSet, ...]


class Compare:
    """Reads stored runs and sets."""

    def __init__(self, runs: Runs, results: Results, sets: Sets) -> None:
        self.runs, self.results, self.sets = runs, results, sets

    def view(self, runs: Sequence[int], sets: Sequence[int], share: float = 0.01) -> CompareView:
        """The comparison.

        Raises:
            BadInput: more than six, or things of different models or neurons. NotFound: no such run or set.
        """
        open_ones = (RunState.WAITING, RunState.RUNNING)
        waiting = tuple(run for run in map(self.runs.get, runs) if run.state in open_ones)
        sides = self._sides([number for number in runs if number not in {run.id for run in waiting}], sets)
        ready, saved = self.runs.rankings(), self.sets.find()
        if len(sides) < 2:
            return CompareView(tuple(sides), waiting, share, 0, (), (), 0, 0.0, (), {}, "", ready, saved)
        scores = {side.key: self.results.scores(side.run.id) for side in sides if side.run is not None}
        space = _space(sides, scores)
        if space is None:
            drawn = {"depths": _by_depth(sides, scores, share)}
            return CompareView(tuple(sides), waiting, share, 0, (), (), 0, 0.0, (), drawn, ACROSS, ready, saved)
        tops = {side.key: _members(side, scores, space, share) for side in sides}
        names = {side.key: side.name for side in sides}
        overlaps = agreement.matrix(tops, len(space))
        pairs = tuple((names[a], names[b], one, _rho(scores, a, b)) for (a, b), one in overlaps.items())
        shared = len(set.intersection(*(set(units.tolist()) for units in tops.values())))
        expected = agreement.intersection_chance([len(units) for units in tops.values()], len(space))
        drawn = _figures(sides, scores, space, overlaps, share)
        many = tuple((tuple(names[key] for key in keys), n) for keys, n in agreement.combinations(tops))
        return CompareView(
            tuple(sides),
            waiting,
            share,
            len(space),
            pairs,
            many,
            shared,
            expected,
            _movers(scores, space),
            drawn,
            _sentence(pairs, shared, expected, len(sides)) + _checkpoints(sides),
            ready,
            saved,
        )

    def cross(self, measure: str = "nDCG@10", fraction: float = 0.0, model: str = "") -> CrossView:
        """The cross test of a model."""
        return cross_view(self.runs, self.results, measure, fraction, model)

    def study(self, report: str, recorded: Sequence[Run]) -> ReportView:
        """The report of the demo study beside its recorded runs."""
        return report_view(self.runs, self.results, report, recorded)

    def _sides(self, runs: Sequence[int], sets: Sequence[int]) -> list[Side]:
        if len(runs) + len(sets) > MOST:
            raise BadInput(f"two to {MOST} runs or sets", str(len(runs) + len(sets)), "Take some out.", "run")
        found = []
        for number in runs:
            run = self.runs.get(number)
            if run.spec.kind not in RANKED or not run.facts.get("n"):
                raise BadInput("runs that rank neurons", f"run {number}, {run.spec.kind}", "Choose another.", "run")
            found.append(Side(f"run {number}", f"{run.title} (run {number})", run, None))
        return found + [Side(f"set {one.id}", one.name, None, one) for one in map(self.sets.get, sets)]


def _weights(sides: Sequence[Side]) -> set[str]:
    """Weights of all sides."""
    return {s.run.spec.weights_hash for s in sides if s.run} | {s.saved.weights_hash for s in sides if s.saved}


def _space(sides: Sequence[Side], scores: Mapping[str, NeuronScores]) -> NeuronSpace | None:
    """The neuron space of all sides; None where they differ, or where only sets of several models are compared.

    Raises:
        BadInput: sets alone of one model, whose neurons no run has told.
    """
    spaces = {one.space for one in scores.values()}
    sets = [side.saved for side in sides if side.saved is not None]
    if len(spaces) > 1 or (len(_weights(sides)) > 1 and not spaces):
        return None
    if not spaces:
        raise BadInput("at least one run beside the sets", "sets alone", "Add a run of the same model.", "run")
    space = spaces.pop()
    known = set(space.sites)
    fit = all(index.site in known and index.unit < space.width(index.site) for one in sets for index in one.indices)
    return space if fit and all(one.total == len(space) for one in sets) else None


def _by_depth(sides: Sequence[Side], scores: Mapping[str, NeuronScores], share: float) -> Figure:
    """Members of every side by relative depth, for models whose neurons have no common numbers."""
    lines: dict[str, list[float]] = {}
    for side in sides:
        if side.saved is not None:
            layers = [index.layer for index in side.saved.indices]
            deepest = max(layers)
        else:
            space = scores[side.key].space
            layers = [space.index(int(flat)).layer for flat in _members(side, scores, space, share)]
            deepest = max(site.layer for site in space.sites)
        depth = np.asarray(layers) / max(deepest, 1)
        lines[side.key] = (np.histogram(depth, bins=np.linspace(0, 1, 7))[0] / len(layers)).tolist()
    names = ", ".join(f"{side.key}: {side.name}" for side in sides)
    return figures.depths(lines, f"{names} · a set's deepest layer counts as 1")


def _members(side: Side, scores: Mapping[str, NeuronScores], space: NeuronSpace, share: float) -> Members:
    if side.saved is not None:
        return np.asarray(sorted(space.flat(NeuronIndex.parse(one)) for one in side.saved.members), dtype=np.int64)
    return scores[side.key].order()[: max(1, round(share * len(space)))]


def _rho(scores: Mapping[str, NeuronScores], a: str, b: str) -> float:
    if a not in scores or b not in scores:
        return float("nan")
    return agreement.spearman(scores[a].of("all"), scores[b].of("all"))


def _figures(
    sides: Sequence[Side],
    scores: Mapping[str, NeuronScores],
    space: NeuronSpace,
    overlaps: Mapping[tuple[str, str], Overlap],
    share: float,
) -> dict[str, Figure]:
    names = {side.key: side.name for side in sides}
    caption = f"{', '.join(names)} · {len(space):,} neurons"
    found = {"matrix": _matrix(sides, overlaps, f"{caption} · top {100 * share:g} %")}
    if len(_weights(sides)) > 1 and len(sides) > 2:
        found["along"] = _along(sides, overlaps, f"{caption} · top {100 * share:g} %")
    ranked = list(scores)
    if len(ranked) < 2:
        return found
    orders = {key: scores[key].order() for key in ranked}
    pairs = [(a, b) for at, a in enumerate(ranked) for b in ranked[at + 1 :]][:6]
    curves = {f"{a} and {b}": agreement.by_depth(orders[a], orders[b]) for a, b in pairs}
    found["depth"] = figures.depth(curves, caption)
    a, b = (scores[key].of("all") for key in ranked[:2])
    label = lambda site: f"L{site.layer}" if site.kind is SiteKind.MID else str(site)  # noqa: E731
    rows = [
        (label(site), agreement.spearman(a[where], b[where]), _same(a[where], b[where]))
        for site, where in space.slices()
    ]
    found["by_layer"] = figures.by_layer(rows, f"{ranked[0]} and {ranked[1]} · {len(space):,} neurons")
    extreme = np.argsort(-np.maximum(_places(a), _places(b)), kind="stable")[:EXTREME].astype(np.int64)
    ids = [str(space.index(int(flat))) for flat in extreme]
    found["scatter"] = figures.scatter(a, b, ids, extreme, (ranked[0], ranked[1]), caption)
    return found


def _same(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float((np.sign(a) == np.sign(b)).mean())


def _places(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude in units of the largest."""
    return np.asarray(np.abs(values) / (np.abs(values).max() or 1.0))


def _matrix(sides: Sequence[Side], overlaps: Mapping[tuple[str, str], Overlap], caption: str) -> Figure:
    values = np.eye(len(sides))
    texts = [["" for _ in sides] for _ in sides]
    places = {side.key: at for at, side in enumerate(sides)}
    for (a, b), one in overlaps.items():
        for i, j in ((places[a], places[b]), (places[b], places[a])):
            values[i, j] = one.jaccard
            texts[i][j] = f"{one.jaccard:.2f} ({one.shared}; {one.expected:.1f} by chance)"
    keys = [side.key for side in sides]
    return figures.matrix(keys, keys, values, texts, ("Overlap of every two", "Jaccard", caption))


def _along(sides: Sequence[Side], overlaps: Mapping[tuple[str, str], Overlap], caption: str) -> Figure:
    """Overlap of each checkpoint's set with the one before it and with the last one (``nig.md`` section 18-9)."""
    keys = [side.key for side in sides]
    last = len(keys) - 1
    lines = {
        "with the last": [overlaps[key, keys[-1]] if at < last else None for at, key in enumerate(keys)],
        "with the one before": [overlaps[keys[at - 1], key] if at else None for at, key in enumerate(keys)],
    }
    return figures.along(keys, lines, caption)


def _movers(
    scores: Mapping[str, NeuronScores], space: NeuronSpace
) -> tuple[tuple[str, tuple[int, ...], tuple[float, ...]], ...]:
    """The neurons whose rank changes most between the first two rankings, among the top 1 % of either."""
    keys = list(scores)[:2]
    if len(keys) < 2:
        return ()
    ranks = [np.argsort(scores[key].order(), kind="stable") for key in keys]
    count = max(1, round(0.01 * len(space)))
    near = np.flatnonzero((ranks[0] < count) | (ranks[1] < count))
    order = near[np.argsort(-np.abs(np.log1p(ranks[0][near]) - np.log1p(ranks[1][near])), kind="stable")][:20]
    return tuple(
        (
            str(space.index(int(flat))),
            tuple(int(rank[flat]) + 1 for rank in ranks),
            tuple(float(scores[key].of("all")[flat]) for key in keys),
        )
        for flat in order
    )


def _checkpoints(sides: Sequence[Side]) -> str:
    """A warning where weights differ (training checkpoints are compared so)."""
    if len(_weights(sides)) < 2:
        return ""
    return " Weights differ: a neuron's number means the same only between checkpoints of one training."


def _sentence(pairs: Sequence[tuple[str, str, Overlap, float]], shared: int, expected: float, count: int) -> str:
    if count == 2:
        _, _, one, rho = pairs[0]
        told = f"{one.shared} of {one.size_a} and {one.size_b} neurons are shared; {one.expected:.1f} by chance"
        odds = f" (p of at least as many {one.p:.2g})"
        return told + odds + (f"; rank correlation of all neurons {signed(rho)}." if not np.isnan(rho) else ".")
    low = min((rho for _, _, _, rho in pairs if not np.isnan(rho)), default=1.0)
    rough = f" The lowest rank correlation of two is {signed(low)}, below one half." if low < 0.5 else ""
    return f"{shared} neurons are in all {count}; {expected:.2g} by chance if the sets were independent.{rough}"
