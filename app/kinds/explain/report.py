"""What is told of an explanation: its sentence, words, layers, neurons, and whether the scores add up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.domain.counting import counted
from app.domain.examples import CONTENT_SEGMENTS
from app.domain.results import ItemRow
from app.domain.runs import data_hash
from app.domain.scores import ATTRIBUTION
from app.domain.targets import BRANCHES
from app.figures import curves
from app.figures.base import Figure
from app.kinds.explain.question import ExplainLook, ExplainQuestion
from app.kinds.rankings import NeuronLine, Ranking, side_by_side
from app.kinds.reporting import Report, Table
from app.kinds.words import Word, words_of
from app.methods.base import Method, method_of

Miss = tuple[float, float | None]


@dataclass(frozen=True)
class ItemView:
    """One passage (or prompt): its numbers, its tokens by part, and what was cut. ``rank`` counts from 1 by score;
    ``remainder`` is the worst share of the places that are shown, None where there is none."""

    number: int
    text: str
    rank: int
    values: Mapping[str, float]
    words: Mapping[str, tuple[Word, ...]]
    pieces: Mapping[str, tuple[Word, ...]]
    shares: Mapping[str, float]
    remainder: float | None
    seen: Mapping[str, Any]
    warnings: tuple[str, ...]
    steps: int

    @property
    def side(self) -> str:
        """The end of a text that was cut off; of older runs the end."""
        return str(self.seen.get("side", "end"))


@dataclass(frozen=True)
class Completeness:
    """Sum of scores minus ΔF at a place that every path crosses, the largest over the run's examples.

    ``share`` is the largest remainder as a share of its example's ΔF, 0 to 1; None where ΔF is 0 in an example.
    ``above``: some example is above the tolerance (which is absolute where ΔF is 0).
    """

    site: str
    remainder: float
    share: float | None
    above: bool


@dataclass(frozen=True)
class ExplainView:
    """The result of an explanation; empty tuples and None while nothing is there yet."""

    settings: ExplainQuestion
    unit: str
    target: str
    sentence: str
    items: tuple[ItemView, ...]
    parts: tuple[str, ...]
    part: str
    top: tuple[NeuronLine, ...]
    bottom: tuple[NeuronLine, ...]
    completeness: tuple[Completeness, ...]
    remainder: float | None
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]
    total: int
    layers: tuple[int, ...]
    noun: str

    @property
    def method(self) -> Method:
        """The method that made the scores."""
        return method_of(self.settings.method, self.settings.params)

    @property
    def segments(self) -> tuple[str, ...]:
        """Parts of the input's tokens."""
        return tuple(part for part in self.parts[1:] if part not in BRANCHES)


@dataclass(frozen=True)
class PartsView:
    """Name and overview of every part of the input, on one scale."""

    figures: tuple[tuple[str, Figure], ...]


