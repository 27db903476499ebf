"""A question's fields as they stand on a form and on the command line, read off its pydantic schema."""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from app.domain.errors import BadInput
from app.domain.questions import Shown

M = TypeVar("M", bound=BaseModel)
Path = tuple[str, ...]
Type = Literal["text", "whole", "number", "flag", "choice", "texts", "wholes", "numbers", "size", "json"]
PLAIN: Mapping[Any, Type] = {bool: "flag", int: "whole", float: "number", str: "text"}
SEVERAL: Mapping[Any, Type] = {int: "wholes", float: "numbers", str: "texts"}


@dataclass(frozen=True)
class Field:
    """One value of a form.

    Args:
        path: where it stands in the question.
        name: in a form's data and in addresses.
        type: what is written into it; ``size`` is a share or a count, ``json`` can only be given as JSON.
        default: where nothing is written; ``always`` says it in commands all the same.
        choices: what it may be, with words; empty where it is free.
        lowest, highest: bounds, None where there are none.
        label, help: words before and below it.
        widget: what it is put in with, see :class:`~app.domain.questions.Shown`.
        more: stands under "More settings". when: shown only where another field says so.
        flag, aliases, off: option names without dashes; ``positional`` stands without one.
        ready: texts that a button puts in, by the button's words.
    """

    path: Path
    name: str
    type: Type
    default: Any
    choices: Mapping[str, str]
    lowest: float | None
    highest: float | None
    label: str
    help: str
    widget: str
    more: bool
    when: str
    always: bool
    flag: str
    aliases: tuple[str, ...]
    off: str
    positional: bool
    ready: Mapping[str, str]

    @property
    def about(self) -> str:
        """The help as a sentence; of a method's settings with the default."""
        words = f"{self.help[:1].upper()}{self.help[1:]}." if self.help else ""
        with_default = self.path[0] == "params" and self.default not in (None, "", ())
        return f"{words} Default {str(self.default).replace('_', ' ')}." if with_default else words

    @property
    def kind(self) -> Type:
        """Its type, for templates and twins."""
        return self.type


def fields_of(schema: type[BaseModel], inner: Mapping[str, type[BaseModel]] | None = None) -> tuple[Field, ...]:
    """Every field of a question in declared order, those of nested questions in their place.

    Args:
        schema: the question.
        inner: schemas of fields that hold settings of somebody else, as ``params`` those of a method.
    """
    return tuple(_walk(schema, (), inner or {}))


def _walk(schema: type[BaseModel], above: Path, inner: Mapping[str, type[BaseModel]]) -> Iterator[Field]:
    for name, info in schema.model_fields.items():
        nested = inner.get(name) or _nested(info.annotation)
        if nested is not None:
            shown = _shown(info)
            for field in _walk(nested, (*above, name), inner):
                widget = "hidden" if shown.widget == "hidden" else field.widget
                yield replace(field, widget=widget, more=field.more or shown.more)
        else:
            yield _field(name, info, above)


def _nested(annotation: Any) -> type[BaseModel] | None:
    """The question that a field holds, if it holds one."""
    is_question = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_question else None


def _field(name: str, info: FieldInfo, above: Path) -> Field:
    shown = _shown(info)
    kind, choices = _type(info.annotation)
    option = shown.name or name
    return Field(
        path=(*above, name),
        name=option,
        type="size" if shown.widget == "size" else kind,
        default=info.get_default(call_default_factory=True),
        choices={choice: shown.titles.get(choice, choice.replace("_", " ")) for choice in choices},
        lowest=_bound(info, ("ge", "gt")),
        highest=_bound(info, ("le", "lt")),
        label=shown.label or option.replace("_", " ").capitalize(),
        help=shown.help or info.description or "",
        widget=shown.widget,
        more=shown.more,
        when=shown.when,
        always=shown.always,
        flag=shown.flag or option.replace("_", "-"),
        aliases=shown.aliases,
        off=shown.off,
        positional=shown.positional,
        ready=shown.ready,
    )


def _shown(info: FieldInfo) -> Shown:
    return next((mark for mark in info.metadata if isinstance(mark, Shown)), Shown())


def _bound(info: FieldInfo, names: Sequence[str]) -> float | None:
    values = (getattr(mark, name, None) for mark in info.metadata for name in names)
    return next((float(value) for value in values if value is not None), None)


def _type(annotation: Any) -> tuple[Type, tuple[str, ...]]:
    """What is written into a field of a type, and its choices."""
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        choices = get_args(bare)
        return "choice", tuple(str(choice.value) if isinstance(choice, Enum) else str(choice) for choice in choices)
    if get_origin(bare) is tuple:
        return SEVERAL.get(_bare(get_args(bare)[0]), "json"), ()
    return PLAIN.get(bare, "json"), ()


def _bare(annotation: Any) -> Any:
    """A type without ``| None`` and without what is annotated."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (types.UnionType, Union):
        (inner,) = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(inner)
    return annotation


def accepts(schema: type[BaseModel], values: Mapping[str, Any]) -> bool:
    """Whether a schema takes these values."""
    try:
        schema.model_validate(dict(values))
    except ValidationError:
        return False
    return True


def validated(schema: type[M], values: Mapping[str, Any], fields: Sequence[Field] = ()) -> M:
    """The values as a model.

    Raises:
        BadInput: the first problem, with the name of the form's field.
    """
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(part for part in first["loc"] if isinstance(part, str))
        known = {field.path: field for field in fields}
        name = known[place].name if place in known else ".".join(str(part) for part in first["loc"]) or "settings"
        label = known[place].label if place in known else _label(schema, place) or name
        given = str(first.get("input"))[:60]
        expected = f"{label}: {first['msg'].removeprefix('Input should be ')}"
        raise BadInput(expected, f"'{given}'", f"Correct '{label}'.", name) from error


def _label(schema: type[BaseModel], place: Path) -> str:
    """What the field at a place of a question is called on pages; empty for one that it does not have."""
    info = schema.model_fields.get(place[0]) if place else None
    if info is None:
        return ""
    nested = _nested(info.annotation)
    if nested is not None and len(place) > 1:
        return _label(nested, place[1:])
    return _shown(info).label or place[0].replace("_", " ").capitalize()
