"""Stored predictions as numbers: accuracy of each way, differences paired by query, and the signal of being right.

Axes: Q queries, P prompts (wordings of new queries), R random sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.prediction import auroc, auroc_interval, credit
from app.analysis.uncertainty import Effect, effects
from app.domain.results import ItemRow

Floats = NDArray[np.float64]
MODEL, SUM, PROBE = "the model's own choice", "domain neurons, weighted sum", "domain neurons, probe"
RANDOM_SUM, RANDOM_PROBE = "random neurons, weighted sum", "random neurons, probe"
WAYS = (MODEL, SUM, PROBE, RANDOM_SUM, RANDOM_PROBE)
PAIRS = ((SUM, MODEL), (PROBE, MODEL), (SUM, RANDOM_SUM), (PROBE, RANDOM_PROBE))
"""What is set against what, paired by query."""


@dataclass(frozen=True)
class WayLine:
    """Accuracy of one way: share of queries answered right, a query's wordings (and random sets) averaged."""

    name: str
    accuracy: Effect


@dataclass(frozen=True)
class Versus:
    """One way against another: difference of accuracies, paired by query; p corrected over the pairs (Holm)."""

    first: str
    second: str
    difference: Effect

    @property
    def verdict(self) -> int:
        """1 where the first is better beyond chance, -1 where it is worse, 0 where that cannot be told."""
        one = self.difference
        if one.holm >= 0.05:
            return 0
        return 1 if one.low > 0 else -1 if one.high < 0 else 0


@dataclass(frozen=True)
class Signal:
    """How well a number tells whether the model's answer is right: AUROC over prompts, its interval over queries."""

    name: str
    auroc: float
    low: float
    high: float


@dataclass(frozen=True)
class DomainLine:
    """One domain: new queries, neurons, chance, and accuracy of each way in the order of ``WAYS``."""

    name: str
    queries: int
    neurons: int
    chance: float
    ways: tuple[Effect, ...]


class Predictions:
    """What was predicted of some new queries; those without a readable wording tell nothing."""

    def __init__(self, rows: Sequence[ItemRow]) -> None:
        self.rows = [row for row in rows if row.notes["prompts"]]

    def __len__(self) -> int:
        return len(self.rows)

    def credits(self) -> Floats:
        """[Q, ways] share of a query's wordings that each way answers right."""
        return np.asarray(
            [np.mean([credits_of(prompt) for prompt in row.notes["prompts"]], axis=0) for row in self.rows]
        ).reshape(-1, len(WAYS))

    @property
    def chance(self) -> float:
        """Mean of 1 / options."""
        shares = [np.mean([1 / len(p["options"]) for p in row.notes["prompts"]]) for row in self.rows]
        return float(np.mean(shares)) if shares else float("nan")

    def ways(self) -> tuple[WayLine, ...]:
        """Accuracy of each way."""
        return tuple(WayLine(name, effect) for name, effect in zip(WAYS, effects(self.credits()), strict=False))

    def versus(self) -> tuple[Versus, ...]:
        """Domain neurons against the model and against random ones."""
        credits = self.credits()
        differences = [credits[:, WAYS.index(a)] - credits[:, WAYS.index(b)] for a, b in PAIRS]
        tested = effects(np.stack(differences, axis=1))
        return tuple(Versus(a, b, effect) for (a, b), effect in zip(PAIRS, tested, strict=False))

    def domains(self) -> tuple[DomainLine, ...]:
        """One line a domain, in order."""
        names = dict.fromkeys(str(row.notes["domain"]) for row in self.rows)
        return tuple(self._domain(name) for name in names)

    def _domain(self, name: str) -> DomainLine:
        part = Predictions([row for row in self.rows if row.notes["domain"] == name])
        neurons = int(part.rows[0].values["neurons"])
        return DomainLine(name, len(part), neurons, part.chance, tuple(way.accuracy for way in part.ways()))

    def answers(self) -> tuple[int, int]:
        """(prompts that the model answers right, prompts)."""
        right = self._right()
        return int(right.sum()), len(right)

    def signals(self) -> tuple[Signal, ...]:
        """Largest probability of an option, domain neurons at the prompt's end, and random ones; none where the model's
        answers are all right or all wrong."""
        right = self._right()
        if not len(right) or right.all() or not right.any():
            return ()
        prompts = self._prompts()
        groups = np.asarray([at for at, row in enumerate(self.rows) for _ in row.notes["prompts"]])
        told = {
            "largest probability of an option": [max(prompt["shares"]) for prompt in prompts],
            "domain neurons at the prompt's end": [prompt["signal"] for prompt in prompts],
        }
        lines = [
            Signal(name, auroc(np.asarray(values), right), *auroc_interval(np.asarray(values), right, groups))
            for name, values in told.items()
        ]
        random = [auroc(column, right) for column in np.asarray([[r[2] for r in p["random"]] for p in prompts]).T]
        ends = (float(np.min(random)), float(np.max(random)))
        return (*lines, Signal(f"random neurons, mean and range of {len(random)}", float(np.mean(random)), *ends))

    def _prompts(self) -> list[Any]:
        return [prompt for row in self.rows for prompt in row.notes["prompts"]]

    def _right(self) -> NDArray[np.bool_]:
        """[P] whether the right option is the model's only best one."""
        return np.asarray([credits_of(prompt)[0] == 1 for prompt in self._prompts()], dtype=bool)


def credits_of(prompt: Any) -> list[float]:
    """What each way gets for a prompt, in the order of ``WAYS``; options that tie for the best share one."""
    right = int(prompt["right"])
    own = [credit(np.asarray(prompt[name]), right) for name in ("shares", "weighted", "probed")]
    return [*own, *np.mean([one[:2] for one in prompt["random"]], axis=0).tolist()]
