"""What is told of one query: its neurons, and its answer with them scaled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.domain.counting import counted
from app.domain.results import ItemRow
from app.domain.roles import POOL
from app.domain.runs import Run
from app.figures.base import Figure
from app.kinds.locate.question import LocateLook, LocateQuestion
from app.kinds.rankings import Ranking
from app.kinds.reporting import Report, Table
from app.methods.base import Method, method_of

LEAST, LEAST_MASS = 0.1, 0.5
"""Probability of an answer, and of all options, below which they are hardly the model's own (``qrnca.md`` section
16)."""


@dataclass(frozen=True)
class FoundNeuron:
    """A neuron of the query: its share of the cluster (na, 0 to 1), discounted (naica; the same without a pool), the
    clusters of the pool that hold it (None without one), and the tokens that it raises and lowers most."""

    neuron: str
    na: float
    naica: float
    clusters: int | None
    raised: tuple[str, ...]
    lowered: tuple[str, ...]


@dataclass(frozen=True)
class ScaledAnswer:
    """An answer's probability, 0 to 1, with the query's neurons times ``factor``; mean and range of as many random
    neurons of the same blocks. ``right``: it stays the likeliest of its options (of all tokens where it has none)."""

    factor: float
    probability: float
    random: float
    low: float
    high: float
    right: bool


@dataclass(frozen=True)
class WordingLine:
    """A wording: its answer intact and scaled. ``finds``: it found neurons; others are held out."""

    number: int
    prompt: str
    word: str
    token: int
    finds: bool
    known: bool
    likeliest: str
    probability: float
    mass: float
    options: int
    scaled: tuple[ScaledAnswer, ...]


@dataclass(frozen=True)
class LocateView:
    """The result; empty while nothing is there yet. ``queries``: clusters of the pool, 0 without one."""

    settings: LocateQuestion
    pool: Run | None
    sentence: str
    warnings: tuple[str, ...]
    neurons: tuple[FoundNeuron, ...]
    dropped: tuple[str, ...]
    cluster: int
    queries: int
    common: int
    wordings: tuple[WordingLine, ...]
    figures: Mapping[str, Figure]
    facts: Mapping[str, Any]


class LocateReport(Report[LocateQuestion, LocateLook]):
    """What is told of one query."""

    headings: ClassVar[Mapping[str, str]] = {"which": "Its neurons", "matter": "The answer before and after"}

    @cached_property
    def _set(self) -> ItemRow | None:
        """The stored set; None while it is not there."""
        return next((row for row in self.items if row.label == "neurons"), None)

    @cached_property
    def neurons(self) -> tuple[FoundNeuron, ...]:
        """The query's neurons, strongest first."""
        if self._set is None:
            return ()
        return tuple(
            FoundNeuron(
                neuron=line["neuron"],
                na=line["na"],
                naica=line["naica"],
                clusters=line["clusters"],
                raised=tuple(line["words"][0]),
                lowered=tuple(line["words"][1]),
            )
            for line in self._set.notes["neurons"]
        )

    @cached_property
    def wordings(self) -> tuple[WordingLine, ...]:
        """Every wording's answer."""
        return tuple(self._wording(row) for row in self.items if row.label == "wording")

    def _wording(self, row: ItemRow) -> WordingLine:
        notes = row.notes
        return WordingLine(
            number=row.item + 1,
            prompt=self.question.prompts[row.item],
            word=notes["word"],
            token=notes["token"],
            finds=notes["finds"],
            known=bool(row.values["known"]),
            likeliest=notes["likeliest"],
            probability=notes["intact"][0],
            mass=row.values["mass"],
            options=notes["options"],
            scaled=tuple(_scaled(notes["scaled"], factor) for factor in self.question.factors if notes["scaled"]),
        )

    @cached_property
    def view(self) -> LocateView:
        """Everything its page shows."""
        stored = self._set
        return LocateView(
            settings=self.question,
            pool=self.reading.inputs.get(POOL),
            sentence=self.sentences[0],
            warnings=self.warnings,
            neurons=self.neurons,
            dropped=() if stored is None else tuple(stored.notes["dropped"]),
            cluster=0 if stored is None else int(stored.values["cluster"]),
            queries=0 if stored is None else int(stored.notes["queries"]),
            common=0 if stored is None else int(stored.notes["common"]),
            wordings=self.wordings,
            figures=self.figures,
            facts=self.run.facts,
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence."""
        return (self._sentence() if self._set is not None else "",)

    def _sentence(self) -> str:
        count = len(self.neurons)
        if not count:
            return "No neuron of this query is left under these thresholds, so that nothing was scaled."
        held = [line for line in self.wordings if not line.finds] or list(self.wordings)
        where = "held-out wording" if not held[0].finds else "wording"
        moves = []
        for at, factor in enumerate(self.question.factors):
            before, after = (
                _mean([one.probability for one in held]),
                _mean([one.scaled[at].probability for one in held]),
            )
            beside = _mean([one.scaled[at].random for one in held])
            moves.append(f"times {factor:g} it is {after:.3g} instead of {before:.3g} (random neurons: {beside:.3g})")
        told = "; ".join(moves)
        return f"{counted(count, 'neuron')}. Probability of the answer in the {where}: {told}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, of the pool, and of wordings whose answers say little."""
        said = [*self.run.warnings]
        if self._set is not None:
            said += self._doubts_of_pool(self._set.notes)
        return (*said, *(told for line in self.wordings for told in self._doubts(line)))

    def _doubts_of_pool(self, notes: Mapping[str, Any]) -> Iterator[str]:
        if not notes["queries"]:
            yield (
                "A single query has no pool: nothing was discounted, and no common neurons were taken out. These are "
                "the first neurons by knowledge attribution alone; many of them may show up for any question."
            )
        yield from notes["doubts"]
        if notes["left_out"]:
            count, keys = len(notes["left_out"]), ", ".join(notes["left_out"][:3])
            told = counted(count, "query", "queries")
            yield f"Left out of the pool, since they ask one of these prompts: {told} ({keys})."
        if self.question.finding == len(self.question.prompts):
            yield "No wording was held out: the answers below are of wordings that found the neurons."

    def _doubts(self, line: WordingLine) -> Iterator[str]:
        name = f"wording {line.number}"
        if line.prompt != line.prompt.rstrip() and not self.question.chat:
            way = "which most vocabularies put into the next token: leave it out"
            yield f"The prompt of {name} ends with a blank, {way}."
        if line.options > 1 and line.mass < LEAST_MASS:
            yield f"In {name} all letters together have a probability of {line.mass:.2g}, below {LEAST_MASS:g}."
        if line.probability < LEAST:
            yield (
                f"In {name} the answer {line.word!r} has a probability of {line.probability:.2g}, below {LEAST:g}: its "
                f"scores explain a low probability. The likeliest token is {line.likeliest!r}."
            )

    @property
    def method(self) -> Method:
        """The method that scored prompts."""
        return method_of(self.question.method, self.question.params)

    @property
    def paragraph(self) -> str:
        """Scores, thresholds, pool, and what was scaled."""
        asked = self.question
        pool = self.reading.inputs.get(POOL)
        chat = "; prompts were wrapped with the model's chat template" if asked.chat else ""
        among = "without a pool, by their scores"
        if pool is not None:
            among = f"discounted by the clusters of run {pool.id}, common above {asked.thresholds.common:g} taken out"
        return (
            f"{self.method.paragraph(self.target or 'target')} in {counted(asked.finding, 'wording')}; scores above "
            f"{asked.thresholds.threshold:g} of the largest, the first {asked.thresholds.size}, {among}; their values "
            f"were scaled at the token that carries the answer, beside {counted(asked.seeds, 'random set')} of the "
            f"same blocks{chat}; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """Of the method."""
        return self.method.citation

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Mean scores over the wordings that find neurons, by layer."""
        return Ranking(self.run, self.results, "all").drawings(self.unit) if self.ready else {}

    def table(self) -> Table:
        """A neuron of the query a row."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for rank, one in enumerate(self.neurons, start=1):
                yield (rank, one.neuron, one.na, one.naica, one.clusters, " ".join(one.raised), " ".join(one.lowered))

        return Table(("rank", "neuron", "na", "naica", "clusters", "raises", "lowers"), rows)

    def lines(self) -> Iterator[str]:
        """Neurons, and every wording's answer."""
        for one in self.neurons[:10]:
            yield f"  {one.neuron:<16} {one.naica:+.4g}  {' '.join(map(repr, one.raised[:4]))}"
        for line in self.wordings:
            moves = ", ".join(f"x{one.factor:g} {one.probability:.3g}" for one in line.scaled)
            yield f"  {line.prompt[-60:]!r} {line.word!r}: {line.probability:.3g}; {moves}"


def _scaled(rows: Sequence[Sequence[Any]], factor: float) -> ScaledAnswer:
    """The answers under one factor; rows are [factor, set, seed, shares]."""
    own = next(shares for amount, _, seed, shares in rows if amount == factor and seed is None)
    random = [shares[0] for amount, _, seed, shares in rows if amount == factor and seed is not None]
    return ScaledAnswer(factor, own[0], _mean(random), min(random), max(random), own[0] >= own[1])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
