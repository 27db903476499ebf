"""The form of a kind of run, with everything that can be chosen on it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.data.demo import MODEL
from app.domain.datasets import Dataset
from app.domain.errors import GolgiError, NotFound
from app.domain.model_card import ModelInfo
from app.domain.question_sets import QuestionSet
from app.domain.runs import Run
from app.domain.set_rules import NeuronSet
from app.domain.texts import called
from app.forms.fields import Field
from app.forms.read import Given
from app.kinds import kind_of
from app.kinds.base import Kind
from app.kinds.desk import Desk
from app.models.tasks import task_for, tasks
from app.models.tasks.base import Task
from app.services.catalogue import Catalogue, MethodView, ModelsView
from app.services.pages import rankings


@dataclass(frozen=True)
class FormView:
    """A form with what was sent still in it.

    Args:
        kind: the kind that it asks for. sent: name to texts as they were sent. error: what was wrong with them.
        desk, catalogue: what can be chosen.
    """

    kind: Kind[Any, Any, Any]
    sent: Mapping[str, Sequence[str]]
    error: GolgiError | None
    desk: Desk
    catalogue: Catalogue

    def value(self, name: str, default: Any = "") -> Any:
        """The last text of a field; its default where it was not sent."""
        texts = self.sent.get(name)
        return texts[-1] if texts else default

    def given(self, field: Field) -> Any:
        """What stands in a field."""
        default = field.default
        if field.widget == "shares":
            default = ", ".join(f"{100 * part:g} %" for part in default)
        elif isinstance(default, tuple | list):
            default = ", ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in default)
        if field.type == "size":
            default = "1%"
        if field.widget == "length":
            default = ""
        return self.value(field.name, "" if default is None else default)

    def ticked(self, field: Field) -> bool:
        """Whether a box is ticked: as it was sent by a form that had boxes, else by default."""
        return field.name in self.sent if "flags" in self.sent else bool(field.default)

    @cached_property
    def method(self) -> MethodView | None:
        """The chosen method; None for kinds that have none."""
        default = self.kind.ask.Form.model_fields.get("method")
        return None if default is None else self.catalogue.method(self.value("method") or str(default.default))

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The form's fields by name, with those of the chosen method."""
        key = "" if self.method is None else self.method.key
        return {field.name: field for field in self.kind.ask.fields(key)}

    @cached_property
    def own(self) -> tuple[Field, ...]:
        """Settings of the chosen method."""
        return tuple(field for field in self.fields.values() if field.path[0] == "params")

    @cached_property
    def models(self) -> ModelsView:
        """Models at hand."""
        return self.catalogue.models()

    @cached_property
    def usable(self) -> tuple[str, ...]:
        """Slugs of the models that can be loaded and that the kind takes."""
        fits = self.kind.ask.fits
        return tuple(model.info.slug for model in self.models.models if not model.info.problem and fits(model.info))

    @cached_property
    def model(self) -> str:
        """The chosen model, as typed or as picked; else the kind's own, an embedded one, or the first that fits, and
        that reads the kind of input that is asked for."""
        chosen = str(self.value("other")).strip() or str(self.value("model"))
        usual = str(self.fields["model"].default) if "model" in self.fields else MODEL
        fitting = [name for name in self._readers if name in self.usable] or self.usable
        return chosen or next((name for name in (usual, MODEL, *fitting) if name in fitting), "")

    @cached_property
    def _readers(self) -> tuple[str, ...]:
        """Slugs of the models at hand that read the kind of input that is asked for; only those that
        usually do, where there are any."""
        ways = {model.info.slug: [tasks()[key] for key in model.info.tasks] for model in self.models.models}
        usually = tuple(slug for slug, known in ways.items() if known and self._is_asked(known[0]))
        return usually or tuple(slug for slug, known in ways.items() if any(map(self._is_asked, known)))

    def _is_asked(self, task: Task) -> bool:
        """Whether a way of reading takes the form that the address asks for, and calls its first text so."""
        form, first = str(self.value("form")), str(self.value("reads"))
        return ("pair" if form == "ranking" else form) in ("", task.form) and first in ("", task.first)

    @property
    def lacking(self) -> str:
        """What no model at hand reads although an address asks for it, in words; empty where one does."""
        if self.sent.get("model") or self.sent.get("other") or not self.value("reads") or self._readers:
            return ""
        return str(self.value("reads"))

    @cached_property
    def _looked_up(self) -> tuple[ModelInfo | None, GolgiError | None]:
        if not self.model:
            none_there = f"none in {self.models.folder}"
            return None, NotFound("a model", none_there, "Put a model's folder there, or type an id.", "model")
        try:
            return self.desk.inspect(self.model), None
        except GolgiError as error:
            error.field = "model"
            return None, error

    @property
    def info(self) -> ModelInfo | None:
        """What can be told of the chosen model."""
        return self._looked_up[0]

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Kinds of input that the model reads: ``pair`` and ``ranking``, ``prompt`` (one text)."""
        ways = self.info.tasks if self.info is not None else ()
        known = dict.fromkeys(tasks()[key].form for key in ways)
        return tuple(name for form in known for name in (("pair", "ranking") if form == "pair" else (form,))) or (
            "pair",
        )

    @property
    def form(self) -> str:
        """The chosen kind of input, if the model reads it; else its first one."""
        chosen = str(self.value("form")) or self.forms[0]
        return chosen if chosen in self.forms else self.forms[0]

    @cached_property
    def reading(self) -> Task:
        """How the model reads the chosen kind of input; that of pairs where the model is not known."""
        ways = self.info.tasks if self.info is not None else ()
        form = "prompt" if self.form == "prompt" else "pair"
        return task_for(ways, form) or next(task for task in tasks().values() if task.form == form)

    def choices(self, field: Field) -> Mapping[str, str]:
        """What can be chosen in a field, in words. A method's settings speak of the texts that the model reads; what
        would say the same twice, or fill a text that is not there, is left out."""
        if field.path[0] != "params":
            return field.choices
        first, second = self.reading.first, self.reading.second
        told: dict[str, str] = {}
        for value, words in field.choices.items():
            named = called(words, first, second)
            absent = second is None and re.search(r"\bpassage\b", named)
            if not absent and named not in told.values():
                told[value] = named
        return told

    def about(self, field: Field) -> str:
        """The sentence beside a field, in the same words."""
        own = field.path[0] == "params"
        return called(field.about, self.reading.first, self.reading.second) if own else field.about

    @property
    def targets(self) -> dict[str, str]:
        """Targets of that way of reading, with words."""
        titles = self.fields["target"].choices
        return {name: titles[name] for name in self.reading.targets}

    @property
    def free_label(self) -> str:
        """What stands for no label; empty where one is usual."""
        if self.usual_label is not None or self.info is None or len(self.info.labels) < 2:
            return ""
        return "choose one" if self.reading.second else "the one that the model predicts"

    @property
    def usual_label(self) -> int | None:
        """The label that means relevant, for pairs."""
        return self.info.relevant_label if self.info is not None and self.reading.second else None

    @property
    def fault(self) -> GolgiError | None:
        """What is wrong with what was sent, or with the chosen model."""
        return self.error or (self._looked_up[1] if self.kind.takes("model") else None)

    @cached_property
    def methods(self) -> tuple[MethodView, ...]:
        """Methods that explain, and, for runs over datasets, those that only rank."""
        return self.catalogue.methods(controls=self.kind.takes("dataset"))

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """Stored datasets."""
        return self.desk.data.find()

    @cached_property
    def question_sets(self) -> tuple[QuestionSet, ...]:
        """Stored question sets."""
        return self.desk.questions.find()

    @cached_property
    def searches(self) -> tuple[Run, ...]:
        """Finished runs of the kind whose results this form reads."""
        return self.desk.finished(self.kind.reads)

    @cached_property
    def rankings(self) -> tuple[Run, ...]:
        """Runs that neurons can be taken from."""
        return rankings(self.desk.runs)

    @cached_property
    def sets(self) -> tuple[NeuronSet, ...]:
        """Saved sets."""
        return self.desk.sets.find()


class Forms:
    """Forms of every kind."""

    def __init__(self, desk: Desk, catalogue: Catalogue) -> None:
        self.desk, self.catalogue = desk, catalogue

    def view(self, kind: str, sent: Given, error: GolgiError | None = None) -> FormView:
        """The form with what was sent still in it.

        Raises:
            NotFound: a method that is not there.
        """
        known = kind_of(kind)
        return FormView(known, known.ask.shown(sent), error, self.desk, self.catalogue)

    def prefilled(self, kind: str, given: Given) -> FormView:
        """The form as an address fills it."""
        return self.view(kind, kind_of(kind).ask.prefill(given, self.desk))
