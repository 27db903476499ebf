"""From a form, a command line or an API body to the question of free text."""

from collections.abc import Mapping

from app.domain.errors import BadInput, Conflict
from app.domain.roles import SOURCE
from app.domain.runs import Run, RunState
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.desk import Desk
from app.kinds.queries import in_title
from app.kinds.writing.question import DOMAIN, NEUTRAL, OWN, WritingForm, WritingQuestion

SEPARATOR = "---"
TEXTS = ("prompts", "golds")


class WritingAsk(Ask[WritingQuestion, WritingForm]):
    """Asks what a search's neurons do to free text."""

    Question = WritingQuestion
    Form = WritingForm

    def browser(self, given: Given) -> Given:
        """A text area holds all prompts, another one all answers."""
        cut = {name: texts_of(given[name][-1]) for name in TEXTS if given.get(name)}
        return {**super().browser(given), **cut}

    def complete(self, values: Values, desk: Desk) -> Asked[WritingQuestion]:
        """The question of a finished search.

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        form = self.form(values)
        source = _searched(form.source, desk)
        _check_texts(form)
        _check_names(form, source)
        if not form.factors:
            raise BadInput("at least one factor", "none", "Write 0 to switch neurons off, 2 to double them.", "factors")
        if form.every > 1 and form.positions != "generated":
            way = "Choose the tokens behind the prompt, or 1."
            raise BadInput("tokens behind the prompt, where only every so many is scaled", form.positions, way, "every")
        model = desk.model_of(source)
        factors = tuple(dict.fromkeys(form.factors))
        limit = WritingQuestion.model_fields["limit"].default if form.prompts else form.limit
        question = self.question(form, factors=factors, neutral=form.neutral.strip() or NEUTRAL, limit=limit)
        about = form.prompts[0].strip().replace("\n", " ")[:60] if form.prompts else source.title
        title = f"{about}: free text, {in_title(factors)}"
        return Asked(question, model, title, self.text(question) or source.title, {SOURCE: source})

    def text(self, question: WritingQuestion) -> str:
        """Prompts and answers."""
        return "\n".join([*question.prompts, *question.golds])

    def again(self, run: Run, inputs: Mapping[str, Run]) -> WritingForm:
        """The question, and its run."""
        return WritingForm.model_validate({**run.spec.settings, "source": inputs[SOURCE].fingerprint})


def texts_of(area: str) -> list[str]:
    """Texts between lines of ``---``, as they stand but for the line ends around them; none in an empty area."""
    texts = [""]
    for line in area.replace("\r\n", "\n").split("\n"):
        if line.strip() == SEPARATOR:
            texts.append("")
        else:
            texts[-1] += ("\n" if texts[-1] else "") + line
    return [text.strip("\n") for text in texts] if area.strip() else []


def _searched(text: str, desk: Desk) -> Run:
    """The search that was named.

    Raises:
        BadInput: none. Conflict: another run, or one that is not done.
    """
    if not text:
        raise BadInput("a search for query-relevant neurons", "none", "Choose one.", "run")
    source = desk.run(text)
    if source.spec.kind != SEARCH or source.state is not RunState.DONE:
        found = f"run {source.id}, {source.spec.kind}, {source.state}"
        raise Conflict("a finished search for query-relevant neurons", found, "Choose another run, or wait.")
    return source


def _check_texts(form: WritingForm) -> None:
    """See that every prompt has an answer.

    Raises:
        BadInput: with the field's name.
    """
    if len(form.prompts) != len(form.golds):
        found = f"{len(form.prompts)} prompts and {len(form.golds)} answers"
        way = "Write them in the same order, with lines of --- between them; or leave both empty."
        raise BadInput("one gold answer for each prompt", found, way, "golds")
    for name in TEXTS:
        for number, text in enumerate(getattr(form, name), start=1):
            if not text.strip():
                raise BadInput(f"some text in every one of the {name}", f"number {number} is empty", "Fill it.", name)


def _check_names(form: WritingForm, source: Run) -> None:
    """See that the neurons which were named are the search's.

    Raises:
        BadInput: with the field ``whose``.
    """
    domains, queries = list(source.plan.get("domains", {})), list(source.plan.get("queries", ()))
    if form.whose in domains or form.whose in queries or (form.whose in (OWN, DOMAIN) and not form.prompts):
        return
    known = ", ".join(domains[:12]) + (", ..." if len(domains) > 12 else "")
    wanted = f"the name of a domain ({known}) or of a query of the search"
    raise BadInput(
        wanted, f"'{form.whose}'", "A prompt by hand has no neurons of its own: name whose it gets.", "whose"
    )
