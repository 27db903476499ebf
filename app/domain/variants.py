"""A text that may follow a prompt, as tokens: with a blank in front, or without (``qrnca.md`` section 3)."""

from dataclasses import dataclass
from typing import Literal

from app.domain.errors import BadInput

Way = Literal["space", "bare"]
BLANKS: tuple[Way, ...] = ("space", "bare")
WAYS = {"space": "with a blank", "bare": "without a blank", "mask": "in place of the mask"}


@dataclass(frozen=True)
class Variant:
    """One way of reading a text behind a prompt, or in place of a mask.

    Args:
        blank: which way. text: what is written, its blank included.
        ids: the tokens that it adds; in place of a mask only the first. pieces: the texts of all.
        merges: whether it changes the prompt's own tokens, so that no token begins with it.
        unknown: whether its one token is the one that stands for unknown words.
    """

    blank: Literal["space", "bare", "mask"]
    text: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    merges: bool = False
    unknown: bool = False

    @property
    def single(self) -> bool:
        """Whether it is one token, which can be a target."""
        return self.fault is None

    @property
    def fault(self) -> BadInput | None:
        """Why it cannot be a target; None where it can."""
        shown = repr(self.text)
        if self.merges:
            found, way = f"{shown} changes the tokens of the prompt's end", "Try it with or without a blank."
            return BadInput("an answer that begins with a new token", found, way, "target")
        if len(self.pieces) != 1:
            pieces, way = ", ".join(map(repr, self.pieces)) or "none", "Choose a shorter answer, or a letter."
            return BadInput(f"{shown} to be one token of the model", f"{len(self.pieces)}: {pieces}", way, "target")
        if self.unknown:
            way = "Choose an answer that its vocabulary has."
            return BadInput(f"{shown} to be a token of the model", "its unknown token", way, "target")
        return None
