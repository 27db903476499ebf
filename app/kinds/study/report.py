"""What is told of an ablation study: comparisons, curves, queries.

Axes: S settings, Q queries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.analysis.outcomes import NONE
from app.analysis.ranking import TITLES
from app.domain.counting import counted
from app.domain.errors import Conflict, NotFound
from app.domain.interventions import OP_TITLES, Axis, Family
from app.domain.roles import is_source, set_label
from app.domain.runs import Run, RunState
from app.figures import studies
from app.figures.base import Figure
from app.kinds.answers import Comparison, table_of
from app.kinds.asking import Values
from app.kinds.reporting import Report, Table
from app.kinds.study.comparisons import comparisons_of, middle, picked, sentences_of
from app.kinds.study.query import QueryMoves, query_moves, trec_run
from app.kinds.study.question import StudyLook, StudyQuestion
from app.kinds.study.table import StudyTable, lines_of
from app.kinds.study.wording import paragraph_of, told
from app.methods.base import methods

Floats = NDArray[np.float64]
MEASURE = "nDCG@10"


@dataclass(frozen=True)
class StudyView:
    """The result of a study; empty while nothing is there yet."""

    settings: StudyQuestion
    op: str
    names: Mapping[str, str]
    sources: Mapping[str, Run]
    measure: str
    measures: Mapping[str, str]
    sentences: tuple[str, ...]
    intact: float
    anchors: Mapping[str, float]
    comparisons: tuple[Comparison, ...]
    picked: tuple[Comparison, ...]
    chosen: Comparison | None
    queries: tuple[tuple[str, float, float], ...]
    n: int
    unmatched: int
    unjudged: float | None
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]


class StudyReport(Report[StudyQuestion, StudyLook]):
    """What is told of a study, on the chosen measure."""

    headings: ClassVar[Mapping[str, str]] = {"matter": "What goes when neurons go", "check": "Held-out validation"}

    @property
    def measure(self) -> str:
        """The measure that is looked at."""
        return self.look.measure or MEASURE

    @cached_property
    def titles(self) -> dict[str, str]:
        """Role to the title of its run, for people."""
        known = methods()
        inputs = self.reading.inputs.items()
        return {role: known[role].short if role in known else run.title for role, run in inputs}

    @cached_property
    def names(self) -> dict[str, str]:
        """Label of a ranking or set to its name for people; sets of one name keep their numbers."""
        sets = [named.name for named in self.question.sets]
        labels = {set_label(place, name): name for place, name in enumerate(sets, start=1)}
        taken = [*sets, *self.titles.values()]
        return self.titles | {label: name if taken.count(name) == 1 else label for label, name in labels.items()}

    @cached_property
    def metrics(self) -> dict[str, Floats]:
        """Measure to its values [S, Q], :data:`NONE` where a query has none; measures that no query has are left out.

        The probability of passages that are not relevant has no value on a dataset that judges relevant ones only.
        """
        if not self.ready:
            return {}
        metrics = self.results.metrics(self.run.id)
        return {name: values for name, values in metrics.items() if (values != NONE).all(axis=0).any()}

    @property
    def measures(self) -> dict[str, str]:
        """Measures that some query has, with words."""
        return {name: TITLES.get(name, name) for name in self.run.facts.get("measures", ()) if name in self.metrics}

    @cached_property
    def numbers(self) -> StudyTable | None:
        """Settings with the measure; None while nothing is there yet.

        Raises:
            NotFound: no such measure.
        """
        if not self.ready:
            return None
        if self.measure not in self.measures:
            known = ", ".join(self.measures)
            raise NotFound(f"one of the measures {known}", f"'{self.measure}'", "Choose one of them.", "measure")
        values = self.metrics[self.measure]
        return StudyTable(self.results.settings(self.run.id), np.where(values == NONE, np.nan, values))

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Tested sets against the intact model and their random sets."""
        return () if self.numbers is None else comparisons_of(self.numbers, self.names, self.question.seed)

    @cached_property
    def chosen(self) -> Comparison | None:
        """The set that is looked at by query.

        Raises:
            NotFound: no such set.
        """
        if not self.look.set:
            return middle(self.comparisons)
        comparison = next((row for row in self.comparisons if row.ordinal == self.look.set), None)
        if comparison is None and self.ready:
            found = f"setting {self.look.set}"
            raise NotFound("a tested set of this study", found, "Choose one from its table.", "set")
        return comparison

    @property
    def anchors(self) -> dict[str, float]:
        """Reference orders of the same candidates on the measure."""
        anchors = self.run.facts.get("anchors", {})
        return {name: row[self.measure] for name, row in anchors.items() if self.measure in row}

    @property
    def picked(self) -> tuple[Comparison, ...]:
        """Sizes to take, of a finished study on the part that chooses them."""
        choosing = self.question.evaluation.part == "selection" and self.run.state is RunState.DONE
        return picked(self.comparisons) if choosing else ()

    @cached_property
    def view(self) -> StudyView:
        """Everything its page shows."""
        chosen, n = self.chosen, int(self.run.facts.get("n", 0))
        return StudyView(
            settings=self.question,
            op=OP_TITLES[self.question.op],
            names=self.titles,
            sources={role: run for role, run in self.reading.inputs.items() if is_source(role)},
            measure=self.measure,
            measures=self.measures,
            sentences=self.sentences,
            intact=self.numbers.mean(self.numbers.rows[0]) if self.numbers else 0.0,
            anchors=self.anchors,
            comparisons=self.comparisons,
            picked=self.picked,
            chosen=chosen,
            queries=self.by_query,
            n=n,
            unmatched=int(self.run.plan.get("items", 0)) - n,
            unjudged=self._unjudged(),
            figures=self.figures,
            warnings=self.warnings,
            facts=self.run.facts,
        )

    @property
    def over(self) -> str:
        """What the means are over, and what of it lacks something; empty where nothing does."""
        return told(int(self.run.facts.get("n", 0)), self.run.facts.get("left", {}))

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence per tested ranking."""
        return sentences_of(self.comparisons, self.measure)

    @property
    def paragraph(self) -> str:
        """Candidates, measures, statistics, controls."""
        return paragraph_of(self.question.evaluation, self.run.facts)

    @property
    def citation(self) -> str:
        """Of the method that made the first ranking; of the first method where sets alone are tested."""
        known = methods()
        keys = [run.spec.settings.get("method") for role, run in sorted(self.reading.inputs.items()) if is_source(role)]
        key = next((key for key in keys if key in known), None)
        return known[key].citation if key else next(m.citation for m in known.values() if not m.control)

    @cached_property
    def by_query(self) -> tuple[tuple[str, float, float], ...]:
        """Query id, value intact, value with the looked-at set gone; largest fall first."""
        table, chosen = self.numbers, self.chosen
        if table is None or chosen is None:
            return ()
        keys = [query for query, _ in self.run.plan["queries"]]
        before, after = table.values[0], table.values[chosen.ordinal]
        rows = [
            (str(keys[at]), float(before[at]), float(after[at]))
            for at in range(len(before))
            if not np.isnan(before[at] + after[at])
        ]
        return tuple(sorted(rows, key=lambda row: (row[2] - row[1], row[0])))

    def _unjudged(self) -> float | None:
        """Mean number of unjudged passages among the first ten, with the looked-at set gone."""
        if self.chosen is None or "unjudged@10" not in self.metrics:
            return None
        return float(self.metrics["unjudged@10"][self.chosen.ordinal].mean())

    @property
    def caption(self) -> str:
        """Run, model, dataset, number of queries, seeds."""
        question = self.question
        seeds = f"seeds {question.seed} to {question.seed + question.seeds - 1}"
        queries = f"{question.evaluation.name}, n = {self.run.facts['n']} queries"
        return f"run {self.run.id} · {self.run.spec.model} · {queries} · {seeds}"

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """The curve, the dose-response, the changes by query; each where there is something to draw."""
        if self.numbers is None:
            return {}
        targets = {row.axis for row in self.numbers.rows if row.family == Family.TARGET}
        makers: dict[str, Callable[[], Figure]] = {}
        if self._lines("count", Axis.CURVE):
            makers["curve"] = self._curve
        if Axis.DOSE in targets:
            makers["doses"] = self._doses
        if self.chosen is not None:
            makers["changes"] = self._changes
        return makers

    def _lines(self, by: str, axis: Axis) -> list[studies.Line]:
        return [] if self.numbers is None else lines_of(self.numbers, self.names, by, axis)

    def _levels(self) -> dict[str, float]:
        intact = self.numbers.mean(self.numbers.rows[0]) if self.numbers else 0.0
        return {"intact": intact, **self.anchors}

    def _curve(self) -> Figure:
        return studies.curve(self._lines("count", Axis.CURVE), self._levels(), self.measure, self.caption)

    def _doses(self) -> Figure:
        return studies.doses(self._lines("amount", Axis.DOSE), self._levels()["intact"], self.measure, self.caption)

    def _changes(self) -> Figure:
        falls = [(query, after - before) for query, before, after in self.by_query]
        of_set = "" if self.chosen is None else f" · {counted(self.chosen.count, 'neuron')} of {self.chosen.name}"
        return studies.changes(falls, self.measure, f"{self.caption}{of_set}")

    def table(self) -> Table:
        """An answer a row."""
        return table_of(self.run, self.results)

    def query(self, key: str) -> QueryMoves:
        """One query under the setting that is looked at, the first one where none is.

        Raises:
            NotFound: no such query or setting.
        """
        return query_moves(self.run, self.results, self.reading.data, key, self.look.set or 1, self.names)

    def trec(self, ordinal: int) -> str:
        """The rankings under a setting as a TREC run.

        Raises:
            NotFound: no such setting.
        """
        return trec_run(self.run, self.results, ordinal)

    def follow(self, name: str) -> Sequence[Values]:
        """``confirm``: the same study on the test part, at sizes chosen on the selection part (``nig.md`` 18-4).

        Raises:
            Conflict: no finished study on the selection part, or one that chose no size.
        """
        if name != "confirm":
            return super().follow(name)
        shares = sorted({comparison.fraction for comparison in self.picked})
        if not shares:
            found = f"run {self.run.id}, {self.run.spec.kind}, part {self.question.evaluation.part}"
            raise Conflict("a finished study of rankings on the part selection", found, "Make one first.")
        inputs = self.reading.inputs
        sources = [run.fingerprint for role, run in sorted(inputs.items()) if is_source(role)]
        settings = {**self.run.spec.settings, "fractions": shares, "chosen_on": self.run.fingerprint}
        settings["evaluation"] = {**settings["evaluation"], "part": "test"}
        model = self.run.spec.source or self.run.spec.model
        return [{**settings, "model": model, "sources": sources, "controls": len(inputs) > len(sources)}]
