"""From a form, a command line or an API body to the question of an attribution over a dataset."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.domain.runs import Run
from app.forms.words import spelled
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.attribute.question import KEY, AttributeForm, AttributeQuestion
from app.kinds.attribute.report import BASELINES
from app.kinds.attribute.sampling import fitting
from app.kinds.desk import Desk
from app.methods.base import method_of


class AttributeAsk(Ask[AttributeQuestion, AttributeForm]):
    """Asks for an attribution over a sample of a dataset."""

    weight = 3.0
    Question = AttributeQuestion
    Form = AttributeForm

    def complete(self, values: Values, desk: Desk) -> Asked[AttributeQuestion]:
        """The question over a stored dataset, which may be named or given by its hash.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model, dataset = desk.ranker(form.model), desk.dataset(form.sample.dataset)
        sample = form.sample.model_copy(update={"dataset": dataset.hash, "name": dataset.name})
        if form.target.name == "pairwise" and sample.relevance != "relevant":
            way = "Choose relevant pairs: each is set against a non-relevant one."
            raise BadInput("relevant pairs for the target pairwise", "non-relevant ones", way, "relevance")
        method = desk.method(form.method, form.params, model)
        question = self.question(
            form,
            sample=sample,
            params=method.model_dump(mode="json"),
            target=desk.target(model, form.target),
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
        )
        rows = sample.limit * method.passes(model.info.layers or 1) * (2 if question.target.name == "pairwise" else 1)
        return Asked(question, model, self.title(question, {}), sample.name, version=method.version, rows=rows)

    def words(self, run: Run, inputs: Mapping[str, Run]) -> list[str]:
        """The model, and the rest as JSON, so that the dataset is named by its content."""
        return spelled(self.again(run, inputs), self.fields(), frozenset({"model"}))

    def title(self, question: AttributeQuestion, inputs: Mapping[str, Run]) -> str:
        """The dataset and the class; the part, the method and the baseline where they are not the usual ones."""
        sample = question.sample
        title = f"{sample.name}: {'relevance' if sample.relevance == 'relevant' else 'non-relevance'} neurons"
        if sample.part != type(sample).model_fields["part"].default:
            title += f", {sample.part} queries"
        if question.method != AttributeQuestion.model_fields["method"].default:
            method = method_of(question.method, question.params)
            title += f", by {method.short}" if method.short else f", {method.title.lower()}"
        baseline = question.params.get("baseline", BASELINES[0])
        return title if baseline == BASELINES[0] else f"{title}, baseline {baseline}"

    def text(self, question: AttributeQuestion) -> str:
        """The dataset."""
        return question.sample.name

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Rows through the model and back; pairs that the model classes otherwise come off it."""
        completed = self.complete(values, desk)
        question = completed.question
        dataset = desk.dataset(question.sample.dataset)
        pairs = fitting(question, desk.data, dataset)
        taken = min(len(pairs), question.sample.limit)
        each = method_of(question.method, question.params).passes(completed.model.info.layers or 1)
        passes = taken * each * (2 if question.target.name == "pairwise" else 1)
        speed = desk.speed(completed.model.info.slug, KEY, question.method)
        return Cost("pairs", len(pairs), taken, passes).timed(speed)
