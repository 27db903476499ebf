"""From a form, a command line or an API body to a question with nothing left open, and what it would cost."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from app.domain.errors import BadInput, NotFound
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.domain.questions import Question
from app.domain.runs import Run
from app.domain.texts import half_in
from app.forms.fields import Field, fields_of, validated
from app.forms.read import Given, read
from app.forms.words import words
from app.kinds.desk import Desk
from app.kinds.timings import Speed
from app.methods.base import methods
from app.models.tasks import tasks

Q = TypeVar("Q", bound=Question)
F = TypeVar("F", bound=Question)
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Asked(Generic[Q]):
    """A question with nothing left open.

    Args:
        question: what is stored.
        model: what it is asked of.
        title: its name for people; ``text`` is what a search finds.
        inputs: role to run that it reads.
        version: of the method's arithmetic; 0 where it has no method.
        rows: row passes that it takes at most, for the time that others wait behind it; 0 where that is not known.
    """

    question: Q
    model: Model
    title: str
    text: str
    inputs: Mapping[str, Run] = field(default_factory=dict)
    version: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Cost:
    """How much work it is at most, and how long that took before.

    Args:
        unit: what is counted: ``pairs`` or ``queries``. fitting: how many there are. taken: how many of them at most.
        passes: rows that go through the model (and back, for an attribution).
        seconds: by the speed of the model on this machine; None where it has no timed run.
        run, device: the newest run that tells the speed, and where it ran. by: what the time goes by, in words.
        memory: what it takes of memory, in words; empty where that is not told.
    """

    unit: str
    fitting: int
    taken: int
    passes: int
    seconds: float | None = None
    run: int | None = None
    device: str = ""
    by: str = ""
    memory: str = ""

    def timed(self, speed: Speed | None) -> "Cost":
        """The same with its time, by the speed of the model."""
        if speed is None:
            return self
        seconds = speed.seconds * self.passes
        return replace(self, seconds=seconds, run=speed.runs[0], device=speed.device, by=speed.words)


class Ask(ABC, Generic[Q, F]):
    """What turns a form, a command line or an API body into a question, and tells its cost.

    ``Form`` holds the question's fields and what is asked beside them (of which model, of which runs); ``weight`` is
    what a row pass costs, in forward passes: three where gradients are taken.
    """

    weight: ClassVar[float] = 1.0
    Question: type[Q]
    Form: type[F]

    def fields(self, method: str = "") -> tuple[Field, ...]:
        """The form's fields: what is asked beside the question first; ``params`` are those of a method.

        Raises:
            NotFound: no such method.
        """
        inner: dict[str, type[BaseModel]] = {}
        if "params" in self.Form.model_fields:
            key, known = method or str(self.Form.model_fields["method"].default), methods()
            if key not in known:
                raise NotFound(f"one of the methods {', '.join(known)}", f"'{key}'", "Choose one of them.", "method")
            inner["params"] = known[key]
        listed = fields_of(self.Form, inner)
        own = self.Question.model_fields
        return (*(f for f in listed if f.path[0] not in own), *(f for f in listed if f.path[0] in own))

    def fields_for(self, given: Given) -> tuple[Field, ...]:
        """The fields, with the settings of the method that was given."""
        named = [text for text in given.get("method", ()) if text]
        return self.fields(named[-1] if named else "")

    def read(self, given: Given, *, boxes: bool = False) -> dict[str, Any]:
        """The values of a form; see :func:`app.forms.read.read`."""
        return read(self.fields_for(given), given, boxes=boxes)

    def parts(self, text: str) -> list[str]:
        """The texts of a file that holds several for one field."""
        return [text]

    def prefill(self, given: Given, desk: Desk) -> Given:
        """What an address puts into the form; addresses never compute."""
        return given

    def browser(self, given: Given) -> Given:
        """A browser's form in the fields of the question, where its page puts them differently. A model that was typed
        goes before the chosen one; what is read of an inner neuron counts only where its activation is explained."""
        typed = [text.strip() for text in given.get("other", ()) if text.strip()]
        inner = (given.get("target") or [""])[-1] == "activation"
        kept = {name: texts for name, texts in given.items() if inner or name not in ("neuron", "tokens")}
        return {**kept, "model": typed} if typed else kept

    def shown(self, given: Given) -> Given:
        """What was sent as the form shows it, where another page sent it differently."""
        return given

    def form(self, values: Values) -> F:
        """The values as a form; what is missing takes its default.

        Raises:
            BadInput: the first problem, with the field's name.
        """
        place = half_in(values)
        if place is not None:
            found = f"half of a surrogate pair in {place or 'the settings'}"
            raise BadInput(
                "texts of whole characters", found, "Write U+FFFD there, or leave it out.", place.split(".")[0]
            )
        method = str(values.get("method") or "") if isinstance(values.get("method"), str) else ""
        known = self.fields(method) if method in methods() else self.fields()
        return validated(self.Form, values, known)

    def question(self, form: F, **changes: Any) -> Q:
        """The question of a form, some of its fields changed."""
        own = {name: getattr(form, name) for name in self.Question.model_fields}
        return self.Question.model_validate({**own, **changes})

    @abstractmethod
    def complete(self, values: Values, desk: Desk) -> Asked[Q]:
        """The question with nothing left open, after every check that needs no weights.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """

    def again(self, run: Run, inputs: Mapping[str, Run]) -> F:
        """The form that asks a stored run's question again: its question and model, unless a kind says otherwise."""
        return self.Form.model_validate({**run.spec.settings, "model": run.spec.source or run.spec.model})

    def words(self, run: Run, inputs: Mapping[str, Run]) -> list[str]:
        """The command that asks a stored run's question again, but for ``golgi`` and the kind's key."""
        form = self.again(run, inputs)
        return words(form, self.fields(str(getattr(form, "method", ""))))

    def fits(self, info: ModelInfo) -> bool:
        """Whether its form offers a model: one that scores pairs, unless a kind says otherwise."""
        return any("pairwise" in tasks()[key].targets for key in info.tasks)

    def title(self, question: Q, inputs: Mapping[str, Run]) -> str:
        """The name that a person would give a run of a question; empty for kinds that name it in :meth:`complete`.
        Recorded runs go by it, whatever their bundles call them."""
        return ""

    def text(self, question: Q) -> str:
        """What a search should find of a stored question."""
        return ""

    def cost(self, values: Values, desk: Desk) -> Cost | None:
        """What it would take at most; None where that is not told before. The same values, the same errors."""
        return None

    def preview(self, given: Given, desk: Desk) -> object:
        """What a form would ask, told before it is sent: a view for ``kinds/KEY/preview.html``."""
        return self.cost(self.read(self.browser(given), boxes="flags" in given), desk)
