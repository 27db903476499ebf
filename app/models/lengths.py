"""The longest input of a model, told in one way to everybody: page, form, report of an import, and run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

UNKNOWN = 512
"""Tokens, where neither the configuration nor the tokenizer says."""
MOST = 8192
"""Tokens of an input, at most."""
POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx")
OFFSET = ("roberta", "xlm-roberta")
"""Families whose first position is the one behind the padding id."""


class Longest(NamedTuple):
    """Tokens of the longest input, special ones included, and whose limit that is."""

    tokens: int
    why: str


def longest_of(config: Mapping[str, Any], tokenizer: Mapping[str, Any], declared: int | None) -> Longest:
    """The smallest of what the parts of a model's folder say.

    Args:
        config, tokenizer: contents of ``config.json`` and ``tokenizer_config.json``.
        declared: ``max_length`` of ``golgi.json``, if it has one.
    """
    known = [Longest(MOST, "what Golgi takes at most")]
    positions = next((_count(config.get(name)) for name in POSITIONS if _count(config.get(name))), None)
    if positions is not None:
        if config.get("model_type") in OFFSET:
            padding = config.get("pad_token_id")
            positions -= (padding if isinstance(padding, int) else 1) + 1
        known.append(Longest(positions, "positions of config.json"))
    own = _count(tokenizer.get("model_max_length"))
    if own is not None:
        known.append(Longest(own, "model_max_length of its tokenizer"))
    if declared is not None:
        known.append(Longest(declared, "max_length of golgi.json"))
    if positions is None and own is None and declared is None:
        known.append(Longest(UNKNOWN, "neither config.json nor the tokenizer says"))
    smallest = min(known, key=lambda longest: longest.tokens)
    whole = positions if own is None else own if positions is None else min(positions, own)
    if smallest.tokens == MOST and whole is not None and whole > MOST:
        return Longest(MOST, f"what Golgi takes at most; the model reads {whole:,}")
    return smallest


def _count(value: object) -> int | None:
    """A number of tokens; None for what is none, or only says that there is no limit."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return None
    return int(value)
