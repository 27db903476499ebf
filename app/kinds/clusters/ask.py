"""From a form, a command line or an API body to the question of a search for query-relevant neurons."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.domain.model_card import ModelInfo
from app.domain.runs import Run
from app.forms.words import spelled
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.clusters.points import passes_of
from app.kinds.clusters.question import KEY, ClustersForm, ClustersQuestion
from app.kinds.desk import Desk
from app.kinds.queries import finding, sampled
from app.models.chat import check_template
from app.models.tasks import tasks


def memory_of(info: ModelInfo, each: int, tokens: int) -> str:
    """What a model takes of memory, in words: its weights, and keys and values of a prompt of so many tokens.

    Args:
        info: of the model; empty words where its shape is not known. each: bytes of a number. tokens: of a prompt.
    """
    if info.shape is None:
        return ""
    weights, cached = _bytes(info.shape.weights * each), _bytes(info.shape.cached_bytes(tokens, each))
    return (
        f"Memory: weights {weights}, keys and values {cached} for each cached row of the longest prompt ({tokens} "
        "tokens); by the shape of its configuration."
    )


def _bytes(count: int) -> str:
    """Three digits, in the largest unit that fits."""
    size, unit = next((at, name) for at, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= at or name == "kB")
    return f"{count / size:,.0f} {unit}" if count >= 100 * size else f"{count / size:.3g} {unit}"


class ClustersAsk(Ask[ClustersQuestion, ClustersForm]):
    """Asks for the query-relevant neurons of a question set."""

    weight = 3.0
    Question = ClustersQuestion
    Form = ClustersForm

    def complete(self, values: Values, desk: Desk) -> Asked[ClustersQuestion]:
        """The question over a stored set, which may be named or given by its hash.

        Raises:
            BadInput, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model, questions = desk.generator(form.model), desk.question_set(form.sample.questions)
        unknown = [name for name in form.sample.domains if name not in questions.domains]
        if unknown:
            known = ", ".join(questions.domains)
            raise BadInput(f"domains of {questions.name}: {known}", ", ".join(unknown), "Choose among them.", "domains")
        if form.sample.chat:
            check_template(desk.hosts.encoder(model.place).tokenizer)
        sample = form.sample.model_copy(update={"questions": questions.hash, "name": questions.name})
        method = desk.method(form.method, form.params, model)
        if not method.of_prompts:
            way = "Choose knowledge attribution, or its joint path."
            raise BadInput("a method that scores feed-forward units of a prompt", method.title, way, "method")
        question = self.question(
            form,
            sample=sample,
            params=method.model_dump(mode="json"),
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
        )
        title = f"{questions.name}: query-relevant neurons"
        rows = min(questions.queries, sample.limit * len(questions.domains)) * questions.wordings
        rows *= passes_of(question, model.info.layers or 1)
        return Asked(question, model, title, questions.name, version=method.version, rows=rows)

    def words(self, run: Run, inputs: Mapping[str, Run]) -> list[str]:
        """The model, and the rest as JSON, so that the set is named by its content."""
        return spelled(self.again(run, inputs), self.fields(), frozenset({"model"}))

    def text(self, question: ClustersQuestion) -> str:
        """The set."""
        return question.sample.name

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Rows through the model and back, should the model know every query."""
        completed = self.complete(values, desk)
        question = completed.question
        sample = question.sample
        queries = sampled(sample, desk.questions.queries(desk.question_set(sample.questions).id))
        by_domain: dict[str, int] = {}
        prompts = 0
        for query in queries:
            if by_domain.get(query.domain, 0) < sample.limit:
                by_domain[query.domain] = by_domain.get(query.domain, 0) + 1
                prompts += len(finding(sample, query))
        each = passes_of(question, completed.model.info.layers or 1)
        memory = memory_of(completed.model.info, desk.hosts.dtype.itemsize, question.max_length)
        cost = Cost("queries", len(queries), sum(by_domain.values()), prompts * each, memory=memory)
        return cost.timed(desk.rough_speed(completed.model.info, KEY, question.method))

    def fits(self, info: ModelInfo) -> bool:
        """Models that go on with a prompt."""
        return any(tasks()[key].continues for key in info.tasks)
