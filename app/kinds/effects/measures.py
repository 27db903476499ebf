"""Stored answers of a test as numbers: relative changes, ratios, flips, each set beside random ones (section 8 of
``qrnca.md``).

Axes: Q queries, J prompts of a query, R random sets.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import ChangeRatio, change_ratio
from app.analysis.uncertainty import Effect, effects
from app.domain.results import ItemRow

Floats = NDArray[np.float64]
OWN, SAME, OTHER = "own", "same domain", "other domain"
MATCHED = "random, same blocks"


@dataclass(frozen=True)
class SetLine:
    """One set under one factor, means over queries.

    Args:
        name: of the set.
        own, same, other: relative change of the right token's probability, of the query's own answer, of another
            query's of the same domain, of another domain's; None where there is none.
        ratio: own over other; None without both.
        against_random: own minus the mean of the random sets of the same blocks, paired by query; None for these.
        expected: share of queries whose own answer moves as it should: down when switched off, up when boosted.
        flipped: share of answers that turn, of those that could: right ones made wrong by factors below 1, wrong ones
            made right by others; ``turnable`` counts these.
        others: mean change of the wrong options' probability; NaN where there are none.
        mass: mean change of the probability of all options together.
    """

    name: str
    own: Effect
    same: float | None
    other: float | None
    ratio: ChangeRatio | None
    against_random: Effect | None
    expected: float
    flipped: float
    turnable: int
    others: float
    mass: float


class Changes:
    """Relative changes and flips of one factor, by set and by whose prompts are answered."""

    def __init__(self, rows: Sequence[ItemRow], at: int, factor: float) -> None:
        self.rows, self.at, self.factor = [row for row in rows if row.notes["prompts"]], at, factor
        self.domains = [str(row.notes["domain"]) for row in self.rows]

    def names(self) -> tuple[str, ...]:
        """Names of the sets, in the order in which they were tested."""
        known = dict.fromkeys(
            name for row in self.rows for prompt in row.notes["prompts"] for name, _, _ in prompt["answers"][self.at]
        )
        return tuple(known)

    def relative(self, name: str, relation: str) -> Floats:
        """[Q] mean over prompts (and random sets) of (after - before) / before; NaN where there is no such prompt."""
        means = []
        for row in self.rows:
            changes = [
                (after[0] - prompt["intact"][0]) / prompt["intact"][0]
                for prompt, after in self._answers(row, name, relation)
            ]
            means.append(float(np.mean(changes)) if changes else np.nan)
        return np.asarray(means)

    def change(self, name: str, output: int) -> float:
        """Mean change of an output of the query's own prompts; NaN where it is not told."""
        changes = [
            after[output] - prompt["intact"][output]
            for row in self.rows
            for prompt, after in self._answers(row, name, OWN)
        ]
        return float(np.mean(changes)) if changes else float("nan")

    def flips(self, name: str) -> tuple[float, int]:
        """(share that turns, how many could): right answers made wrong, or wrong ones made right."""
        turns = [
            _right(prompt["intact"]) != _right(after)
            for row in self.rows
            for prompt, after in self._answers(row, name, OWN)
            if _right(prompt["intact"]) == (self.factor < 1)
        ]
        return (float(np.mean(turns)) if turns else float("nan")), len(turns)

    def _answers(self, row: ItemRow, name: str, relation: str) -> list[tuple[Mapping[str, Any], Sequence[float]]]:
        return [
            (prompt, after)
            for prompt in row.notes["prompts"]
            if prompt["relation"] == relation
            for known, _, after in prompt["answers"][self.at]
            if known == name
        ]

    def lines(self) -> tuple[SetLine, ...]:
        """Every set; p values are corrected over the sets (Holm)."""
        names = self.names()
        own = {name: self.relative(name, OWN) for name in names}
        whole = effects(np.stack([own[name] for name in names], axis=1)) if names else ()
        tested = [name for name in names if MATCHED in own and not name.startswith("random")]
        beside = effects(np.stack([own[name] - own[MATCHED] for name in tested], axis=1)) if tested else ()
        against = dict(zip(tested, beside, strict=True))
        return tuple(
            self._line(name, effect, own[name], against.get(name)) for name, effect in zip(names, whole, strict=True)
        )

    def _line(self, name: str, effect: Effect, own: Floats, against: Effect | None) -> SetLine:
        same, other = self.relative(name, SAME), self.relative(name, OTHER)
        both = np.isfinite(own) & np.isfinite(other)
        moved = own < 0 if self.factor < 1 else own > 0
        flipped, turnable = self.flips(name)
        return SetLine(
            name=name,
            own=effect,
            same=_mean(same),
            other=_mean(other),
            ratio=change_ratio(own[both], other[both]) if both.any() else None,
            against_random=against,
            expected=float(np.mean(moved)),
            flipped=flipped,
            turnable=turnable,
            others=self.change(name, 1),
            mass=self.change(name, 3),
        )

    def by_domain(self, name: str) -> dict[str, tuple[int, float, float | None]]:
        """Domain to (queries, mean own change, mean change of another domain's answers)."""
        own, other = self.relative(name, OWN), self.relative(name, OTHER)
        rows: dict[str, list[int]] = defaultdict(list)
        for at, domain in enumerate(self.domains):
            rows[domain].append(at)
        return {domain: (len(at), float(own[at].mean()), _mean(other[at])) for domain, at in rows.items()}


def _right(shares: Sequence[float]) -> bool:
    """Whether the right token beats the largest of the others."""
    return shares[0] >= shares[2]


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
