"""What is told of an explanation: its sentence, words, layers, neurons, and whether the scores add up."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from app.domain.counting import counted
from app.domain.runs import data_hash
from app.domain.scores import ATTRIBUTION
from app.domain.targets import BRANCHES
from app.figures import curves
from app.figures.base import Figure
from app.kinds.explain.completeness import Completeness, completeness_of, worst
from app.kinds.explain.items import ItemView, items_of
from app.kinds.explain.question import ExplainLook, ExplainQuestion
from app.kinds.explain.versus import Versus, versus_of
from app.kinds.rankings import NeuronLine, Ranking, side_by_side
from app.kinds.reporting import Report, Table
from app.methods.base import Method, method_of


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
class VersusView(ExplainView):
    """The result of a pairwise explanation: one passage against the other, besides."""

    versus: Versus


@dataclass(frozen=True)
class PartsView:
    """Name and overview of every part of the input, on one scale."""

    figures: tuple[tuple[str, Figure], ...]


class ExplainReport(Report[ExplainQuestion, ExplainLook]):
    """What is told of an explanation."""

    headings: ClassVar[Mapping[str, str]] = {
        "words": "What it read, and which words counted",
        "matter": "Do they matter? Switch them off",
        "check": "Does it add up?",
    }

    def heading(self, section: str) -> str:
        """What stands over a section; units are called what they are."""
        return f"Which {self.ranking.noun}s" if section == "which" else super().heading(section)

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the input that are scored."""
        return self.ranking.parts if self.ready else ()

    @property
    def part(self) -> str:
        """The looked-at one."""
        return self.ranking.part

    @cached_property
    def ranking(self) -> Ranking:
        """Its scores, looked at by the chosen part."""
        return Ranking(self.run, self.results, self.look.part)

    @cached_property
    def view(self) -> ExplainView:
        """Everything its page shows."""
        shown = ExplainView(
            settings=self.question,
            unit=self.unit,
            target=self.target,
            sentence=self.sentences[0],
            items=self.shown,
            parts=self.ranking.parts,
            part=self.ranking.part,
            top=self.ranking.shown("top") if self.ready else (),
            bottom=self.ranking.shown("bottom") if self.ready else (),
            completeness=self.completeness,
            remainder=self.remainder,
            figures=self.figures,
            warnings=self.warnings,
            facts=self.run.facts,
            total=int(self.run.facts.get("neurons", 0)),
            layers=self.ranking.layers() if self.ready else (),
            noun=self.ranking.noun,
        )
        return VersusView(**vars(shown), versus=self.versus) if self.versus else shown

    @cached_property
    def shown(self) -> tuple[ItemView, ...]:
        """Every input with its words, the best score first."""
        return items_of(self.question, self.items)

    @cached_property
    def versus(self) -> Versus | None:
        """One passage against the other; None for other targets."""
        return versus_of(self.shown) if self.question.target.name == "pairwise" else None

    @cached_property
    def completeness(self) -> tuple[Completeness, ...]:
        """How far the scores add up at every place that all paths cross."""
        return completeness_of(self.items, self.question)

    @property
    def remainder(self) -> float | None:
        """The worst share of the places that are shown; None where there is no place, or one without a share."""
        return worst([place.share for place in self.completeness])

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, then those of the first input."""
        first = self.items[0].notes.get("warnings", ()) if self.items else ()
        return tuple(dict.fromkeys([*self.run.warnings, *first]))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence; of a pairwise target first who beats whom, and why."""
        if not self.ready:
            return ("",)
        return (*([self.versus.sentence] if self.versus else []), self._sentence())

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
