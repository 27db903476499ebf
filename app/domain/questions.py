"""What a stored question is made of, and how its fields stand on a form and on the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

Widget = Literal[
    "label",
    "length",
    "answer",
    "shares",
    "token",
    "part",
    "",
    "text",
    "area",
    "ids",
    "size",
    "model",
    "method",
    "dataset",
    "questions",
    "search",
    "ranking",
    "rankings",
    "sets",
    "hidden",
]


@dataclass(frozen=True)
class Shown:
    """How a field stands on a form and on the command line; stands in ``Annotated`` beside the field's type.

    Args:
        label: words before it; empty: its name.
        help: a sentence below it; empty: the field's description.
        name: in a form's data and in addresses; empty: the field's own.
        flag: the option's name without dashes; empty: the name with dashes.
        aliases: further option names.
        off: option that switches a flag off, besides ``--no-FLAG``.
        widget: what it is put in with; empty: what its type asks for.
        titles: words for choices.
        more: stands under "More settings".
        when: shown only where another field says so: ``inner`` (an inner neuron is explained), ``scale`` (values are
            multiplied), ``rule`` or ``hand`` (how neurons are taken).
        always: the command of a run says it also where it holds its default.
        positional: stands on the command line without an option's name.
        ready: texts that a button beside the field puts in, by the button's words.
    """

    label: str = ""
    help: str = ""
    name: str = ""
    flag: str = ""
    aliases: tuple[str, ...] = ()
    off: str = ""
    widget: Widget = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    more: bool = False
    when: str = ""
    always: bool = False
    positional: bool = False
    ready: Mapping[str, str] = field(default_factory=dict)


class Question(BaseModel):
    """What is asked, as it is stored and fingerprinted: frozen, unknown fields refused.

    ``later`` names fields that older stored questions do not have. They are left out of the stored form where they hold
    their default, so that an older question keeps its fingerprint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _stored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        unused = {name for name in self.later if getattr(self, name) == fields[name].get_default()}
        return {name: value for name, value in handler(self).items() if name not in unused}
