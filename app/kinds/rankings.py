"""What kinds share that score neurons: rows their work stores; lines, figures and table of their reports."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from app.analysis.ends import Ends, ends, per_sign
from app.analysis.layers import summarise
from app.domain.examples import CONTENT_SEGMENTS
from app.domain.results import ArrayRow, Row, TopNeuron
from app.domain.runs import Run
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind, noun_of
from app.domain.targets import BRANCHES
from app.figures import layers, strongest
from app.figures.base import Figure
from app.figures.small import Small, small
from app.kinds.reporting import Table
from app.methods.base import Attribution
from app.store.results import Results

TOP_STORED = 2000
FIRST_NEURONS = 25


def joined(branches: Sequence[Attribution]) -> Attribution:
    """One example's attribution; of the two branches of a pairwise target their sum, with each branch as one more part
    (``nig.md`` section 18-8). The rest is the first one's."""
    first = branches[0]
    if len(branches) == 1:
        return first
    by_site = {site: [branch.neurons[site] for branch in branches] for site in first.neurons}
    neurons = {
        site: np.concatenate([sum(values), *(branch[:1] for branch in values)]) for site, values in by_site.items()
    }
    return replace(first, parts=(*first.parts, *BRANCHES), neurons=neurons)


def score_facts(scores: NeuronScores) -> dict[str, Any]:
    """Numbers of the result by name."""
    summary = summarise(scores)
    return {
        "n": scores.n,
        "neurons": len(scores.space),
        "top_share": summary.top_share,
        "strongest_layer": summary.strongest_layer,
        "positive": summary.positive,
        "negative": summary.negative,
    }


def score_rows(scores: NeuronScores) -> Iterator[Row]:
    """Mean by part, standard error, positive share, and the ends of the ranking."""
    for site, where in scores.space.slices():
        place = (site.kind.value, site.layer, scores.n)
        for number, part in enumerate(scores.parts):
            yield ArrayRow("scores", "mean", part, *place, scores.mean[number, where])
        yield ArrayRow("scores", "se", "all", *place, scores.se[where])
        yield ArrayRow("scores", "positive", "all", *place, scores.positive[where])
    yield from _ends(scores, scores.space)


def _ends(scores: NeuronScores, space: NeuronSpace) -> Iterator[TopNeuron]:
    values = scores.of("all")
    for side, by in (("top", "signed"), ("bottom", "bottom")):
        for rank, flat in enumerate(scores.order("all", by)[:TOP_STORED], start=1):
            index = space.index(int(flat))
            yield TopNeuron("mean", side, rank, index.kind.value, index.layer, index.unit, float(values[flat]))


@dataclass(frozen=True)
class NeuronLine:
    """A row of the neuron table. ``sign`` is the share of examples with a positive score."""

    id: str
    layer: int
    rank: int
    score: float
    se: float
    sign: float
    parts: Mapping[str, float]


