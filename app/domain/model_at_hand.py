"""A model that can be loaded, as a question is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.domain.model_card import ModelInfo


@dataclass(frozen=True)
class Model:
    """A model that can be loaded.

    Args:
        info: what can be told without loading it.
        place: the name under which every process finds it: its full path where it lies outside the models folder.
        weights: sha256 of its weights.
        identity: what else of it decides an answer, see :class:`~app.domain.model_card.ModelCard`; None where it is
            not on this machine.
    """

    info: ModelInfo
    place: str
    weights: str
    identity: Mapping[str, str] | None = None

    @property
    def source(self) -> str:
        """Its full path where it lies outside the models folder; else empty."""
        return self.place if Path(self.place).is_absolute() else ""
