"""The settings of a run as people read them: names and values in words."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import NotFound
from app.domain.runs import Run
from app.forms.fields import Field
from app.kinds.base import Kind
from app.kinds.reporting import Report
from app.methods.base import methods

LISTED = 8
"""Values of a list that are told; more are counted."""


def settings_in_words(run: Run, kind: Kind[Any, Any, Any], report: Report[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Label and value of every setting of a run's question, in the order of its form; what is empty is left out. Its
    texts are called as the model's way of reading calls them."""
    settings = run.spec.settings
    try:
        fields = kind.ask.fields(str(settings.get("method", "")))
    except NotFound:  # a method of another version of Golgi
        fields = kind.ask.fields()
    first, second = report.texts
    named = {"query": first.capitalize(), "passages": f"{second or ''}s".capitalize()}
    rows = []
    for field in fields:
        value = _at(settings, field.path)
        if field.type != "json" and value not in (None, "", [], ()):
            label = named.get(field.path[0], _label(field))
            rows.append((label, report.called(_words(field, value))))
    return tuple(rows)


def circumstances_in_words(run: Run, computed: str) -> tuple[tuple[str, str], ...]:
    """Name and value of what a run was made on and when; ``computed`` is its precision and device."""
    made = run.environment
    versions = [f"{name} {made[name]}" for name in ("golgi", "torch", "transformers", "python") if name in made]
    known = (
        ("Fingerprint", run.fingerprint),
        ("Model", run.spec.model),
        ("Weights (sha256)", run.spec.weights_hash),
        ("Computed in", computed if made else ""),
        ("Made with", ", ".join(versions)),
        ("Created", f"{run.created:%Y-%m-%d %H:%M:%S} UTC"),
        ("Seconds", "" if run.seconds is None else f"{run.seconds:.2f}"),
    )
    return tuple((name, value) for name, value in known if value)


def asked_in_words(run: Run, report: Report[Any, Any]) -> list[tuple[str, str]]:
    """Name and value of a question's settings, its texts as the model's way of reading calls them; a text that there is
    none of is left out."""
    first, second = report.texts
    names = {"query": first, "passages": f"{second}s"}
    rows = []
    for name, value in run.spec.settings.items():
        text = as_text(value)
        if second or name != "passages":
            rows.append((names.get(name, name), report.called(text) if name == "params" else text))
    return rows


def as_text(value: Any) -> str:
    """A stored setting on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {'–' if inner is None else inner}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " · ".join(map(str, value))
    return "–" if value is None else str(value)


def _label(field: Field) -> str:
    """The words of a form before the field; those of a yes are a sentence."""
    return f"{field.label[:1].upper()}{field.label[1:]}"


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _words(field: Field, value: Any) -> str:
    """A value as its form says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        more = f" and {len(value) - LISTED:,} more" if len(value) > LISTED else ""
        return ", ".join(_words(field, one) for one in value[:LISTED]) + more
    if field.widget == "method" and value in methods():
        return methods()[value].title
    if field.type == "size" and isinstance(value, float):
        return f"{100 * value:.3g} %"
    if isinstance(value, float):
        return f"{value:g}"
    return field.choices.get(str(value), str(value))
