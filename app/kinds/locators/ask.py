"""From a form, a command line or an API body to the question of a comparison of locators."""

from collections.abc import Mapping

from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.desk import Desk
from app.kinds.locators.pairs import pairs
from app.kinds.locators.question import KEY, LocatorsForm, LocatorsQuestion
from app.kinds.queries import search_of, stored
from app.methods.base import method_of


class LocatorsAsk(Ask[LocatorsQuestion, LocatorsForm]):
    """Asks how far locators agree on the queries of a search."""

    weight = 2.0
    Question = LocatorsQuestion
    Form = LocatorsForm

    def complete(self, values: Values, desk: Desk) -> Asked[LocatorsQuestion]:
        """The question of a finished search with four queries that have partners.

        Raises:
            BadInput, Conflict, NotFound: what is wrong, with the field's name.
        """
        form = self.form(values)
        source = search_of(form.source, SEARCH, desk)
        model = desk.model_of(source)
        rows = self.queries(form, source, desk) * self.each(form, source, model.info.layers or 1)
        title = f"{source.title}: agreement of locators"
        return Asked(self.question(form), model, title, source.title, {SOURCE: source}, rows=rows)

    @staticmethod
    def queries(form: LocatorsForm, source: Run, desk: Desk) -> int:
        """Queries that are taken.

        Raises:
            BadInput: fewer than four have a partner.
        """
        sample = ClustersQuestion.model_validate(source.spec.settings).sample
        known = {query.key: query for query in stored(sample, desk.questions)}
        return len(pairs(source.plan["queries"], known, form.queries, form.seed).partner)

    @staticmethod
    def each(form: LocatorsForm, source: Run, layers: int) -> int:
        """Rows of a query through the model: attribution, the path, single neurons twice, sets."""
        attribution = method_of(source.spec.settings["method"], source.spec.settings["params"]).passes(layers)
        return attribution + form.steps + 1 + 6 * form.k + form.seeds + 3 + form.noise * (1 + layers)

    def again(self, run: Run, inputs: Mapping[str, Run]) -> LocatorsForm:
        """The question, and its run."""
        return LocatorsForm.model_validate({**run.spec.settings, "source": inputs[SOURCE].fingerprint})

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Rows of every query."""
        completed, form = self.complete(values, desk), self.form(values)
        source = completed.inputs[SOURCE]
        taken = self.queries(form, source, desk)
        cost = Cost("queries", len(source.plan["queries"]), taken, completed.rows)
        return cost.timed(desk.speed(completed.model.info.slug, KEY))
