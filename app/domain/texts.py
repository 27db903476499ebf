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
