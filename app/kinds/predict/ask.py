"""From a form, a command line or an API body to the question of a prediction."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.desk import Desk
from app.kinds.predict.question import KEY, LEAST_FOUND, WRONG, PredictForm, PredictQuestion
from app.kinds.predict.split import DomainSplit, splits
from app.kinds.queries import search_of, stored


class PredictAsk(Ask[PredictQuestion, PredictForm]):
    """Asks what the neurons of a search tell of other queries of its set."""

    Question = PredictQuestion
    Form = PredictForm

    def complete(self, values: Values, desk: Desk) -> Asked[PredictQuestion]:
        """The question of a finished search whose set has further queries.

        Raises:
            BadInput, Conflict, NotFound: what is wrong, with the field's name.
        """
        form = self.form(values)
        source = search_of(form.source, SEARCH, desk)
        serving = self.serving(form, source, desk)
        title = f"{source.title}: prediction of new queries"
        rows = sum(self.rows(form, split) for split in serving)
        return Asked(self.question(form), desk.model_of(source), title, source.title, {SOURCE: source}, rows=rows)

    def serving(self, form: PredictForm, source: Run, desk: Desk) -> tuple[DomainSplit, ...]:
        """The domains that can be predicted.

        Raises:
            BadInput: there is none.
        """
        sample = ClustersQuestion.model_validate(source.spec.settings).sample
        every = tuple(splits(sample, stored(sample, desk.questions), source.plan["queries"], form.seed))
        serving = tuple(split for split in every if split.serves)
        if not serving:
            new = sum(len(split.new) for split in every)
            raise BadInput(
                f"a domain with {LEAST_FOUND} queries that found neurons, and a new one",
                f"run {source.id} used {len(source.plan['queries'])} queries of {len(every)} domains, and left {new}",
                "Search again with fewer queries a domain, or on one part of the split.",
                "run",
            )
        return serving

    @staticmethod
    def rows(form: PredictForm, split: DomainSplit) -> int:
        """Rows through the model: every prompt with each option, and alone."""
        return (len(split.found) + min(len(split.new), form.limit)) * form.wordings * (WRONG + 2)

    def again(self, run: Run, inputs: Mapping[str, Run]) -> PredictForm:
        """The question, and its run."""
        return PredictForm.model_validate({**run.spec.settings, "source": inputs[SOURCE].fingerprint})

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Prompts with every option, of old and of new queries."""
        completed, form = self.complete(values, desk), self.form(values)
        serving = self.serving(form, completed.inputs[SOURCE], desk)
        new = [len(split.new) for split in serving]
        taken = sum(min(count, form.limit) for count in new)
        cost = Cost("queries", sum(new), taken, completed.rows)
        return cost.timed(desk.speed(completed.model.info.slug, KEY))
