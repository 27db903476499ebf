"""Stored answers of a test as numbers: relative changes, ratios, flips, each set beside random ones (section 8 of
``qrnca.md``).

Axes: Q queries, J prompts of a query, R random sets; an answer is [4] shares, see :data:`OUTPUTS`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.clusters import ChangeRatio, change_ratio
from app.analysis.uncertainty import Effect, effects, holm
from app.domain.results import ItemRow
from app.kinds.effects.changes import RIGHT, RIGHT_AMONG, accuracy, measured

Floats = NDArray[np.float64]
OWN, SAME, OTHER = "own", "same domain", "other domain"
RELEVANT, NEGATIVE = "query-relevant", "negative neurons"
MATCHED, MATCHED_NEGATIVE = "random, same blocks", "random, as negative"
"""Random sets with as many neurons of each block as the query-relevant ones, and as the negative ones."""
Pair = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Flips:
    """Answers that turn, over a query's own prompts: right made wrong by factors below 1, wrong made right by others.

    Args:
        turned: share of those that could; ``turnable`` counts these.
        of_all: the same number over all answers.
        net: change of the share of right answers, those that turn back included.
    """

    turned: float
    turnable: int
    of_all: float
    net: float


@dataclass(frozen=True)
class SetLine:
    """One set under one factor, means over queries.

    Args:
        name: of the set. neurons: it has, mean over queries; None for random ones.
        own, same, other: relative change of the right token's probability, of the query's own answer, of another
            query's of the same domain, of another domain's; None where there is none.
        ratio: own over other; None without both.
        against_random: own minus the mean of random sets with as many neurons of each block, paired by query; None for
            random ones.
        expected: share of queries whose own answer moves as it should: down when switched off, up when boosted; the
            other way round for negative neurons.
        flips: answers that turn.
        margin: mean change of the right token's probability minus the likeliest wrong one's.
        others: mean change of the wrong options' probability; NaN where there are none.
        mass: mean change of the probability of all options together.
        among: relative change of the right token's share among the options; NaN where there is one alone.
    """

    name: str
    neurons: float | None
    own: Effect
    same: float | None
    other: float | None
    ratio: ChangeRatio | None
    against_random: Effect | None
    expected: float
    flips: Flips
    margin: float
    others: float
    mass: float
    among: float


class Changes:
    """Changes and flips of one factor, by set and by whose prompts are answered.

    Args:
        rows: stored queries. at, factor: the factor, and its place among those of the test.
        size: of so many of the strongest neurons alone; 0 for whole sets.
    """

    def __init__(self, rows: Sequence[ItemRow], at: int, factor: float, size: int = 0) -> None:
        self.rows, self.at, self.factor, self.size = [row for row in rows if row.notes["prompts"]], at, factor, size
        self.domains = [str(row.notes["domain"]) for row in self.rows]

    def names(self) -> tuple[str, ...]:
        """Names of the sets, in the order in which they were tested."""
        known = dict.fromkeys(name for row in self._answers for name, relation in row if relation == OWN)
        return tuple(known)

    @cached_property
    def _answers(self) -> Sequence[Mapping[tuple[str, str], list[Pair]]]:
        """Of each query: set and relation to (before, after) of every prompt and random set."""
        rows = []
        for row in self.rows:
            found: dict[tuple[str, str], list[Pair]] = defaultdict(list)
            for prompt in row.notes["prompts"]:
                for name, after in self._under(prompt):
                    found[name, prompt["relation"]].append((prompt["intact"], after))
            rows.append(found)
        return rows

    def _under(self, prompt: Mapping[str, Any]) -> list[tuple[str, Sequence[float]]]:
        """Set to answer, of every set of this size under this factor."""
        if not self.size:
            return [(name, after) for name, _, after in prompt["answers"][self.at]]
        doses = prompt.get("doses", ())
        return [(name, after) for size, name, _, after in doses[self.at] if size == self.size] if doses else []

    def of(self, measure: str, name: str, relation: str) -> Floats:
        """[Q] mean of a measure over prompts (and random sets); NaN where there is no such prompt."""
        rows = [row.get((name, relation), []) for row in self._answers]
        return np.asarray([measured(measure, pairs) for pairs in rows])

    def relative(self, name: str, relation: str) -> Floats:
        """[Q] mean over prompts (and random sets) of (after - before) / before; NaN where there is no such prompt."""
        return self.of(RIGHT, name, relation)

    def ratio(self, name: str) -> ChangeRatio | None:
        """Own over other domain; None without both."""
        own, other = self.relative(name, OWN), self.relative(name, OTHER)
        both = np.isfinite(own) & np.isfinite(other)
        return change_ratio(own[both], other[both]) if both.any() else None

    def change(self, name: str, measure: str) -> float:
        """Mean over all of the queries' own prompts; NaN where it is not told."""
        pairs = [pair for row in self._answers for pair in row.get((name, OWN), [])]
        return measured(measure, pairs)

    def flips(self, name: str) -> Flips:
        """Right answers made wrong, or wrong ones made right, and what that does to the share of right ones."""
        pairs = [pair for row in self._answers for pair in row.get((name, OWN), [])]
        right = np.array([[accuracy(before), accuracy(after)] for before, after in pairs]).reshape(-1, 2)
        could = right[:, 0] == (self.factor < 1)
        turned = could & (right[:, 0] != right[:, 1])
        if not len(right):
            return Flips(np.nan, 0, np.nan, np.nan)
        share = float(turned.sum() / could.sum()) if could.any() else np.nan
        net = float(right[:, 1].mean() - right[:, 0].mean())
        return Flips(share, int(could.sum()), float(turned.mean()), net)

    def lines(self) -> tuple[SetLine, ...]:
        """Every set; p values are corrected over the sets (Holm)."""
        names = self.names()
        own = {name: self.relative(name, OWN) for name in names}
        whole = _effects([own[name] for name in names])
        tested = {name: _random(name) for name in names if _random(name) in own and not name.startswith("random")}
        beside = _effects([own[a] - own[b] for a, b in tested.items()])
        against = dict(zip(tested, beside, strict=True))
        return tuple(
            self._line(name, effect, own[name], against.get(name)) for name, effect in zip(names, whole, strict=True)
        )

    def _line(self, name: str, effect: Effect, own: Floats, against: Effect | None) -> SetLine:
        falls = (self.factor < 1) != (name == NEGATIVE)
        return SetLine(
            name=name,
            neurons=_mean(self._sizes(name)),
            own=effect,
            same=_mean(self.relative(name, SAME)),
            other=_mean(self.relative(name, OTHER)),
            ratio=self.ratio(name),
            against_random=against,
            expected=float(np.mean((own < 0 if falls else own > 0)[np.isfinite(own)])),
            flips=self.flips(name),
            margin=self.change(name, "margin"),
            others=self.change(name, "wrong"),
            mass=self.change(name, "mass"),
            among=self.change(name, RIGHT_AMONG),
        )

    def _sizes(self, name: str) -> Floats:
        return np.array(
            [len(row.notes.get("sets", {})[name]) for row in self.rows if name in row.notes.get("sets", {})]
        )

    def by_domain(self, name: str) -> dict[str, tuple[int, float, float | None]]:
        """Domain to (queries, mean own change, mean change of another domain's answers)."""
        own, other = self.relative(name, OWN), self.relative(name, OTHER)
        rows: dict[str, list[int]] = defaultdict(list)
        for at, domain in enumerate(self.domains):
            rows[domain].append(at)
        return {domain: (len(at), float(own[at].mean()), _mean(other[at])) for domain, at in rows.items()}


def _effects(columns: Sequence[Floats]) -> tuple[Effect, ...]:
    """One effect per column [Q], over the queries that have it (a query without neurons has no random sets)."""
    known = [column[np.isfinite(column)] for column in columns]
    if all(len(column) == len(columns[0]) for column in known):
        return effects(np.stack(known, axis=1)) if known else ()
    found = [effects(column[:, None])[0] for column in known]
    return tuple(replace(one, holm=p) for one, p in zip(found, holm([one.p for one in found]), strict=True))


def _random(name: str) -> str:
    """The random sets that a set is compared with."""
    return MATCHED_NEGATIVE if name == NEGATIVE else MATCHED


def right_before(row: ItemRow) -> bool:
    """Whether the intact model answers a query right at every prompt that is read."""
    return all(accuracy(prompt["intact"]) for prompt in row.notes["prompts"] if prompt["relation"] == OWN)


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
