"""From what a form, an address or a command line holds to the values of a question.

What was given is a mapping of field names to texts, several for a field that may be given several times. Texts are
taken as they stand, but for line ends.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.domain.bounds import whole
from app.domain.errors import BadInput
from app.forms.fields import Field, Type

Given = Mapping[str, Sequence[str]]
TRUE = ("on", "true", "1", "yes")
NONE = "none"
"""What an empty list is called, where leaving the field out means its default."""


def read(fields: Sequence[Field], given: Given, *, boxes: bool = False) -> dict[str, Any]:
    """The values of a question, nested as it nests; what was not given is left out.

    Args:
        fields: of the question.
        given: name to texts.
        boxes: whether the sender had tick boxes: one that is not given was not ticked.

    Raises:
        BadInput: a text that is no value of its field, with the field's name.
    """
    values: dict[str, Any] = {}
    for field in fields:
        texts = given.get(field.name)
        if texts is None and boxes and field.type == "flag":
            texts = ["false"]
        if texts and (field.widget == "area" or any(text.strip() for text in texts) or _means_space(field, texts)):
            _put(values, field, READERS[field.type](field, texts))
    return values


def _means_space(field: Field, texts: Sequence[str]) -> bool:
    """White space alone is a text, as the token ``" "`` is."""
    return field.type == "text" and not field.choices and bool(texts[-1])


def _put(values: dict[str, Any], field: Field, value: Any) -> None:
    """Set a value at its place; a size goes into ``fraction`` or ``count``."""
    *above, name = field.path
    inner = values
    for part in above:
        inner = inner.setdefault(part, {})
    if field.type == "size":
        inner |= value
    else:
        inner[name] = value


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with others laid over them."""
    both = dict(below)
    for name, value in above.items():
        old = both.get(name)
        both[name] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def decimal(name: str, raw: Any, label: str = "") -> float:
    """A number; ``label`` is what the field ``name`` is called on pages.

    Raises:
        BadInput: it is not one, or not finite.
    """
    called = label or name
    problem = BadInput(f"{called}: a number", f"'{str(raw)[:60]}'", f"Correct '{called}'.", name)
    try:
        number = float(str(raw))
    except ValueError as error:
        raise problem from error
    if not math.isfinite(number):
        raise problem
    return number


def numbers(name: str, text: str, label: str = "") -> list[float]:
    """``0.1 %, 1 %`` or ``0.001 0.01`` as numbers, percentages as shares.

    Raises:
        BadInput: something that is no number.
    """
    parts = split(re.sub(r"\s*%", "% ", text))
    return [decimal(name, part.rstrip("%"), label) / (100 if part.endswith("%") else 1) for part in parts]


def size_of(text: str, name: str = "size", label: str = "") -> dict[str, Any]:
    """``1%`` or ``0.01`` as a share of all neurons, ``25`` as a count.

    Raises:
        BadInput: neither.
    """
    wanted = text.strip()
    if wanted.endswith("%") or "." in wanted or "e-" in wanted:
        number = decimal(name, wanted.removesuffix("%"), label)
        share = number / 100 if wanted.endswith("%") else number
        if not 0 < share <= 1:
            raise BadInput("a percentage above 0 and up to 100", f"'{wanted}'", "Write for example 1%.", name)
        return {"fraction": share}
    count = whole(name, wanted, label=label)
    if count < 1:
        raise BadInput("at least one neuron", f"'{wanted}'", "Write a count such as 25, or a share such as 1%.", name)
    return {"count": count}


def split(text: str) -> list[str]:
    """Parts between commas, white space or lines; nothing for ``none``."""
    return [] if text.strip() == NONE else text.replace(",", " ").split()


def spec_of(text: str) -> dict[str, Any]:
    """Settings given as JSON.

    Raises:
        BadInput: no JSON object.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise BadInput("a JSON object", str(error), "Correct --spec.", "spec") from error
    if not isinstance(values, dict):
        raise BadInput("a JSON object", type(values).__name__, "Correct --spec.", "spec")
    return values


def _text(field: Field, texts: Sequence[str]) -> str:
    return texts[-1].replace("\r\n", "\n")


def _texts(field: Field, texts: Sequence[str]) -> list[str]:
    """Whole texts where the field holds texts, else every part between commas, white space or lines."""
    if field.widget == "area":
        return [text.replace("\r\n", "\n") for text in texts]
    return [part for text in texts for part in split(text)]


def _wholes(field: Field, texts: Sequence[str]) -> list[int]:
    return [whole(field.name, part.lstrip("Ll"), label=field.label) for text in texts for part in split(text)]


READERS: Mapping[Type, Callable[[Field, Sequence[str]], Any]] = {
    "text": _text,
    "choice": lambda field, texts: texts[-1],
    "flag": lambda field, texts: texts[-1].lower() in TRUE,
    "whole": lambda field, texts: whole(field.name, texts[-1], label=field.label),
    "number": lambda field, texts: decimal(field.name, texts[-1], field.label),
    "texts": _texts,
    "wholes": _wholes,
    "numbers": lambda field, texts: [number for text in texts for number in numbers(field.name, text, field.label)],
    "size": lambda field, texts: size_of(texts[-1], field.name, field.label),
    "json": lambda field, texts: spec_of(texts[-1]),
}
