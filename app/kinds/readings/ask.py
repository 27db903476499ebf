"""From a form, a command line or an API body to the question of a read-out."""

from app.domain.counting import counted
from app.domain.errors import BadInput, Missing, Unsupported
from app.domain.model_card import ModelInfo
from app.domain.sites import NeuronIndex, SiteKind
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.readings.question import ReadoutForm, ReadoutQuestion
from app.models.tasks import tasks

MOST = 1000


class ReadoutAsk(Ask[ReadoutQuestion, ReadoutForm]):
    """Asks what neurons write."""

    Question = ReadoutQuestion
    Form = ReadoutForm

    def complete(self, values: Values, desk: Desk) -> Asked[ReadoutQuestion]:
        """The question of neurons by their ids, and those of saved sets.

        Raises:
            BadInput, Missing, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        saved = [desk.saved(number) for number in form.saved]
        ids = dict.fromkeys((*form.neurons, *(member for one in saved for member in one.members)))
        if not ids:
            raise Missing("neurons to read", "none", "Write their ids, or choose a saved set.", "neurons")
        if len(ids) > MOST:
            way = "Read a part of them."
            raise BadInput(f"at most {MOST:,} neurons", f"{len(ids):,}", way, "set" if saved else "neurons")
        for text in ids:
            if NeuronIndex.parse(text).kind is not SiteKind.MID:
                way = "Choose feed-forward units."
                raise Unsupported("feed-forward units, which write a column each", f"'{text}'", way, "neurons")
        model = desk.model(form.model)
        for one in saved:
            if one.weights_hash != model.weights:
                found = f"'{one.name}' of {one.model}, weights {one.weights_hash[:12]}"
                raise BadInput(
                    f"sets of {model.info.slug}, weights {model.weights[:12]}", found, "Leave it out.", "set"
                )
        if not self.fits(model.info):
            found = f"{model.info.slug}: {'; '.join(tasks()[key].title for key in model.info.tasks)}"
            raise Unsupported("a language model, which has a head of tokens", found, "Choose another model.", "model")
        question = self.question(form, neurons=tuple(ids))
        first = next(iter(ids))
        title = f"what {first} writes" if len(ids) == 1 else f"what {counted(len(ids), 'neuron')} write"
        named = ", ".join(one.name for one in saved)
        return Asked(question, model, f"{title}, {named}" if named else title, " ".join((named, *ids))[:5000])

    def fits(self, info: ModelInfo) -> bool:
        """Models that predict tokens."""
        return any("token" in tasks()[key].asks for key in info.tasks)
