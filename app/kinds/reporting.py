"""What is told of a run: sentences, figures, a table, each made when it is asked for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from app.domain.errors import Conflict, NotFound
from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS
from app.domain.question_sets import NO_QUESTIONS, QuestionReader
from app.domain.questions import Question
from app.domain.read_outs import Mention, ReadOut
from app.domain.results import ItemRow
from app.domain.runs import Run, RunState
from app.domain.sites import NeuronIndex
from app.domain.texts import called
from app.figures.base import Figure
from app.kinds.asking import Values
from app.kinds.firing import Firing
from app.store.datasets import Datasets
from app.store.jobs import Jobs
from app.store.results import Results

Q = TypeVar("Q", bound=Question)
L = TypeVar("L", bound=BaseModel)
SECTIONS: Mapping[str, str] = {
    "words": "Words",
    "where": "Where",
    "which": "Which",
    "matter": "Does it matter?",
    "check": "Check",
}
"""What every run's page holds between the answer and how it was made, in this order: anchor (and name of the kind's
template) to its name in the links above the page. What a kind has nothing for is left out."""


@dataclass(frozen=True)
class Table:
    """A result as rows: what CSV, JSON, Parquet and notebooks hold."""

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[Any, ...]]]


@dataclass(frozen=True)
class Group:
    """Neurons that belong together in a result: what they are called, and their ids."""

    name: str
    neurons: tuple[str, ...]


class Drawings(Mapping[str, Figure]):
    """Figures by name, each drawn when it is looked at."""

    def __init__(self, makers: Mapping[str, Callable[[], Figure]]) -> None:
        self._makers, self._drawn = dict(makers), dict[str, Figure]()

    def __getitem__(self, name: str) -> Figure:
        if name not in self._drawn:
            self._drawn[name] = self._makers[name]()
        return self._drawn[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True)
class Reading:
    """What a report may read."""

    inputs: Mapping[str, Run]
    results: Results
    jobs: Jobs
    data: Datasets
    questions: QuestionReader = NO_QUESTIONS


class Report(ABC, Generic[Q, L]):
    """What is told of one run, each part made when it is asked for.

    Args:
        run: the run. question: what it asks. reading: what may be read. look: what of it is looked at.

    ``headings`` are the kind's own words over a section of :data:`SECTIONS`.
    """

    headings: ClassVar[Mapping[str, str]] = {}

    def __init__(self, run: Run, question: Q, reading: Reading, look: L) -> None:
        self.run, self.question, self.reading, self.look = run, question, reading, look
        self.results = reading.results

    @property
    def ready(self) -> bool:
        """Whether results are stored, whole or in part."""
        return self.run.state in (RunState.DONE, RunState.PARTIAL) and bool(self.run.facts.get("n"))

    def heading(self, section: str) -> str:
        """What stands over a section of :data:`SECTIONS`."""
        return self.headings.get(section, SECTIONS[section])

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the input by which the whole page can be looked at, ``all`` first; empty for none."""
        return ()

    @property
    def part(self) -> str:
        """The part that is looked at."""
        return str(getattr(self.look, "part", "all"))

    @property
    def unit(self) -> str:
        """The target's unit; empty until the run is planned."""
        return str(self.run.plan.get("target", {}).get("unit", ""))

    @property
    def target(self) -> str:
        """The explained number in words; empty until the run is planned."""
        return str(self.run.plan.get("target", {}).get("sentence", ""))

    @property
    def computed(self) -> str:
        """Precision and device, as ``float32 on cpu``."""
        return f"{self.run.environment.get('dtype', '')} on {self.run.environment.get('device', '')}"

    @cached_property
    def items(self) -> tuple[ItemRow, ...]:
        """Stored inputs or pairs, as far as they are there."""
        return self.results.items(self.run.id)

    @property
    @abstractmethod
    def view(self) -> Any:
        """What the template shows, as a frozen dataclass; empty while nothing is there yet."""

    @property
    @abstractmethod
    def sentences(self) -> tuple[str, ...]:
        """The result in words, from numbers only."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is said beside the result."""
        return self.run.warnings

    @property
    @abstractmethod
    def paragraph(self) -> str:
        """How the numbers were made, in neutral words."""

    @property
    @abstractmethod
    def citation(self) -> str:
        """BibTeX of the method."""

    @property
    def about(self) -> tuple[tuple[str, str], ...]:
        """Further rows of the table of circumstances."""
        return ()

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """Every figure by name, drawn when it is looked at."""
        return Drawings(self.drawings())

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """What draws each figure."""
        return {}

    @abstractmethod
    def table(self) -> Table:
        """The result as rows."""

    @property
    def comparisons(self) -> tuple[Any, ...]:
        """Tested sets beside their random sets, see :class:`app.kinds.answers.Comparison`; none for other kinds."""
        return ()

    def lines(self) -> Iterator[str]:
        """What the command line prints below the sentences."""
        return iter(())

    @property
    def texts(self) -> tuple[str, str | None]:
        """What the first and the second text of its inputs are called; the second is None where there is none."""
        parts = self.run.plan.get("parts", ())
        first = next((part for part in FIRST_SEGMENTS if part in parts), "query")
        alone = first != "query" and not any(part in parts for part in SECOND_SEGMENTS)
        return first, None if alone else next((part for part in SECOND_SEGMENTS if part in parts), "passage")

    def called(self, words: str) -> str:
        """Words about a query with a passage, as the texts of this run are called."""
        return called(words, *self.texts)

    def query_texts(self, dataset: str, keys: Collection[str]) -> Mapping[str, str]:
        """Texts of a dataset's queries by key; none where the dataset (by hash) is not in this database."""
        known = self.reading.data.by_hash(dataset)
        return {} if known is None else self.reading.data.texts(known.id, "query", keys)

    def panels(self) -> Mapping[str, Callable[[], object]]:
        """Views of ``kinds/KEY/PANEL.html`` that are fetched when they are opened."""
        return {}

    def query(self, key: str) -> object:
        """One query of a run over several, as ``kinds/KEY/query.html`` shows it.

        Raises:
            NotFound: the run has no such query.
        """
        raise NotFound("a run whose queries have pages", f"run {self.run.id}", "Open its page instead.")

    def group(self, of: str) -> Group:
        """Neurons that a button of the page saves as a set.

        Raises:
            NotFound: the run has no such group.
        """
        raise NotFound("a run with named groups of neurons", f"run {self.run.id}", "Make a set by rule instead.", "of")

    def read_outs(self, neuron: NeuronIndex) -> Mapping[str, ReadOut]:
        """The tokens that a neuron raises and lowers, ``without`` and ``with`` the final norm; empty where not read."""
        return {}

    def firing(self, neuron: NeuronIndex, texts: bool = True) -> Firing | None:
        """What a neuron does in texts, as this run read them, with or without the strongest ones; None where it did not
        look."""
        return None

    def mentions(self, neuron: NeuronIndex) -> tuple[Mention, ...]:
        """Where a neuron matters in this run, in words."""
        return ()

    def trec(self, ordinal: int) -> str:
        """The rankings under a setting as a TREC run.

        Raises:
            NotFound: the run has no rankings.
        """
        raise NotFound("a run over candidate lists", f"run {self.run.id}", "Open its page instead.")

    def follow(self, name: str) -> Sequence[Values]:
        """Values of further runs of the same kind that a button of the page starts.

        Raises:
            Conflict: this run has none of that name.
        """
        raise Conflict(f"a run that can be followed by '{name}'", f"run {self.run.id}", "Use the page's buttons.")
