"""Texts that every part of the house can store and send."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

HALF = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def whole(text: str) -> str:
    """The text with U+FFFD for every half of a surrogate pair, which no encoding can write."""
    return text if text.isascii() else HALF.sub(REPLACEMENT, text)


def half_in(value: Any, place: str = "") -> str | None:
    """Where a JSON value holds half of a surrogate pair, as ``passages.2``; None where it holds none."""
    if isinstance(value, str):
        return place if whole(value) != value else None
    if isinstance(value, Mapping):
        inner = [(f"{place}.{whole(str(key))}".lstrip("."), row) for key, row in value.items()]
        if any(half_in(str(key)) is not None for key in value):
            return place
    elif isinstance(value, Sequence):
        inner = [(f"{place}.{number}".lstrip("."), row) for number, row in enumerate(value, start=1)]
    else:
        return None
    return next((found for name, row in inner if (found := half_in(row, name)) is not None), None)


def called(text: str, first: str, second: str | None) -> str:
    """Words about a query with a passage, as ``pad query and passage``, where a model's texts are called otherwise.

    Args:
        text: the words, or a key with ``_`` for blanks.
        first, second: what its texts are called; ``second`` None where it reads one alone.
    """
    if (first, second) == ("query", "passage"):
        return text
    both = first if second is None else f"{first} and {second}"
    whole = re.sub(r"query([ _])and\1passage", lambda found: both.replace(" ", found[1]), text)
    half = re.sub(r"\b(pad|unk|mask)([ _])query\b", rf"\1\2{first}", whole)
    return half if second is None else re.sub(r"\b(pad|unk|mask)([ _])passage\b", rf"\1\2{second}", half)