class Ranking:
    """What pages read of a run that scored neurons, looked at by one part of the input."""

    def __init__(self, run: Run, results: Results, part: str) -> None:
        self.run, self.results = run, results
        self.parts = tuple(run.plan.get("parts", ("all",)))
        self.part = part if part in self.parts else "all"

    def shown(self, side: str) -> tuple[NeuronLine, ...]:
        """The first rows of a neuron table by the looked-at part; ``side`` is ``top`` or ``bottom``."""
        return self.lines(side) if self.part == "all" else self._lines(self._first(side))

    def _first(self, side: str) -> list[TopNeuron]:
        """The end of a ranking by the looked-at part, which is not stored; the first of equal scores first."""
        values, sign = self._values(), 1 if side == "bottom" else -1
        starts = np.cumsum([0, *(row["width"] for row in self.profile)])
        rows = []
        for rank, flat in enumerate(np.argsort(sign * values, kind="stable")[:FIRST_NEURONS], start=1):
            at = int(np.searchsorted(starts, flat, side="right")) - 1
            place = self.profile[at]
            unit = int(flat - starts[at])
            rows.append(TopNeuron("mean", side, rank, place["kind"], place["layer"], unit, float(values[flat])))
        return rows

    def lines(self, side: str, offset: int = 0) -> tuple[NeuronLine, ...]:
        """The first rows of a neuron table over all tokens; ``side`` is ``top`` or ``bottom``."""
        return self._lines(self.results.top(self.run.id, side, offset, FIRST_NEURONS))

    def _lines(self, rows: Sequence[TopNeuron]) -> tuple[NeuronLine, ...]:
        content = tuple(name for name in self.parts if name in CONTENT_SEGMENTS or name in BRANCHES)
        cache: dict[tuple[Any, str, str], Any] = {}

        def value(neuron: TopNeuron, name: str, part: str) -> float:
            site = NeuronIndex(neuron.layer, SiteKind(neuron.kind), neuron.unit).site
            key = (site, name, part)
            if key not in cache:
                cache[key] = self.results.layer(self.run.id, site, name, part)
            return float(cache[key][neuron.unit])

        return tuple(
            NeuronLine(
                id=f"L{row.layer}.{row.kind}.{row.unit}",
                layer=row.layer,
                rank=row.rank,
                score=row.score,
                se=value(row, "se", "all"),
                sign=value(row, "positive", "all"),
                parts={part: value(row, "mean", part) for part in content},
            )
            for row in rows
        )

    def layers(self) -> tuple[int, ...]:
        """Block numbers with scores."""
        return tuple(dict.fromkeys(int(row["layer"]) for row in self.profile))

    @property
    def caption(self) -> str:
        """Run, model, number of examples, part."""
        return f"run {self.run.id} · {self.run.spec.model} · n = {self.run.facts['n']} · {self.part}"

    @cached_property
    def noun(self) -> str:
        """What a unit of the run is called: ``neuron`` or ``head``."""
        return noun_of(SiteKind(row["kind"]) for row in self.profile)

    @cached_property
    def profile(self) -> tuple[dict[str, Any], ...]:
        """Sums by site of the looked-at part, see :meth:`Results.profile`."""
        return self.results.profile(self.run.id, self.part)

    def drawings(self, unit: str) -> dict[str, Callable[[], Figure]]:
        """Overview, profile and distribution of the looked-at part."""
        return {
            "overview": lambda: strongest.overview(self.ends(), unit, self.caption),
            "profile": lambda: layers.profile(self.profile, unit, self.caption, self._several()),
            "distribution": lambda: layers.distribution(self._values(), unit, self.caption, self.noun),
        }

    def ends(self) -> tuple[Ends, ...]:
        """The strongest units of every site, heads all of them, see :meth:`Results.ends`."""
        count = max(row["width"] for row in self.profile) if self.noun == "head" else None
        return self.results.ends(self.run.id, self.part, count)

    def small(self) -> Small:
        """The overview in little."""
        return small(self.ends())

    def _several(self) -> bool:
        """Whether more than one kind of place is scored."""
        return len({row["kind"] for row in self.profile}) > 1

    def _values(self) -> Any:
        """[N] scores of the looked-at part."""
        places = [Site(row["layer"], SiteKind(row["kind"])) for row in self.profile]
        return np.concatenate([self.results.layer(self.run.id, site, "mean", self.part) for site in places])

    def table(self) -> Table:
        """A neuron a row: its scores by part in the target's unit, standard error, share of positive examples."""
        scores = self.results.scores(self.run.id)

        def rows() -> Iterator[tuple[Any, ...]]:
            for site, where in scores.space.slices():
                for unit, flat in enumerate(range(where.start, where.stop)):
                    means = [float(value) for value in scores.mean[:, flat]]
                    name = f"L{site.layer}.{site.kind.value}.{unit}"
                    spread = (float(scores.se[flat]), float(scores.positive[flat]))
                    yield (name, site.layer, site.kind.value, unit, *means, *spread)

        columns = ("neuron", "layer", "kind", "unit", *scores.parts, "se", "positive_share")
        return Table(columns, rows)


def ends_of(scores: NeuronScores) -> tuple[Ends, ...]:
    """The strongest units of every site of scores that are not stored yet; heads all of them."""
    space, values = scores.space, scores.of("all")
    heads = noun_of(site.kind for site in space.sites) == "head"
    count = max(space.widths) if heads else per_sign(len(space.sites))
    errors = scores.se if scores.n > 1 else None
    return tuple(ends(site, values[at], count, None if errors is None else errors[at]) for site, at in space.slices())


def side_by_side(rankings: Sequence[Ranking], unit: str) -> tuple[tuple[str, Figure], ...]:
    """Part and overview of some looks at one run, on scales that hold them all."""
    pictures = [ranking.ends() for ranking in rankings]
    scales = strongest.reach(pictures)
    return tuple(
        (ranking.part, strongest.overview(sites, unit, ranking.caption, scales))
        for ranking, sites in zip(rankings, pictures, strict=True)
    )