class ExplainReport(Report[ExplainQuestion, ExplainLook]):
    """What is told of an explanation."""

    @cached_property
    def ranking(self) -> Ranking:
        """Its scores, looked at by the chosen part."""
        return Ranking(self.run, self.results, self.look.part)

    @cached_property
    def view(self) -> ExplainView:
        """Everything its page shows."""
        return ExplainView(
            settings=self.question,
            unit=self.unit,
            target=self.target,
            sentence=self.sentences[0],
            items=_items(self.question, self.items),
            parts=self.ranking.parts,
            part=self.ranking.part,
            top=self.ranking.lines("top") if self.ready else (),
            bottom=self.ranking.lines("bottom") if self.ready else (),
            completeness=self.completeness,
            remainder=self.remainder,
            figures=self.figures,
            warnings=self.warnings,
            facts=self.run.facts,
            total=int(self.run.facts.get("neurons", 0)),
            layers=self.ranking.layers() if self.ready else (),
            noun=self.ranking.noun,
        )

    @cached_property
    def completeness(self) -> tuple[Completeness, ...]:
        """How far the scores add up at every place that all paths cross."""
        return _completeness(self.items, self.question)

    @property
    def remainder(self) -> float | None:
        """The worst share of the places that are shown; None where there is no place, or one without a share."""
        return _worst([place.share for place in self.completeness])

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, then those of the first input."""
        first = self.items[0].notes.get("warnings", ()) if self.items else ()
        return tuple(dict.fromkeys([*self.run.warnings, *first]))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence."""
        return (self._sentence() if self.ready else "",)

    def _sentence(self) -> str:
        facts, rows = self.run.facts, self.items
        lead = f"{counted(len(rows), 'passage')}."
        if len(rows) == 1:
            lead = f"{self.unit.capitalize()} {rows[0].values['target']:.3g}.".replace("-", "−")
        layer = facts["strongest_layer"]
        if not self.method.additive:
            (best,) = self.ranking.lines("top")[:1]
            strongest = f"Strongest {self.ranking.noun} {best.id} with {best.score:.3g}"
        else:
            strongest = f"1 % of {self.ranking.noun}s carry {100 * facts['top_share']:.0f} % of the {ATTRIBUTION}"
        return f"{lead} {strongest}; strongest layer {layer}{self._unexplained()}."

    def _unexplained(self) -> str:
        """The end of the sentence: what the scores leave unexplained, at worst."""
        if not self.completeness:
            return ""
        if self.remainder is None:
            return "; the target does not change, so that no remainder can be told as a share"
        return f"; unexplained remainder at most {100 * self.remainder:.2g} %"

    @property
    def method(self) -> Method:
        """The method that made the scores."""
        return method_of(self.question.method, self.question.params)

    @property
    def paragraph(self) -> str:
        """The method in its own words, and where it ran."""
        return self.called(f"{self.method.paragraph(self.target or 'target')}; {self.computed}.")

    @property
    def citation(self) -> str:
        """Of the method."""
        return self.method.citation

    @property
    def about(self) -> tuple[tuple[str, str], ...]:
        """The hash of the exact texts."""
        return (("texts sha256", data_hash([self.question.query, *self.question.passages])),)

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Layers, and the path of the first input."""
        if not self.ready:
            return {}
        makers = self.ranking.drawings(self.unit)
        if self.items and "path" in self.items[0].notes:
            makers["path"] = self._path
        return makers

    def _path(self) -> Figure:
        first = self.items[0]
        return curves.path(first.notes["path"], self.unit, f"run {self.run.id} · input {first.item + 1}")

    def table(self) -> Table:
        """A neuron a row."""
        return self.ranking.table()

    def panels(self) -> Mapping[str, Callable[[], object]]:
        """Parts of the input side by side."""
        return {"parts": self._parts}

    def _parts(self) -> PartsView:
        names = self.ranking.parts[1:] if self.ready else ()
        return PartsView(side_by_side([Ranking(self.run, self.results, name) for name in names], self.unit))

    def lines(self) -> Iterator[str]:
        """The target, a line per passage where there are several, what was cut off, the strongest neurons."""
        view = self.view
        if view.target:
            yield f"explaining {view.target}"
        for item in sorted(view.items, key=lambda item: item.rank):
            if len(view.items) > 1:
                yield f"  {item.rank}. score {item.values['score']:.4g}: {item.text.strip()[:70]!r}"
            cut = item.seen.get("cut_query", 0) + item.seen.get("cut_passage", 0)
            if cut:
                limit = item.seen["max_length"]
                told = f"cut off, because the limit is {limit}: {counted(cut, 'token')}"
                yield f"note: input {item.number + 1}: {told}; the {item.side} of it is lost"
        for line in view.top[:10]:
            yield f"  {line.id:<16} {line.score:+.4g}"


def _items(question: ExplainQuestion, rows: Sequence[ItemRow]) -> tuple[ItemView, ...]:
    order = sorted(rows, key=lambda row: (-row.values["score"], row.item))
    ranks = {row.item: rank for rank, row in enumerate(order, start=1)}
    texts = question.passages or (question.query,)
    return tuple(
        ItemView(
            number=row.item,
            text=texts[row.item],
            rank=ranks[row.item],
            values=row.values,
            words=words_of(row.tokens, question.query, texts[row.item], whole=True),
            pieces=words_of(row.tokens, question.query, texts[row.item], whole=False),
            shares=_shares(row.tokens),
            remainder=_worst([share for _, share in _misses(row).values()]),
            seen=row.notes.get("seen", {}),
            warnings=tuple(row.notes.get("warnings", ())),
            steps=int(row.notes.get("steps", 0)),
        )
        for row in order
    )


def _shares(tokens: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Share of the magnitude of token relevance by part; special parts together."""
    total = sum(abs(token["score"]) for token in tokens) or 1.0
    by_part: dict[str, float] = {}
    for token in tokens:
        name = token["segment"] if token["segment"] in CONTENT_SEGMENTS else "special"
        by_part[name] = by_part.get(name, 0.0) + abs(token["score"]) / total
    return by_part


def _share(miss: float, change: float) -> float | None:
    """Of the change between the ends of a path; None where there is none."""
    return abs(miss) / abs(change) if abs(change) > 1e-9 else None


def _completeness(rows: Sequence[ItemRow], question: ExplainQuestion) -> tuple[Completeness, ...]:
    tolerance = float(question.params.get("tolerance", 0.01))
    by_site: dict[str, list[Miss]] = {}
    for row in rows:
        for site, miss in _misses(row).items():
            by_site.setdefault(site, []).append(miss)
    return tuple(_largest(site, misses, tolerance) for site, misses in by_site.items())


def _misses(row: ItemRow) -> dict[str, Miss]:
    """Place to the remainder of one example, and its share of its |ΔF| (None where ΔF is 0)."""
    whole, own = row.values["target"] - row.values["baseline"], row.notes.get("changes", {})
    residual = row.notes.get("residual", {})
    return {site: (miss, _share(miss, own.get(site, whole))) for site, miss in residual.items()}


def _largest(site: str, misses: Sequence[Miss], tolerance: float) -> Completeness:
    """What is told of a place, from the remainders of all examples."""
    above = any(abs(miss) > tolerance if share is None else share > tolerance for miss, share in misses)
    return Completeness(site, max((miss for miss, _ in misses), key=abs), _worst([s for _, s in misses]), above)


def _worst(shares: Sequence[float | None]) -> float | None:
    """The largest share; None where one is not known, or where there is none."""
    known = [share for share in shares if share is not None]
    return max(known) if known and len(known) == len(shares) else None
