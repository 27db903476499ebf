"""The values of a run's question, from the command line."""

import argparse
from pathlib import Path
from typing import Any

from app.domain.errors import BadInput
from app.forms.read import NONE, merged, spec_of
from app.kinds.base import Kind

SEVERAL = ("numbers", "wholes", "texts")


def values_of(args: argparse.Namespace, kind: Kind[Any, Any, Any]) -> dict[str, Any]:
    """Values of a kind's form: what ``--spec`` says, and the options over it.

    Raises:
        BadInput: an option that is no value of its field, or that the chosen method does not have.
    """
    spec = spec_of(args.spec)
    method = getattr(args, "method", None) or spec.get("method")
    fields = kind.ask.fields(str(method or ""))
    given: dict[str, list[str]] = {"method": [str(method)]} if method else {}
    known = {"spec", "json", "command", "method", *(field.name for field in fields)}
    for field in fields:
        texts = _texts(getattr(args, field.name, None))
        if field.type in SEVERAL:
            texts = [text.strip() or NONE for text in texts] if field.widget != "area" else texts
        if texts:
            given[field.name] = texts
        path = getattr(args, f"{field.name}_file", None)
        if path is not None:
            given[field.name] = [*texts, *kind.ask.parts(_file(path, field.name))]
    _check_others(args, known, str(method))
    return merged(spec, kind.ask.read(given))


def _texts(value: Any) -> list[str]:
    """An option's value as the texts of a form."""
    if value is None:
        return []
    if isinstance(value, list):
        return [str(text) for text in value]
    return ["true" if value is True else "false" if value is False else str(value)]


def _check_others(args: argparse.Namespace, known: set[str], method: str) -> None:
    """See that no option was given that only another method has.

    Raises:
        BadInput: one was.
    """
    for name in getattr(args, "of_methods", ()):
        if name not in known and getattr(args, name, None) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise BadInput(f"a setting of the method {method}", flag, f"Leave out {flag}, or choose another.", name)


def _file(path: Path, name: str) -> str:
    """The text of a file.

    Raises:
        BadInput: it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "another encoding"
        way = "Give the path of a text file."
        raise BadInput("a UTF-8 text file", f"{path}: {reason}", way, f"{name}-file") from error
