"""At which tokens something is read or edited."""

from dataclasses import dataclass

GENERATED = "generated"
"""Name of the part that holds tokens which the model wrote itself."""


@dataclass(frozen=True)
class Positions:
    """Tokens of an input; without any field, all of them.

    Args:
        parts: tokens of these parts of the input; None for every part.
        readout: the token that carries the answer; while a model writes, the newest token at each step.
        generated: every so many of the tokens that the model wrote itself, from the first one on; 0 for none.

    Where several fields are set, a token counts that any of them means.
    """

    parts: tuple[str, ...] | None = None
    readout: bool = False
    generated: int = 0

    @property
    def everywhere(self) -> bool:
        """Whether all tokens are meant."""
        return self == Positions()

    def __str__(self) -> str:
        if self.everywhere:
            return "all tokens"
        words = list(self.parts or ())
        if self.readout:
            words.append("the read-out token")
        if self.generated:
            words.append("generated tokens" if self.generated == 1 else f"every {self.generated}. generated token")
        return ", ".join(words)


ALL_TOKENS = Positions()
