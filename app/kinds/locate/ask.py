"""From a form, a command line or an API body to the question of one query's neurons."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import BadInput, Conflict, Missing
from app.domain.examples import Example
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.domain.question_sets import LETTERS, Wording
from app.domain.roles import POOL
from app.domain.runs import Run, RunState
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.desk import Desk
from app.kinds.locate.preview import LocatePreview, preview
from app.kinds.locate.question import LocateForm, LocateQuestion
from app.models.chat import as_read
from app.models.tasks import tasks

LONGEST = 200_000


class LocateAsk(Ask[LocateQuestion, LocateForm]):
    """Asks for the neurons of one query."""

    weight = 3.0
    Question = LocateQuestion
    Form = LocateForm

    def browser(self, given: Given) -> Given:
        """Rows in which nothing was typed do not count; a target that stands alone is that of all."""
        sent = super().browser(given)
        prompts, targets = list(sent.get("query", ())), list(sent.get("token", ()))
        targets += [""] * (len(prompts) - len(targets))
        rows = [(p, t) for p, t in zip(prompts, targets, strict=False) if p.strip() or t.strip()]
        typed = [target for _, target in rows if target.strip()]
        told = typed if len(typed) == 1 else [target for _, target in rows]
        return {**sent, "query": [prompt for prompt, _ in rows], "token": told}

    def complete(self, values: Values, desk: Desk) -> Asked[LocateQuestion]:
        """The question of one query.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model = desk.generator(form.model)
        question, inputs, version, passes = self.settled(form, model, desk)
        title = f"{question.prompts[0].strip()} {question.targets[0]}".replace("\n", " ")[-90:]
        rows = passes * question.finding
        return Asked(question, model, title, self.text(question), inputs, version=version, rows=rows)

    def settled(self, form: LocateForm, model: Model, desk: Desk) -> tuple[LocateQuestion, Mapping[str, Run], int, int]:
        """The question with nothing left open, the pool, the method's version, and row passes a prompt: the same
        checks while a form is filled and when it is sent.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """
        pool = _pool(form, model, desk) if form.pool else None
        own: Mapping[str, Any] = {"method": form.method, "params": form.params}
        settings = own if pool is None else pool.spec.settings
        method = desk.method(str(settings["method"]), settings["params"], model)
        if not method.of_prompts:
            way = "Choose knowledge attribution, or its joint path."
            raise BadInput("a method that scores feed-forward units of a prompt", method.title, way, "method")
        if not form.factors:
            raise BadInput("at least one factor", "none", "Write 0 to switch neurons off, 2 to double them.", "factors")
        question = self.question(
            form,
            targets=_targets(form),
            method=method.key,
            params=method.model_dump(mode="json"),
            factors=tuple(dict.fromkeys(form.factors)),
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
        )
        tokenizer = desk.hosts.encoder(model.place).tokenizer
        for number, wording in enumerate(as_read(tokenizer, question.query, question.chat), start=1):
            _check_answer(wording, number, question, model, desk)
        inputs = {} if pool is None else {POOL: pool}
        return question, inputs, method.version, method.passes(model.info.layers or 1)

    def preview(self, given: Given, desk: Desk) -> LocatePreview:
        """The tokens of every answer, with a blank in front and without.

        Raises:
            BadInput, NotFound, Unsupported: what would be wrong with the form if it was sent now.
        """
        form = self.form(self.read(self.browser(given), boxes="flags" in given))
        model = desk.described(form.model)
        question, _, _, passes = self.settled(form, model, desk)
        return preview(question, model, passes, desk)

    def again(self, run: Run, inputs: Mapping[str, Run]) -> LocateForm:
        """The question, its model, and its pool."""
        pool = inputs[POOL].fingerprint if POOL in inputs else ""
        model = run.spec.source or run.spec.model
        return LocateForm.model_validate({**run.spec.settings, "model": model, "pool": pool})

    def text(self, question: LocateQuestion) -> str:
        """Prompts and targets."""
        return "\n".join((*question.prompts, *question.targets))

    def fits(self, info: ModelInfo) -> bool:
        """Models that go on with a prompt."""
        return any(tasks()[key].continues for key in info.tasks)


def _targets(form: LocateForm) -> tuple[str, ...]:
    """A target for every prompt, without blanks around it; one alone counts for all.

    Raises:
        BadInput: no prompts, an empty or too long one, or a prompt without a target.
    """
    if not form.prompts:
        raise Missing("at least one wording", "none", "Type a prompt and what should follow it.", "query")
    targets = form.targets * len(form.prompts) if len(form.targets) == 1 else form.targets
    if len(targets) != len(form.prompts):
        found = f"{len(form.prompts)} prompts, {len(targets)} targets"
        raise Missing("a target for every prompt", found, "Type what should follow each.", "token")
    for number, (prompt, target) in enumerate(zip(form.prompts, targets, strict=True), start=1):
        if not prompt.strip():
            raise Missing("a prompt in every wording", f"wording {number} without one", "Fill it in.", "query")
        if not target.strip():
            raise Missing("a target in every wording", f"wording {number} without one", "Fill it in.", "token")
        if len(prompt) > LONGEST:
            raise BadInput(f"at most {LONGEST:,} characters", f"{len(prompt):,}", "Shorten the prompt.", "query")
    return tuple(target.strip() for target in targets)


def _check_answer(wording: Wording, number: int, question: LocateQuestion, model: Model, desk: Desk) -> None:
    """See that a wording can be read and that its target is one token, a letter of its options where it has some.

    Raises:
        BadInput: it is not, with the field's name.
    """
    example = Example(str(number), wording.prompt)
    desk.seen(model, example, question.max_length)
    letters = tuple(LETTERS[: len(wording.options)]) if wording.options else ()
    if letters and wording.target not in letters:
        found = f"'{wording.target}' in wording {number}"
        raise BadInput(f"a letter among {', '.join(letters)}", found, "Write the letter of the right option.", "token")
    if len(set(wording.options)) < len(wording.options):
        twice = next(one for one in wording.options if wording.options.count(one) > 1)
        raise BadInput("each option once", f"'{twice[:60]}' twice in wording {number}", "Change one of them.", "query")
    ways = desk.variants(model, example, wording.target)
    wanted = [way for way in ways if question.blank in ("auto", "sum", way.blank)]
    fault = next((way.fault for way in wanted if way.fault is not None), None)
    if fault is not None and (question.blank == "sum" or not any(way.single for way in wanted)):
        raise BadInput(fault.expected, f"{fault.found} (wording {number})", fault.remedy, "token")


def _pool(form: LocateForm, model: Model, desk: Desk) -> Run:
    """The search whose queries discount this one's.

    Raises:
        Conflict: not a finished search, or of another model. NotFound: no such run.
    """
    run = desk.run(form.pool)
    if run.spec.kind != SEARCH or run.state is not RunState.DONE:
        found = f"run {run.id}, {run.spec.kind}, {run.state}"
        raise Conflict("a finished search for query-relevant neurons", found, "Choose another run, or none.", "run")
    changed = model.weights and run.spec.changed_since(model.weights, model.identity)
    if changed or run.spec.model != model.info.slug:
        found = f"run {run.id} of {run.spec.model}"
        raise Conflict(f"a search of the same model, {model.info.slug}", found, "Choose another run, or none.", "run")
    if bool(run.spec.settings["sample"].get("chat", False)) != form.chat:
        found = f"run {run.id} without it" if form.chat else f"run {run.id} with it"
        way = "Switch the chat template as in the pool, or choose another."
        raise Conflict("a pool whose prompts are wrapped with the chat template as this query's are", found, way, "run")
    return run
