"""From a form, a command line or an API body to the question of a test of query-relevant neurons."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.kinds.asking import Ask, Asked, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.desk import Desk
from app.kinds.effects.question import EffectsForm, EffectsQuestion
from app.kinds.queries import search_of


class EffectsAsk(Ask[EffectsQuestion, EffectsForm]):
    """Asks what the neurons of a search do."""

    Question = EffectsQuestion
    Form = EffectsForm

    def complete(self, values: Values, desk: Desk) -> Asked[EffectsQuestion]:
        """The question of a finished search.

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        form = self.form(values)
        source = search_of(form.source, SEARCH, desk)
        if not form.factors:
            raise BadInput("at least one factor", "none", "Write 0 to switch neurons off, 2 to double them.", "factors")
        model = desk.model_of(source)
        factors = tuple(dict.fromkeys(form.factors))
        title = f"{source.title}, " + " and ".join(f"× {factor:g}" for factor in factors)
        return Asked(self.question(form, factors=factors), model, title, source.title, {SOURCE: source})

    def again(self, run: Run, inputs: Mapping[str, Run]) -> EffectsForm:
        """The question, and its run."""
        return EffectsForm.model_validate({**run.spec.settings, "source": inputs[SOURCE].fingerprint})
