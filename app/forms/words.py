"""A question as the words of a command line; reading them back gives the same question."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from app.domain.runs import canonical
from app.forms.fields import Field, Path
from app.forms.read import NONE


def words(form: BaseModel, fields: Sequence[Field]) -> list[str]:
    """Options of a form, in the order of its fields: those that differ from their default, or are always said.

    What no option can say (sets by their members) stands in one ``--spec`` at the end.
    """
    values = form.model_dump(mode="json")
    said: list[str] = []
    for field in (*(f for f in fields if f.positional), *(f for f in fields if not f.positional)):
        if field.type != "json":
            said += _option(field, _at(values, field.path), values)
    rest = {
        field.path[0]: values[field.path[0]] for field in fields if field.type == "json" and _changed(field, values)
    }
    return [*said, *(["--spec", canonical(rest)] if rest else [])]


def spelled(form: BaseModel, fields: Sequence[Field], apart: frozenset[str]) -> list[str]:
    """The options named in ``apart``, and everything else that differs from its default, or is always said, as one
    ``--spec``."""
    values = form.model_dump(mode="json", exclude_defaults=True, exclude=set(apart))
    whole = form.model_dump(mode="json")
    values |= {f.path[0]: whole[f.path[0]] for f in fields if f.always and len(f.path) == 1 and f.path[0] not in apart}
    own = [field for field in fields if field.path[0] in apart]
    return [*words(form, own), "--spec", canonical(values)]


def _changed(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether it differs from its default, empty lists and tuples being the same."""
    value = _at(values, field.path)
    return bool(value if value is not None and field.default in ((), None, {}) else value != field.default)


def _at(values: Mapping[str, Any], path: Path) -> Any:
    inner: Any = values
    for part in path:
        inner = inner.get(part) if isinstance(inner, Mapping) else None
    return inner


def _option(field: Field, value: Any, values: Mapping[str, Any]) -> Iterator[str]:
    """The words of one field; none where it holds its default."""
    if field.type == "size":
        value = _size(value, _at(values, (*field.path[:-1], "count")))
    elif not field.always and _same(field, value):
        return
    for text in _written(field, value):
        if field.type == "flag":
            yield f"--{field.flag}" if value else f"--no-{field.flag}"
        elif field.positional:
            yield text
        else:
            yield from _said(f"--{field.flag}", text, joined=field.type in ("numbers",))


def _same(field: Field, value: Any) -> bool:
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return bool(value == default) and (value is None) == (default is None)


def _said(flag: str, text: str, *, joined: bool) -> list[str]:
    """An option with its value; in one word where the value would read as an option."""
    return [f"{flag}={text}"] if joined or text.startswith("-") else [flag, text]


def _size(fraction: float, count: int | None) -> str:
    """A count, or a share as a percentage where that gives the same number back."""
    if count is not None:
        return str(count)
    percent = f"{100 * fraction:.15g}"
    return f"{percent}%" if float(percent) / 100 == fraction else repr(fraction)


def _written(field: Field, value: Any) -> list[str]:
    """The texts of a value; several for a field that is given several times."""
    if value is None:
        return []
    if field.type == "texts" and field.widget == "area":
        return list(value)
    if field.type in ("numbers", "wholes", "texts"):
        return [",".join(repr(part) if field.type == "numbers" else str(part) for part in value) or NONE]
    return [repr(value) if isinstance(value, float) else str(value)]
