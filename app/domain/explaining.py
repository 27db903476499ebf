"""What an explanation asks."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.domain.examples import Example
from app.domain.targets import TargetSpec

BRANCHES = ("first passage", "second passage")
"""Parts of a pairwise target: what each passage's path adds (``nig.md`` section 18-8)."""


class ExplainSettings(BaseModel):
    """What is asked of the model.

    Args:
        query: first text of each pair; the whole text for a prompt.
        passages: 1 to 50 second texts; empty for a prompt.
        method, params: attribution method and its settings.
        target: the scalar that is explained.
        max_length: limit in tokens; longer passages are cut, and the cut is stored and shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str
    passages: tuple[str, ...] = Field((), max_length=50)
    method: str = "nig"
    params: dict[str, Any] = {}
    target: TargetSpec = TargetSpec()
    max_length: int = Field(256, ge=8, le=8192)

    @property
    def groups(self) -> tuple[tuple[Example, ...], ...]:
        """The inputs that have one target value together: each alone, or both passages of a pairwise target."""
        return (self.examples,) if self.target.name == "pairwise" else tuple((one,) for one in self.examples)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The inputs in order."""
        if not self.passages:
            return (Example("0", self.query),)
        return tuple(Example(str(number), self.query, text) for number, text in enumerate(self.passages))
