"""What an attribution method is: a class with a key, a parameter schema and ``attribute``.

The package is walked once at start, so a new method is one new file (DESIGN section 4).
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.domain.model_card import ModelCard
from app.domain.sites import NeuronSpace, Site
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target


@dataclass(frozen=True)
class Attribution:
    """Scores of one example, in the target's unit.

    Args:
        score, baseline_score: F(e) and F(e').
        parts: names of the parts, ``all`` first.
        neurons: site to [P, U] float64.
        tokens: [T] token relevance.
        residual: text form of a complete site to (sum of its scores) - (F(e) - F(e')).
        notes: ``steps``, ``path`` (F at each path position), ``left_right_gap``, ``warnings``, and so on.
    """

    score: float
    baseline_score: float
    parts: tuple[str, ...]
    neurons: Mapping[Site, NDArray[np.float64]]
    tokens: NDArray[np.float64]
    residual: Mapping[str, float]
    notes: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class AttributionMethod(Protocol):
    """One attribution method."""

    key: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    about: ClassVar[str]
    identity: ClassVar[str]
    limits: ClassVar[str]
    citation: ClassVar[str]
    control: ClassVar[bool]
    """Whether it only ranks neurons, as a control for ablation over datasets."""
    Params: ClassVar[type[BaseModel]]

    def refuses(self, card: ModelCard, params: BaseModel) -> str | None:
        """Why this model or setting cannot be served, or None."""
        ...

    def space(self, host: ModelHost, params: BaseModel) -> NeuronSpace:
        """The neurons that are scored."""
        ...

    def passes(self, params: BaseModel) -> int:
        """Forward-and-backward row-passes per example, for the estimate."""
        ...

    def attribute(self, host: ModelHost, batch: Batch, target: Target, params: BaseModel) -> tuple[Attribution, ...]:
        """Scores of each example, one per row of the batch; the same whatever else is in it."""
        ...


def methods() -> Mapping[str, AttributionMethod]:
    """Every method of the package by key."""
    package = importlib.import_module("app.methods")
    found: dict[str, AttributionMethod] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        classes: list[tuple[str, Any]] = inspect.getmembers(
            importlib.import_module(f"app.methods.{module}"), inspect.isclass
        )
        found |= {cls.key: cls() for _, cls in classes if "key" in vars(cls)}
    return found
