"""From a form, a command line or an API body to the question of an explanation."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import BadInput
from app.domain.model_card import ModelInfo
from app.domain.runs import Run
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.explain.preview import Preview, preview
from app.kinds.explain.question import ExplainForm, ExplainQuestion
from app.models.tasks import task_for

LONGEST = 200_000
SEPARATOR = "---"


class ExplainAsk(Ask[ExplainQuestion, ExplainForm]):
    """Asks for an explanation."""

    weight = 3.0
    Question = ExplainQuestion
    Form = ExplainForm

    def prefill(self, given: Given, desk: Desk) -> Given:
        """The texts of the demo where ``demo`` is given: a pair, or a query with its first candidates."""
        named = given.get("passage") or given.get("passages") or [""]
        prefilled = {**given, "passages": named}
        if "demo" not in given:
            return prefilled
        ranking = given["demo"][-1] == "ranking"
        query = (given.get("q") or [""])[-1] or None
        example = desk.demo.ranking(query) if ranking else desk.demo.pair()
        texts = {"query": [example.query], "passages": [f"\n{SEPARATOR}\n".join(example.passages)]}
        return {**prefilled, **texts, "form": ["ranking" if ranking else "pair"]}

    def parts(self, text: str) -> list[str]:
        """Passages, with lines of ``---`` between them."""
        return passages_of(text)

    def browser(self, given: Given) -> Given:
        """One text area holds all passages; the kind of input says how it is cut."""
        mode = (given.get("form") or ["pair"])[-1]
        texts = given.get("passages") or [""]
        passages = [] if mode == "prompt" else passages_of(texts[-1], mode)
        return {**super().browser(given), "passages": passages}

    def complete(self, values: Values, desk: Desk) -> Asked[ExplainQuestion]:
        """The question of one input.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model = desk.model(form.model)
        _check_texts(model.info, form)
        if form.target.name == "pairwise" and len(form.passages) != 2:
            way = "Give two passages, the one that should win first; or choose another target."
            raise BadInput("two passages for the target pairwise", str(len(form.passages)), way, "passages")
        method = desk.method(form.method, form.params, model)
        if method.control:
            way = "Use it on a dataset."
            raise BadInput("a method that explains", f"'{form.method}', a control for rankings", way, "method")
        question = self.question(
            form,
            params=method.model_dump(mode="json"),
            target=desk.target(model, form.target, "pair" if form.passages else "prompt"),
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
        )
        for example in question.examples:
            desk.seen(model, example, question.max_length)
        title = question.query.strip().replace("\n", " ")[:90]
        rows = len(question.examples) * method.passes(model.info.layers or 1)
        return Asked(question, model, title, self.text(question), version=method.version, rows=rows)

    def again(self, run: Run, inputs: Mapping[str, Run]) -> ExplainForm:
        """The question, and its model."""
        return ExplainForm.model_validate({**run.spec.settings, "model": run.spec.source or run.spec.model})

    def text(self, question: ExplainQuestion) -> str:
        """Query and passages."""
        return "\n".join([question.query, *question.passages])

    def preview(self, given: Given, desk: Desk) -> Preview:
        """Token counts with the cut, the target's line, and the time."""
        fields = {field.name: field for field in self.fields_for(given)}
        return preview(self.browser(given), fields, desk)


def passages_of(text: str, mode: str = "ranking") -> list[str]:
    """Passages as they stand. A ``pair`` is one passage; a ``ranking`` is cut at lines that hold only ``---``, else at
    empty lines."""
    whole_text = text.replace("\r\n", "\n")
    if mode != "ranking":
        return [whole_text]
    lines = whole_text.split("\n")
    marker = SEPARATOR if any(line.strip() == SEPARATOR for line in lines) else ""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == marker:
            groups.append([])
        else:
            groups[-1].append(line)
    texts = ["\n".join(group) for group in groups]
    return [passage for passage in texts if passage.strip()] or [whole_text]


def _check_texts(info: ModelInfo, form: ExplainForm) -> None:
    """Texts that the model's form needs, none empty, none beyond reason.

    Raises:
        BadInput: with the field ``query`` or ``passages``.
    """
    alone, pair = task_for(info.tasks, "prompt"), task_for(info.tasks, "pair")
    if not form.query.strip():
        task = pair if pair and (form.passages or not alone) else alone
        name = task.first if task else "query"
        raise BadInput(f"some text as the {name}", "an empty text", f"Type or paste the {name}.", "query")
    if alone and not pair and form.passages:
        way = "Leave the passages empty."
        raise BadInput(
            f"a {alone.first} alone for this model: {alone.title}", "text as a passage, too", way, "passages"
        )
    if pair and not alone and not form.passages:
        raise BadInput("1 to 50 passages", "none", "Type or paste the passage.", "passages")
    for number, text in enumerate(form.passages, start=1):
        if not text.strip():
            raise BadInput("some text in every passage", f"passage {number} is empty", "Fill or remove it.", "passages")
    texts: list[tuple[str, Any]] = [("query", form.query), *(("passages", text) for text in form.passages)]
    for name, text in texts:
        if len(text) > LONGEST:
            raise BadInput(f"at most {LONGEST:,} characters", f"{len(text):,} characters", "Shorten the text.", name)
