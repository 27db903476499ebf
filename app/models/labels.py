"""What the logits of a classification head are called, and which of them means 'relevant'."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.domain.errors import Unsupported

POSITIVE = frozenset({"relevant", "true", "yes", "positive", "entailment"})
NEGATIVE = frozenset(
    {"not", "non", "no", "none", "never", "without", "false", "negative", "irrelevant", "nonrelevant", "unrelated"}
)
"""Words of a label that turn it into the opposite, or are the opposite."""
NUMBERED = re.compile(r"(label)?[ _-]*\d+", re.IGNORECASE)
"""Labels that nobody has named."""


class Labels(NamedTuple):
    """Names of the logits in order, and what is to be told of them; empty where they are taken as they stand."""

    names: tuple[str, ...]
    note: str = ""


def labels_of(config: Mapping[str, Any]) -> Labels:
    """Names of the logits of a classification head, in order.

    ``num_labels`` says how many there are, as it does for the library; names of another number are not used.

    Raises:
        Unsupported: a count that is none, or names that are not numbered from zero.
    """
    names, count = config.get("id2label"), config.get("num_labels")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise Unsupported(
            "num_labels in config.json as a whole number above 0", str(count)[:40], "Correct config.json.", "model"
        )
    if not names:
        return Labels(_numbered(2 if count is None else count))
    known = _ordered(names)
    if count is None or count == len(known):
        return Labels(known)
    note = f"config.json has num_labels {count} and {len(known)} names in id2label; the names are not used"
    return Labels(_numbered(count), f"{note}: correct config.json to see them")


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"LABEL_{number}" for number in range(count))


def _ordered(names: object) -> tuple[str, ...]:
    """The names of ``id2label`` by number.

    Raises:
        Unsupported: they are not numbered from zero.
    """
    numbers = sorted(names, key=lambda key: (len(str(key)), str(key))) if isinstance(names, dict) else []
    if not isinstance(names, dict) or [str(key) for key in numbers] != [str(at) for at in range(len(numbers))]:
        raise Unsupported(
            'label names numbered from zero in config.json ("id2label": {"0": "no", "1": "yes"})',
            str(names)[:80],
            "Correct config.json.",
            "model",
        )
    return tuple(str(names[key]) for key in numbers)


class Guess(NamedTuple):
    """A label, and how it was found; None where it has to be asked for."""

    label: int | None
    why: str


def relevant_of(labels: Labels, declared: Any) -> Guess:
    """Which label means relevant: as declared in golgi.json, the only one, by name, or the second of two without names.

    A label with a word of negation is never taken. Where names say nothing, or the configuration contradicts itself,
    it has to be asked for.

    Raises:
        Unsupported: a declared label that the model does not have.
    """
    names = labels.names
    if declared is not None and declared not in range(len(names)):
        raise Unsupported(
            f"a relevant_label from 0 to {len(names) - 1} in golgi.json", str(declared)[:40], "Correct it.", "model"
        )
    if declared is not None:
        return Guess(int(declared), "as golgi.json says")
    if len(names) == 1:
        return Guess(0, "the only one")
    if labels.note:
        return Guess(None, "config.json contradicts itself; choose one")
    named = [number for number, label in enumerate(names) if _means_relevant(label)]
    if len(named) == 1:
        return Guess(named[0], "by its name")
    if len(names) == 2 and all(NUMBERED.fullmatch(label.strip()) for label in names):
        return Guess(1, "the second of two without names")
    return Guess(None, "the names do not say; choose one")


def _means_relevant(label: str) -> bool:
    """Whether a label's words say 'relevant', and none of them turns that round."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    return NEGATIVE.isdisjoint(words) and not POSITIVE.isdisjoint(words)
