"""From a form, a command line or an API body to the question of an ablation study."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.data.demo import MODEL
from app.domain.errors import BadInput, Conflict, Missing
from app.domain.interventions import Op
from app.domain.model_at_hand import Model
from app.domain.roles import is_source, source_role
from app.domain.runs import Run, RunState
from app.domain.studying import Evaluation, NamedSet
from app.domain.targets import OF_THE_SCORE
from app.forms.fields import accepts
from app.forms.read import Given
from app.forms.words import spelled
from app.kinds import kind_of
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.attribute.question import KEY as OVER_DATASETS
from app.kinds.attribute.question import AttributeQuestion
from app.kinds.desk import Desk
from app.kinds.study.lists import candidate_lists, judged_queries
from app.kinds.study.question import KEY, StudyForm, StudyQuestion
from app.kinds.study.work import settings_count
from app.kinds.titles import done_to
from app.methods.base import controls


class StudyAsk(Ask[StudyQuestion, StudyForm]):
    """Asks for an ablation study."""

    Question = StudyQuestion
    Form = StudyForm

    def prefill(self, given: Given, desk: Desk) -> Given:
        """``run`` ticks a ranking to take neurons from."""
        return {**given, "source": [*given.get("source", ()), *given.get("run", ())]}

    def complete(self, values: Values, desk: Desk) -> Asked[StudyQuestion]:
        """The question; control rankings of the same neurons are started with it, where they are asked for.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form, question, model, sources = self._complete(values, desk)
        inputs = {source_role(place): run for place, run in enumerate(sources)}
        if form.controls and sources:
            inputs |= self._controls(model, sources[0], desk)
        names = [run.title for run in sources] + [named.name for named in question.sets]
        controlled = sum(not is_source(role) for role in inputs)
        measured = question.evaluation
        rows = settings_count(question, len(sources), controlled) * measured.queries * measured.depth
        return Asked(question, model, self.title(question, inputs), " ".join(names), inputs, rows=rows)

    def title(self, question: StudyQuestion, inputs: Mapping[str, Run]) -> str:
        """The dataset, the first set and how many more, and what is done to them."""
        sources = sorted((role for role in inputs if is_source(role)), key=lambda role: (len(role), role))
        names = [inputs[role].title for role in sources] + [named.name for named in question.sets]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        first, done = names[0].replace(": ", " ", 1), done_to(question.op, question.amount)
        chosen = ", size chosen before" if question.chosen_on else ""
        return f"{question.evaluation.name}: {first}{more} {done}{chosen}"

    def again(self, run: Run, inputs: Mapping[str, Run]) -> StudyForm:
        """The question, its model, its rankings, and whether controls stand beside them."""
        around = {
            "model": run.spec.source or run.spec.model,
            "sources": [source.fingerprint for role, source in sorted(inputs.items()) if is_source(role)],
            "controls": any(not is_source(role) for role in inputs),
        }
        return StudyForm.model_validate({**run.spec.settings, **around})

    def words(self, run: Run, inputs: Mapping[str, Run]) -> list[str]:
        """Model, rankings and controls, and the rest as JSON, so that the dataset is named by its content."""
        form = self.again(run, inputs)
        return spelled(form, self.fields(), frozenset({"model", "sources", "saved", "controls"}))

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Rows through the model, its control rankings left out."""
        form, question, model, sources = self._complete(values, desk)
        beside = form.controls and bool(sources) and sources[0].spec.kind == OVER_DATASETS
        dataset = desk.dataset(question.evaluation.dataset)
        lists = candidate_lists(question, desk.data, dataset).read
        fitting = len(judged_queries(question, desk.data, dataset))
        count = settings_count(question, len(sources), len(controls()) if beside else 0)
        cost = Cost("queries", fitting, len(lists), count * sum(map(len, lists.values())))
        return cost.timed(desk.speed(model.info.slug, KEY))

    def _complete(self, values: Values, desk: Desk) -> tuple[StudyForm, StudyQuestion, Model, Sequence[Run]]:
        """The form, the question with nothing left open, the model, and the rankings under test."""
        form = self.form(values)
        sources = [desk.run(text) for text in form.sources]
        saved = [desk.saved(number) for number in form.saved]
        if not sources and not saved and not form.sets:
            way = "Choose a run to take neurons from, or a saved set."
            raise Missing("a run to take neurons from, or a saved set", "neither", way, "sources")
        named = [run.spec.source or run.spec.model for run in sources] + [saved_set.model for saved_set in saved]
        model = desk.ranker(form.model or next(iter(named), MODEL))
        _check_sources(sources, model)
        for saved_set in saved:
            if saved_set.weights_hash != model.weights:
                raise BadInput(
                    "sets of this model", f"'{saved_set.name}' of {saved_set.model}", "Leave it out.", "sets"
                )
        if form.target.name not in OF_THE_SCORE:
            known = ", ".join(OF_THE_SCORE)
            raise BadInput(f"one of the targets {known}", f"'{form.target.name}'", "Choose one of them.", "target")
        changes: dict[str, Any] = {} if form.op is Op.SCALE else {"amount": 0.0}
        question = self.question(
            form,
            evaluation=_with_hash(form.evaluation, desk),
            sets=(*form.sets, *(NamedSet(name=saved_set.name, neurons=saved_set.members) for saved_set in saved)),
            target=desk.target(model, form.target),
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
            **changes,
        )
        return form, question, model, sources

    def _controls(self, model: Model, source: Run, desk: Desk) -> dict[str, Run]:
        """Rankings of the same neurons by other means, over the same sample; none for one input's explanation."""
        if source.spec.kind != OVER_DATASETS:
            return {}
        question = AttributeQuestion.model_validate(source.spec.settings)
        params = {"preset": question.params.get("preset", "ffn")}
        runs = {}
        for key, method in controls().items():
            if not accepts(method, params):
                continue
            values = question.model_dump(mode="json") | {"method": key, "params": params}
            if method.constant:
                values["sample"] |= {"limit": 1, "correct": False}
            runs[key] = desk.start(OVER_DATASETS, {**values, "model": model.place})
        return runs


def _with_hash(evaluation: Evaluation, desk: Desk) -> Evaluation:
    """The candidate lists with their dataset by content, whether its name or its hash was given."""
    dataset = desk.dataset(evaluation.dataset)
    return evaluation.model_copy(update={"dataset": dataset.hash, "name": dataset.name})


def _check_sources(sources: Sequence[Run], model: Model) -> None:
    """See that rankings are there, of this model and of one neuron space.

    Raises:
        Conflict: a run without a ranking. BadInput: other weights or other neurons.
    """
    for run in sources:
        if "ranking" not in kind_of(run.spec.kind).gives or run.state not in (RunState.DONE, RunState.PARTIAL):
            found = f"run {run.id}, {run.spec.kind}, {run.state}"
            raise Conflict("finished runs that rank neurons", found, "Wait for it.", "sources")
        changed = run.spec.changed_since(model.weights, model.identity)
        if changed:
            found = f"run {run.id} of {run.spec.model}: {', '.join(changed)} of another one"
            raise BadInput(f"runs of the model {model.info.slug} as it is now", found, "Leave it out.", "sources")
    presets = {run.spec.settings.get("params", {}).get("preset", "ffn") for run in sources}
    if len(presets) > 1:
        found = f"presets {', '.join(sorted(presets))}"
        raise BadInput("runs of the same neurons", found, "Take one preset.", "sources")
