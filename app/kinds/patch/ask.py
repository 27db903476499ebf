"""From a form, a command line or an API body to the question of an edited model."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from app.domain.counting import counted
from app.domain.errors import BadInput, Conflict, Missing, Unsupported
from app.domain.model_at_hand import Model
from app.domain.set_rules import NeuronSet
from app.domain.sites import NeuronIndex, SiteKind
from app.forms.read import Given
from app.kinds.asking import Ask, Asked, Values
from app.kinds.desk import Desk
from app.kinds.patch.question import NAMED, PatchForm, PatchQuestion


@dataclass(frozen=True)
class Size:
    """What would be written: neurons, and bytes; ``free`` bytes are left where it goes."""

    neurons: int
    bytes: int
    free: int
    folder: str
    model: str


class PatchAsk(Ask[PatchQuestion, PatchForm]):
    """Asks for a model whose neurons are scaled for good."""

    Question = PatchQuestion
    Form = PatchForm

    def complete(self, values: Values, desk: Desk) -> Asked[PatchQuestion]:
        """The question of saved sets of one model, or of listed neurons.

        Raises:
            BadInput, Conflict, Missing, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        saved = [desk.saved(number) for number in form.saved]
        ids = (*form.neurons, *(member for one in saved for member in one.members))
        if not ids:
            raise Missing("neurons to scale", "none", "Choose a saved set.", "set")
        indices = sorted({NeuronIndex.parse(text) for text in ids}, key=lambda at: (at.layer, at.kind.value, at.unit))
        for index in indices:
            if index.kind is not SiteKind.MID:
                way = "Choose a set of feed-forward units."
                raise Unsupported("feed-forward units, which have a column of their own", f"'{index}'", way, "set")
        model = _model(form, saved, desk)
        _see_folder(form.folder, desk.hosts.root)
        _see_room(model, desk.hosts.root)
        named = ", ".join(dict.fromkeys(one.name for one in saved)) or form.sets or counted(len(indices), "neuron")
        question = self.question(form, neurons=tuple(map(str, indices)), sets=named)
        title = f"{model.info.slug}, {named} × {form.factor:g}"
        return Asked(question, model, title, f"{form.folder} {named}")

    def preview(self, given: Given, desk: Desk) -> Size:
        """How much would be written.

        Raises:
            BadInput, Conflict, Missing, NotFound, Unsupported: what would be wrong if it was sent now.
        """
        asked = self.complete(self.read(self.browser(given), boxes="flags" in given), desk)
        info, free = asked.model.info, shutil.disk_usage(desk.hosts.root).free
        return Size(len(asked.question.neurons), info.file_bytes, free, asked.question.folder, info.slug)


def _model(form: PatchForm, saved: list[NeuronSet], desk: Desk) -> Model:
    """The one model of all sets, as it was when they were made."""
    named = form.model or next((one.model for one in saved), "")
    if not named:
        raise Missing("a model", "none", "Name it, or choose a saved set.", "model")
    model = desk.model(named)
    for one in saved:
        if one.weights_hash != model.weights:
            found = f"'{one.name}' of {one.model}, weights {one.weights_hash[:12]}"
            way = "Choose sets of one model; put its old weights back where they were changed."
            raise BadInput(f"sets of {model.info.slug}, weights {model.weights[:12]}", found, way, "set")
    return model


def _see_folder(name: str, root: Path) -> None:
    if not name:
        raise Missing("a name of the new model", "an empty name", "Name the new model.", "folder")
    if not re.fullmatch(NAMED, name):
        found = f"'{name[:60]}'"
        wanted = "a name of letters, digits, dots, dashes and underscores, which begins with a letter or digit"
        raise BadInput(wanted, found, "Write the name of the new model.", "folder")
    if (root / name).exists():
        raise Conflict("a name that no model has yet", f"'{name}'", "Choose another name.", "folder")


def _see_room(model: Model, root: Path) -> None:
    free, needed = shutil.disk_usage(root).free, model.info.file_bytes
    if free < needed:
        found = f"{free / 1e9:.1f} GB, where {needed / 1e9:.1f} GB would be written"
        raise BadInput("room for the new model on the disk of the models folder", found, "Make room first.", "folder")
