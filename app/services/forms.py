"""A method's settings as form fields, read off its declared schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from app.domain.errors import BadInput

M = TypeVar("M", bound=BaseModel)
VISIBLE = ("preset", "baseline", "steps", "aggregation")


@dataclass(frozen=True)
class Field:
    """One setting: its name, kind of input, default, choices, and what it does."""

    name: str
    kind: str
    default: Any
    choices: tuple[str, ...]
    about: str
    visible: bool


def fields_of(schema: type[BaseModel]) -> tuple[Field, ...]:
    """The settings in declared order; the first few are visible, the rest are under 'more'."""
    return tuple(
        Field(
            name,
            _kind(info.annotation),
            info.get_default(call_default_factory=True),
            tuple(str(c) for c in get_args(info.annotation)) if get_origin(info.annotation) is Literal else (),
            info.description or "",
            name in VISIBLE,
        )
        for name, info in schema.model_fields.items()
    )


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "choice"
    return {bool: "flag", int: "whole number", float: "number"}.get(annotation, "text")


def validated(schema: type[M], values: Mapping[str, Any]) -> M:
    """The values as a model.

    Raises:
        BadInput: the first problem, with the field's name.
    """
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        given = str(first.get("input"))[:60]
        raise BadInput(
            f"{name}: {first['msg'].removeprefix('Input should be ')}", f"'{given}'", f"Correct {name}.", name
        ) from error
