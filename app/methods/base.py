"""What an attribution method is: a class that is its parameters, and the typed result that it gives.

The package is walked once at start, so a new method is one new file (``docs/architecture.md`` section 3).
"""

import importlib
import inspect
import pkgutil
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.domain.model_card import ModelCard
from app.domain.sites import NeuronSpace, Site
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target

Gives = Literal["neurons", "tokens"]


@dataclass(frozen=True)
class Answer:
    """What the model says of one input: relevance score (a logit, or a margin over the others) and its probability."""

    score: float
    probability: float


@dataclass(frozen=True)
class PathRecord:
    """What a method that walks from a baseline to the input tells of the way.

    Args:
        values: [K + 1] the target F along the path, in its unit; the last is the input's.
        baseline: the answer at the baseline.
        left_right_gap: right minus left Riemann sum at the word embeddings, in the target's unit.
        remainder: |sum of scores - ΔF| at ``remainder_site`` as a share of |ΔF|.
        remainder_site: text form of the complete site that drove the number of steps.
    """

    values: tuple[float, ...]
    baseline: Answer
    left_right_gap: float
    remainder: float
    remainder_site: str


@dataclass(frozen=True)
class Attribution:
    """Scores of one example, in the target's unit.

    Args:
        score, baseline_score: F(e) and F(e'); equal where the method has no baseline.
        answer: what the model says of the example.
        parts: names of the parts, ``all`` first.
        neurons: site to [P, U] float64; empty for methods that give tokens only.
        tokens: [T] token relevance; None for methods that give neurons only.
        residual: text form of a complete site to (sum of its scores) - (F(e) - F(e')).
        changes: text form of such a site to its own F(e) - F(e'), where it has a path of its own; in the target's unit.
        steps: intervals of the path, 1 where there is none.
        path: what the path tells; None where there is none.
        warnings: sentences about this example.
    """

    score: float
    baseline_score: float
    answer: Answer
    parts: tuple[str, ...]
    neurons: Mapping[Site, NDArray[np.float64]]
    tokens: NDArray[np.float64] | None
    residual: Mapping[str, float]
    steps: int = 1
    path: PathRecord | None = None
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, float] = field(default_factory=dict)

    @property
    def remainder(self) -> float:
        """Unexplained share of ΔF, the largest where there are several paths; 0 where the method promises no sum."""
        if self.path is not None:
            return self.path.remainder
        return max((unexplained(self.residual[site], change) for site, change in self.changes.items()), default=0.0)


def unexplained(miss: float, change: float) -> float:
    """|sum of scores - ΔF| as a share of |ΔF|; absolute where ΔF is 0."""
    return abs(miss) / abs(change) if abs(change) > 1e-9 else abs(miss)


class Method(BaseModel):
    """One attribution method with its settings, which are the fields of the class.

    Class values: ``key``, ``version`` of the arithmetic, ``title``, ``about`` what it computes, ``identity`` what is
    tested, ``limits``, ``citation`` (BibTeX), ``gives`` what it scores, ``control`` whether it only ranks neurons, as a
    control for ablation over datasets; of those, ``short`` is the name in curves, and ``constant`` whether the ranking
    is the same for every input. ``additive`` says whether scores of different blocks are parts of one sum; ``sums`` and
    ``sums_note`` say beside the remainders what was added up. ``of_prompts`` says whether it scores a prompt by itself,
    with no text left out that it compares with. ``fits`` tells inputs and models that it suits, and ``reasons`` why a
    setting has its default, by the field's name. Formula and drawing are ``frontend/methods/KEY.html`` and ``KEY.svg``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]
    about: ClassVar[str]
    identity: ClassVar[str]
    limits: ClassVar[str]
    citation: ClassVar[str] = ""
    gives: ClassVar[frozenset[Gives]]
    control: ClassVar[bool] = False
    short: ClassVar[str] = ""
    constant: ClassVar[bool] = False
    additive: ClassVar[bool] = True
    of_prompts: ClassVar[bool] = False
    fits: ClassVar[str] = ""
    reasons: ClassVar[Mapping[str, str]] = {}
    sums: ClassVar[str] = (
        "Sum of scores minus the change of the target from baseline to input, at every place that all paths cross"
    )
    sums_note: ClassVar[str] = (
        "Feed-forward neurons are not such a place: the residual stream passes them by, so their sum is not the change "
        "and is not meant to be. To shrink a remainder raise the steps; where the change itself is small, explain the "
        "margin or the logit, or take another baseline."
    )

    @property
    def origin(self) -> str:
        """The baseline that its path starts from, for edits that restore baseline values; the default one where it has
        none."""
        return "pad_query_and_passage"

    @abstractmethod
    def refuses(self, card: ModelCard) -> str | None:
        """Why this model cannot be served with these settings, or None."""

    @abstractmethod
    def space(self, host: ModelHost) -> NeuronSpace:
        """The neurons that are scored."""

    @abstractmethod
    def passes(self, layers: int) -> int:
        """Forward-and-backward row-passes per example in a model of so many blocks, for progress and estimate."""

    @abstractmethod
    def attribute(self, host: ModelHost, batch: Batch, target: Target) -> tuple[Attribution, ...]:
        """Scores of each example, one per row of the batch; the same whatever else is in it."""

    @abstractmethod
    def paragraph(self, target: str) -> str:
        """How the numbers were made, in neutral words, up to where the device is told; ``target`` names the number."""


def methods() -> Mapping[str, type[Method]]:
    """Every method of the package by key."""
    package = importlib.import_module("app.methods")
    by_key: dict[str, type[Method]] = {}
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        classes: list[tuple[str, Any]] = inspect.getmembers(
            importlib.import_module(f"app.methods.{name}"), inspect.isclass
        )
        by_key |= {cls.key: cls for _, cls in classes if issubclass(cls, Method) and "key" in vars(cls)}
    return by_key


def controls() -> Mapping[str, type[Method]]:
    """The methods that only rank neurons, as controls of studies."""
    return {key: method for key, method in methods().items() if method.control}


def method_of(key: str, params: Mapping[str, Any]) -> Method:
    """The method of a stored question with its settings."""
    return methods()[key].model_validate(dict(params))
