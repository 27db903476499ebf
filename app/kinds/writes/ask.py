"""From a form, a command line or an API body to the question of what a model would write."""

from app.domain.counting import counted
from app.domain.errors import BadInput, Missing, Unsupported
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.writes.question import WritesForm, WritesQuestion
from app.models.tasks import tasks

SEPARATOR = "---"
LONGEST = 200_000


class WritesAsk(Ask[WritesQuestion, WritesForm]):
    """Asks what a model would write next."""

    Question = WritesQuestion
    Form = WritesForm

    def parts(self, text: str) -> list[str]:
        """Prompts, with lines of ``---`` between them."""
        return prompts_of(text)

    def browser(self, given: Given) -> Given:
        """Text areas hold all prompts, with lines of ``---`` between, and an answer a line. Forms of other kinds hold
        prompts as they stand: one, where ``form`` is ``prompt``, or that of the row which ``only`` names."""
        sent = super().browser(given)
        texts, answers = list(sent.get("query", ())), list(sent.get("token", ()))
        only = (given.get("only") or [""])[-1]
        if only.isascii() and only.isdigit() and len(only) < 4:
            row = slice(int(only), int(only) + 1)
            return {**sent, "query": texts[row], "token": [answer for answer in answers[row] if answer]}
        if (given.get("form") or [""])[-1] != "prompt":
            texts = [part for text in texts for part in prompts_of(text)]
        lines = [line for answer in answers for line in answer.splitlines()]
        return {**sent, "query": texts, "token": lines}

    def complete(self, values: Values, desk: Desk) -> Asked[WritesQuestion]:
        """The question of some prompts.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        check_prompts(form.prompts)
        answers = checked_answers(form.answers)
        model = predicting(desk, form.model)
        limit = desk.length(model, form.max_length if "max_length" in form.model_fields_set else None)
        question = self.question(form, answers=answers, options=form.options and len(answers) > 1, max_length=limit)
        for example in question.examples:
            desk.seen(model, example, limit)
        title = question.prompts[0].strip().replace("\n", " ")[-90:]
        return Asked(question, model, title, self.text(question), rows=len(question.prompts))

    def text(self, question: WritesQuestion) -> str:
        """Prompts and answers."""
        return "\n".join((*question.prompts, *question.answers))

    def fits(self, info: ModelInfo) -> bool:
        """Models that predict a token of one text."""
        return any(tasks()[key].form == "prompt" and "token" in tasks()[key].asks for key in info.tasks)


def predicting(desk: Desk, name: str) -> Model:
    """A model that predicts a token.

    Raises:
        NotFound: nothing of that name. Unsupported: it predicts none, or cannot be loaded.
    """
    model = desk.model(name)
    if not WritesAsk().fits(model.info):
        found = f"{model.info.slug}: {'; '.join(tasks()[key].title for key in model.info.tasks)}"
        way = "Choose a causal or a masked language model."
        raise Unsupported("a model that predicts a token of a text", found, way, "model")
    return model


def prompts_of(text: str) -> list[str]:
    """The prompts of a text, between lines that hold only ``---``; each as it stands, line ends aside."""
    groups: list[list[str]] = [[]]
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.strip() == SEPARATOR:
            groups.append([])
        else:
            groups[-1].append(line)
    return ["\n".join(group) for group in groups if any(line.strip() for line in group)]


def check_prompts(prompts: tuple[str, ...]) -> None:
    """At least one, none empty, none beyond reason.

    Raises:
        BadInput: with the field ``query``.
    """
    if not prompts:
        raise Missing("at least one prompt", "none", "Type or paste one.", "query")
    for number, prompt in enumerate(prompts, start=1):
        if not prompt.strip():
            raise Missing(
                "some text in every prompt", f"prompt {number} is empty", "Fill it, or leave it out.", "query"
            )
        if len(prompt) > LONGEST:
            found = f"{len(prompt):,} in prompt {number}"
            raise BadInput(f"at most {counted(LONGEST, 'character')}", found, "Shorten it.", "query")


def checked_answers(answers: tuple[str, ...]) -> tuple[str, ...]:
    """Proposed answers without blanks around them; empty ones are left out.

    Raises:
        BadInput: one twice.
    """
    plain = [answer.strip() for answer in answers if answer.strip()]
    twice = next((answer for answer in plain if plain.count(answer) > 1), None)
    if twice is not None:
        raise BadInput("each answer once", f"'{twice[:60]}' twice", "Leave one out; blanks do not count.", "token")
    return tuple(plain)
