"""From a form, a command line or an API body to the question of an explanation."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.counting import counted
from app.domain.errors import BadInput, Missing
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.domain.runs import Run
from app.domain.targets import TITLES
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.explain.preview import Preview, Separation, preview
from app.kinds.explain.question import ExplainForm, ExplainQuestion
from app.kinds.titles import both_ends, start_of
from app.methods.base import Method, method_of
from app.models.tasks import task_for

LONGEST = 200_000
SEPARATOR = "---"
PICKED = "picked"
"""Kind of input of a list whose passages were ticked: each comes as a text by itself."""


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
        if mode == PICKED:
            passages = [text.replace("\r\n", "\n") for text in given.get("passages", ())]
        else:
            passages = [] if mode == "prompt" else passages_of(texts[-1], mode)
        return {**super().browser(given), "passages": passages}

    def shown(self, given: Given) -> Given:
        """Passages that were ticked stand in the form's one text area."""
        if (given.get("form") or [""])[-1] != PICKED:
            return given
        return {**given, "form": ["ranking"], "passages": [f"\n{SEPARATOR}\n".join(given.get("passages", ()))]}

    def complete(self, values: Values, desk: Desk) -> Asked[ExplainQuestion]:
        """The question of one input.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model = desk.model(form.model)
        question, method = self._settled(form, model, desk)
        for example in question.examples:
            desk.seen(model, example, question.max_length)
        title = self.title(question, {})
        rows = len(question.examples) * method.passes(model.info.layers or 1)
        return Asked(question, model, title, self.text(question), version=method.version, rows=rows)

    def _settled(self, form: ExplainForm, model: Model, desk: Desk) -> tuple[ExplainQuestion, Method]:
        """The question with nothing left open, and its method: the same checks while a form is filled and when it is
        sent; no weights are read.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        _check_texts(model.info, form)
        if form.target.name == "pairwise" and len(form.passages) != 2:
            way = "Give two passages, the one that should win first; or choose another target."
            wanted = f"two passages for the target '{TITLES['pairwise']}'"
            raise BadInput(wanted, str(len(form.passages)), way, "passages")
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
        desk.asked_tokens(model, question.target, question.examples)
        return question, method

    def fits(self, info: ModelInfo) -> bool:
        """Every model: the form of the input goes by it."""
        return True

    def title(self, question: ExplainQuestion, inputs: Mapping[str, Run]) -> str:
        """The query, how many passages, the asked token of a prompt; the method and the units where they are not the
        usual ones."""
        target, passages = question.target, len(question.passages)
        if passages:
            about = " (one passage against another)" if target.name == "pairwise" else f" ({passages} passages)"
            name = start_of(question.query) + (about if passages > 1 else "")
        else:
            text = both_ends(question.query)
            name = f"'{target.token}' ({text})" if target.token is not None else text
        inner = f"{target.neuron} on " if target.name == "activation" else ""
        method = method_of(question.method, question.params).title
        by = "" if question.method == ExplainQuestion.model_fields["method"].default else f", {method.lower()}"
        return f"{inner}{name}{by}{', by heads' if question.params.get('preset') == 'heads' else ''}"

    def text(self, question: ExplainQuestion) -> str:
        """Query and passages."""
        return "\n".join([question.query, *question.passages])

    def preview(self, given: Given, desk: Desk) -> Preview:
        """Token counts with the cut, the target's line, how the passages were told apart, and the time.

        Raises:
            BadInput, NotFound, Unsupported: what would be wrong with the form if it was sent now.
        """
        form = self.form(self.read(self.browser(given), boxes="flags" in given))
        model = desk.described(form.model)
        question, method = self._settled(form, model, desk)
        several = (given.get("form") or [""])[-1] == "ranking"
        cut = separation((given.get("passages") or [""])[-1]) if several else None
        return preview(question, model, method.passes(model.info.layers or 1), cut, desk)


def passages_of(text: str, mode: str = "ranking") -> list[str]:
    """Passages as they stand. A ``pair`` is one passage; a ``ranking`` is cut at lines that hold only ``---``, else at
    empty lines."""
    whole_text = text.replace("\r\n", "\n")
    if mode != "ranking":
        return [whole_text]
    lines = whole_text.split("\n")
    marker = SEPARATOR if _marked(lines) else ""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == marker:
            groups.append([])
        else:
            groups[-1].append(line)
    texts = ["\n".join(group) for group in groups]
    return [passage for passage in texts if passage.strip()] or [whole_text]


def _marked(lines: Sequence[str]) -> bool:
    """Whether lines of ``---`` stand between the passages."""
    return any(line.strip() == SEPARATOR for line in lines)


def separation(text: str) -> Separation:
    """How many passages a text area holds for a ranking, and what told them apart."""
    passages = passages_of(text)
    lines = passages[0].strip().count("\n") + 1
    if len(passages) > 1:
        by = f"lines of {SEPARATOR}" if _marked(text.splitlines()) else "empty lines"
        return Separation(f"{counted(len(passages), 'passage')}, told apart by {by}.", False)
    if lines == 1:
        return Separation("1 passage.", False)
    told = f"1 passage of {counted(lines, 'line')}: no empty line and no line of {SEPARATOR} is between them."
    return Separation(told, True)


def _check_texts(info: ModelInfo, form: ExplainForm) -> None:
    """Texts that the model's form needs, none empty, none beyond reason.

    Raises:
        BadInput: with the field ``query`` or ``passages``.
    """
    alone, pair = task_for(info.tasks, "prompt"), task_for(info.tasks, "pair")
    if not form.query.strip():
        task = pair if pair and (form.passages or not alone) else alone
        name = task.first if task else "query"
        raise Missing(f"some text as the {name}", "an empty text", f"Type or paste the {name}.", "query")
    if alone and not pair and form.passages:
        way = "Leave the passages empty."
        raise BadInput(
            f"a {alone.first} alone for this model: {alone.title}", "text as a passage, too", way, "passages"
        )
    second = pair.second if pair and pair.second else "passage"
    if pair and not alone and not form.passages:
        raise Missing(f"1 to 50 {second}s", "none", f"Type or paste the {second}.", "passages")
    for number, text in enumerate(form.passages, start=1):
        if not text.strip():
            way = f"Type or paste the {second}." if len(form.passages) == 1 else f"Fill or remove {second} {number}."
            raise Missing(f"some text in every {second}", f"{second} {number} is empty", way, "passages")
    texts: list[tuple[str, Any]] = [("query", form.query), *(("passages", text) for text in form.passages)]
    for name, text in texts:
        if len(text) > LONGEST:
            raise BadInput(f"at most {LONGEST:,} characters", f"{len(text):,} characters", "Shorten the text.", name)
