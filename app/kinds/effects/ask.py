"""From a form, a command line or an API body to the question of a test of query-relevant neurons."""

import re
from collections.abc import Mapping
from typing import Any

from app.domain.errors import BadInput
from app.domain.roles import SOURCE
from app.domain.runs import Run
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.desk import Desk
from app.kinds.effects.question import EffectsForm, EffectsQuestion
from app.kinds.queries import in_title, search_of


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
        sizes = tuple(sorted({size for size in form.sizes if 0 < size < form.thresholds.size}))
        title = f"{source.title}, {in_title(factors)}"
        return Asked(self.question(form, factors=factors, sizes=sizes), model, title, source.title, {SOURCE: source})

    def read(self, given: Given, *, boxes: bool = False) -> dict[str, Any]:
        """The values of a form; ``all`` among the numbers of neurons is tested anyway."""
        texts = [re.sub(r"\ball\b", " ", text) for text in given.get("sizes", ())]
        return super().read({**given, "sizes": texts} if texts else given, boxes=boxes)

    def again(self, run: Run, inputs: Mapping[str, Run]) -> EffectsForm:
        """The question as it was asked, and its run."""
        question = EffectsQuestion.model_validate(run.spec.settings)
        asked = {name: getattr(question, name) for name in EffectsQuestion.model_fields}
        return EffectsForm.model_validate({**asked, "source": inputs[SOURCE].fingerprint})
