"""From a form, a command line or an API body to the question of an ablation."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import BadInput, Conflict
from app.domain.interventions import Op
from app.domain.neuron_sets import Selection, ranked
from app.domain.roles import SOURCE
from app.domain.runs import Run, RunState
from app.domain.sites import NeuronIndex
from app.domain.targets import BRANCHES
from app.forms.read import Given
from app.kinds.ablate.question import AblateForm, AblateQuestion
from app.kinds.ablate.work import settings_of
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.explain.question import KEY as EXPLAINED
from app.kinds.titles import done_to, start_of


class AblateAsk(Ask[AblateQuestion, AblateForm]):
    """Asks for an ablation of an explained run."""

    Question = AblateQuestion
    Form = AblateForm

    def browser(self, given: Given) -> Given:
        """Neurons ticked in a table go with those that are written; the button for them says that they are meant."""
        texts = [*given.get("neuron", ()), *given.get("neurons", ())]
        picked = {"rank": ["hand"]} if any(given.get("picked", ())) else {}
        return {**super().browser(given), "neurons": texts, **picked}

    def complete(self, values: Values, desk: Desk) -> Asked[AblateQuestion]:
        """The question of a finished explanation.

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        form = self.form(values)
        source = desk.run(form.source)
        if source.spec.kind != EXPLAINED or source.state not in (RunState.DONE, RunState.PARTIAL):
            wanted, way = "a finished explanation to take neurons from", "Wait for it to finish."
            raise Conflict(wanted, f"run {source.id}, {source.state}", way)
        question = self.question(form, **_plain(form))
        scores = desk.results.scores(source.id)
        ranked(question.selection, scores)
        known = [part for part in scores.parts[1:] if part not in BRANCHES]
        unknown = sorted(set(question.segments or ()) - set(known))
        if unknown:
            raise BadInput(f"parts among {', '.join(known)}", ", ".join(unknown), "Choose one of them.", "segments")
        model = desk.model_of(source)
        title = self.title(question, {SOURCE: source})
        rows = len(settings_of(question, scores)) * int(source.plan.get("items", 1))
        return Asked(question, model, title, source.title, {SOURCE: source}, rows=rows)

    def title(self, question: AblateQuestion, inputs: Mapping[str, Run]) -> str:
        """The neurons, what is done to them, and the input: ``top 1 % off: cooked chicken…``."""
        named, done = question.selection, done_to(question.op, question.amount)
        one = named.rank == "hand" and len(named.neurons) == 1
        return f"{named.neurons[0] if one else named} {done}: {start_of(inputs[SOURCE].title)}"

    def again(self, run: Run, inputs: Mapping[str, Run]) -> AblateForm:
        """The question, and its run."""
        return AblateForm.model_validate({**run.spec.settings, "source": inputs[SOURCE].fingerprint})


def _plain(form: AblateForm) -> dict[str, Any]:
    """The same question in one spelling, so that it has one fingerprint: what the rule does not read takes its default,
    and what has no order is sorted."""
    rule, plain = form.selection, Selection()
    changes: dict[str, Any] = {"neurons": (), "fraction": plain.fraction if rule.count is not None else rule.fraction}
    if rule.rank == "hand":
        neurons = sorted({NeuronIndex.parse(text) for text in rule.neurons})
        changes = {"neurons": tuple(map(str, neurons)), "fraction": plain.fraction, "count": None, "part": plain.part}
    if rule.layers is not None:
        changes["layers"] = tuple(sorted(set(rule.layers)))
    whole: dict[str, Any] = {"selection": rule.model_copy(update=changes)}
    if form.op is not Op.SCALE:
        whole["amount"] = 0.0
    if form.segments is not None:
        whole["segments"] = tuple(sorted(set(form.segments)))
    return whole
