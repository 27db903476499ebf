"""What a kind of run is: its question, what asks it, its work, and its report.

A kind is one package of :mod:`app.kinds` that names itself in ``KIND``; nothing else lists it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from app.domain.questions import Question
from app.domain.runs import Lane, Run
from app.jobs.base import Inputs, Work
from app.kinds.asking import Ask, Values
from app.kinds.places import Place, Tab
from app.kinds.reporting import Reading, Report
from app.models.host import ModelHost

Q = TypeVar("Q", bound=Question)
F = TypeVar("F", bound=Question)
L = TypeVar("L", bound=BaseModel)
Gives = Literal["ranking", "answers", "comparisons", "neurons"]
"""What other pages may read of a finished run: scores that rank neurons, answers under settings, tested sets beside
their random sets (``Report.comparisons``), and what it tells of single neurons (``read_outs``, ``mentions``)."""


def several(question: Question) -> bool:
    """The rule of kinds whose questions are about several inputs, or whose work on one may be long: none is brief."""
    return False


@dataclass(frozen=True)
class Door:
    """A way in that the first page shows: a title, a sentence, and the query of the form's address."""

    title: str
    about: str
    query: str = ""


@dataclass(frozen=True)
class Kind(Generic[Q, F, L]):
    """One kind of run.

    Args:
        key, version: its name in stored runs, addresses and commands; the version of its arithmetic.
        title, noun: for headings and for lists.
        about: what its command does.
        gives: what other pages may read of it.
        ask, work, report, Look: see the classes.
        lane_of: interactive or batch, by the question. brief_of: whether it is about one input, and goes in between two
            passes of longer interactive work, too.
        unit: what the items of its shards are, in words.
        address: of its form; empty where it is asked on the page of another run.
        preview: last part of the address that tells a filled form's cost.
        heading: what the form's page asks. help: the sentence below. send: the button.
        doors: ways in on the first page.
        place: the question of the navigation that it answers. tabs: kinds of input under Explain.
        follows: names of :meth:`Report.follow`.
        reads: key of the kind whose finished runs its form chooses from; empty for none.
        offers: page of another thing (``dataset``, ``set``, ``model``, ``neuron``, ...) to what its button there says.
    """

    key: str
    version: int
    title: str
    noun: str
    about: str
    gives: frozenset[Gives]
    ask: Ask[Q, F]
    work: Callable[[Q, Inputs, ModelHost], Work]
    report: Callable[[Run, Q, Reading, L], Report[Q, L]]
    Look: type[L]
    lane_of: Callable[[Q], Lane]
    brief_of: Callable[[Q], bool] = several
    unit: str = "inputs"
    address: str = ""
    preview: str = "cost"
    heading: str = ""
    help: str = ""
    send: str = ""
    doors: tuple[Door, ...] = ()
    place: Place = Place.RUN
    tabs: tuple[Tab, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict)
    reads: str = ""
    follows: tuple[str, ...] = ()

    def takes(self, widget: str) -> bool:
        """Whether its form has a field that is put in with a widget, as ``dataset``."""
        return any(field.widget == widget for field in self.ask.fields())

    def question(self, settings: Values) -> Q:
        """A stored question."""
        return self.ask.Question.model_validate(dict(settings))

    def lane(self, settings: Values) -> Lane:
        """Interactive or batch, of a stored question."""
        return self.lane_of(self.question(settings))

    def brief(self, settings: Values) -> bool:
        """Whether a stored question is about one input alone."""
        return self.brief_of(self.question(settings))

    def begin(self, settings: Values, given: Inputs, host: ModelHost) -> Work:
        """The work of a stored question."""
        return self.work(self.question(settings), given, host)

    def reported(self, run: Run, reading: Reading, look: BaseModel) -> Report[Q, L]:
        """What is told of a run."""
        return self.report(run, self.question(run.spec.settings), reading, self.Look.model_validate(look.model_dump()))
