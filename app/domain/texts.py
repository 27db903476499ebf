"""Texts that every part of the house can store and send."""

import re
from typing import Any

HALF = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def whole(text: str) -> str:
    """The text with U+FFFD for every half of a surrogate pair, which no encoding can write."""
    return text if text.isascii() else HALF.sub(REPLACEMENT, text)


def all_whole(value: Any) -> Any:
    """A JSON value with :func:`whole` texts, keys too."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(key): all_whole(inner) for key, inner in value.items()}
    return [all_whole(inner) for inner in value] if isinstance(value, list) else value
