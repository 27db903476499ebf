"""Texts behind a prompt as tokens, by the tokenizer alone; no weights are read (``qrnca.md`` section 3)."""

from collections.abc import Callable
from typing import Any

from app.domain.variants import BLANKS, Variant, Way


def variant(tokenizer: Any, prompt: str, text: str, blank: Way, cut: Callable[..., Any] | None = None) -> Variant:
    """The tokens that a text adds to a prompt.

    Args:
        tokenizer: the model's own. cut: what is called in its place to cut texts, where several threads use it.
        prompt, text: the text without a blank in front.
        blank: whether one is put between them.
    """
    ids_of = cut or tokenizer
    written = (" " if blank == "space" else "") + text
    before = ids_of(prompt, add_special_tokens=False)["input_ids"]
    whole = ids_of(prompt + written, add_special_tokens=False)["input_ids"]
    if whole[: len(before)] != before:
        return Variant(blank, written, (), (), merges=True)
    added = tuple(int(token) for token in whole[len(before) :])
    pieces = tuple(tokenizer.decode([token]) for token in added)
    unknown = len(added) == 1 and added[0] == tokenizer.unk_token_id
    return Variant(blank, written, added, pieces, unknown=unknown)


def variants(tokenizer: Any, prompt: str, text: str, cut: Callable[..., Any] | None = None) -> tuple[Variant, ...]:
    """Both ways, the one with a blank first."""
    return tuple(variant(tokenizer, prompt, text, blank, cut) for blank in BLANKS)
