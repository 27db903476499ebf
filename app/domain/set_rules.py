"""Neuron sets as rules that print: tops of runs, fusions, and their algebra (``nig.md`` section 9)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from app.domain.bounds import Key
from app.domain.errors import BadInput
from app.domain.neuron_sets import Members, Selection, select
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronIndex, NeuronSpace


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Top(_Rule):
    """Neurons at an end of one run's ranking. ``run`` is its fingerprint."""

    op: Literal["top"] = "top"
    run: str
    selection: Selection = Selection()

    def __str__(self) -> str:
        size = str(self.selection).removeprefix(self.selection.rank).strip(" ,")
        return f"{self.selection.rank}(run {self.run[:6]}, {size})"


class Fused(_Rule):
    """The top of several runs' scores made one; see :mod:`app.analysis.fusion`."""

    op: Literal["fused"] = "fused"
    how: Literal["mean", "l1", "z", "rrf"] = "mean"
    runs: tuple[str, ...] = Field(min_length=2)
    fraction: float = Field(0.01, gt=0, le=1)

    def __str__(self) -> str:
        runs = ", ".join(f"run {run[:6]}" for run in self.runs)
        return f"top(fuse({self.how}, {runs}), {100 * self.fraction:g} %)"


class Listed(_Rule):
    """Neurons by their ids, picked by hand or imported."""

    op: Literal["listed"] = "listed"
    neurons: tuple[str, ...] = Field(min_length=1)

    def __str__(self) -> str:
        return f"listed({len(self.neurons)})"


class Combined(_Rule):
    """Sets combined: in all of them, in any, in at least ``k``, or in the first and none of the others."""

    op: Literal["all", "any", "at_least", "minus"]
    of: tuple["Rule", ...] = Field(min_length=1)
    k: Key = 1

    def __str__(self) -> str:
        parts = [str(rule) if not isinstance(rule, Combined) else f"({rule})" for rule in self.of]
        if self.op == "at_least":
            return f"at least {self.k} of ({', '.join(parts)})"
        return {"all": " & ", "any": " | ", "minus": " − "}[self.op].join(parts)


Rule = Annotated[Top | Fused | Listed | Combined, Field(discriminator="op")]
Combined.model_rebuild()


def runs_of(rule: Rule) -> Iterator[str]:
    """Fingerprints of the runs that a rule reads."""
    if isinstance(rule, Top):
        yield rule.run
    elif isinstance(rule, Fused):
        yield from rule.runs
    elif isinstance(rule, Combined):
        for part in rule.of:
            yield from runs_of(part)


def evaluate(
    rule: Rule, space: NeuronSpace, scores: Mapping[str, NeuronScores], fused: Mapping[str, Members]
) -> Members:
    """Sorted flat indices of a rule's neurons.

    Args:
        rule: the rule.
        space: the neurons of all runs it reads.
        scores: fingerprint to scores.
        fused: text form of each :class:`Fused` part to the ranking of all neurons that it makes.

    Raises:
        BadInput: an id that the space does not have.
    """
    if isinstance(rule, Top):
        members = select(rule.selection, scores[rule.run])
    elif isinstance(rule, Fused):
        members = fused[str(rule)][: max(1, round(rule.fraction * len(space)))]
    elif isinstance(rule, Listed):
        members = np.asarray([space.flat(NeuronIndex.parse(text)) for text in rule.neurons], dtype=np.int64)
    else:
        return _combined(rule, [evaluate(part, space, scores, fused) for part in rule.of])
    return np.unique(members)


def _combined(rule: Combined, parts: list[Members]) -> Members:
    if rule.op == "minus":
        members = parts[0]
        for other in parts[1:]:
            members = np.setdiff1d(members, other)
        return members
    least = {"all": len(parts), "any": 1, "at_least": rule.k}[rule.op]
    counts = Counter(int(unit) for part in parts for unit in part)
    return np.asarray(sorted(unit for unit, count in counts.items() if count >= least), dtype=np.int64)


@dataclass(frozen=True)
class NeuronSet:
    """A saved set.

    Args:
        id, name: number and name.
        model, weights_hash: slug of the model, and its weights.
        preset, total: neuron space, and how many neurons it has.
        rule, text: how it was made; None for a rule means listed ids.
        members: ids, ``L9.mid.2041``, in layer and unit order.
    """

    id: int
    name: str
    model: str
    weights_hash: str
    preset: str
    rule: Rule
    text: str
    total: int
    members: tuple[str, ...]
    hash: str
    created: datetime
    deleted: bool

    @property
    def indices(self) -> tuple[NeuronIndex, ...]:
        """Members as indices."""
        return tuple(NeuronIndex.parse(text) for text in self.members)


def read_members(text: str) -> tuple[str, ...]:
    """Ids from a text with one per line, each once, in layer and unit order; ``#`` begins a remark.

    Raises:
        BadInput: a line that is no id, by its number; or no id at all.
    """
    neurons = set()
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.split("#", 1)[0].strip()
        if plain:
            try:
                neurons.add(NeuronIndex.parse(plain))
            except BadInput as error:
                raise BadInput(
                    error.expected, f"{error.found} in line {number}", "Correct that line.", "neurons"
                ) from error
    if not neurons:
        raise BadInput("at least one neuron, one per line", "none", "Write ids such as L3.mid.1201.", "neurons")
    return tuple(str(index) for index in sorted(neurons))
