"""Stored texts of a run as numbers (``qrnca.md`` section 18, 2).

F is the mean log probability of the gold answer's tokens. Axes: Q texts, n tokens of an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.uncertainty import Effect, effects
from app.domain.results import ItemRow

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FactorLine:
    """One factor, means over texts.

    Args:
        change: of F. random: the same of random sets; None without any. beyond: change minus random, paired by text.
        exact, rouge: (plain, scaled) share of written texts that begin with the gold answer, and ROUGE-L.
        perplexity: (plain, scaled, random) of the unrelated text; geometric means over texts.
    """

    factor: float
    change: Effect
    random: float | None
    beyond: Effect | None
    exact: tuple[float, float]
    rouge: tuple[float, float]
    perplexity: tuple[float, float, float | None]


@dataclass(frozen=True)
class Piece:
    """One token of an answer with its probability, plain and scaled; ``strength`` of its change, at most 1."""

    text: str
    before: float
    after: float

    @property
    def strength(self) -> float:
        """How far the probability moves."""
        return min(1.0, abs(self.after - self.before))


@dataclass(frozen=True)
class TextLine:
    """One text under one factor.

    Args:
        plain, scaled: F. random: F under each random set. pieces: the answer's tokens.
        written: (plain, scaled) what the model wrote; ``rouge`` and ``exact`` of each.
    """

    prompt: str
    gold: str
    query: str
    domain: str
    neurons: int
    plain: float
    scaled: float
    random: tuple[float, ...]
    pieces: tuple[Piece, ...]
    written: tuple[str, str]
    rouge: tuple[float, float]
    exact: tuple[bool, bool]


def states(row: ItemRow, factor: float, random: bool) -> list[Mapping[str, Any]]:
    """What was measured of a text under a factor: of the neurons, or of the random sets."""
    return [one for one in row.notes["states"] if one["factor"] == factor and (one["seed"] is not None) == random]


def means(rows: Sequence[ItemRow], factor: float, random: bool = False) -> Floats:
    """[Q] F under a factor, mean over random sets; NaN where there are none."""
    found = [[np.mean(one["logs"]) for one in states(row, factor, random)] for row in rows]
    return np.asarray([np.mean(values) if values else np.nan for values in found], dtype=np.float64)


def plain(rows: Sequence[ItemRow]) -> Floats:
    """[Q] F of the intact model."""
    return np.asarray([np.mean(row.notes["intact"]["logs"]) for row in rows], dtype=np.float64)


def by_seed(rows: Sequence[ItemRow], factor: float) -> tuple[float, ...]:
    """[R] F under each seed's random sets, mean over the texts that have them."""
    found: dict[int, list[float]] = {}
    for row in rows:
        for one in states(row, factor, True):
            found.setdefault(one["seed"], []).append(float(np.mean(one["logs"])))
    return tuple(float(np.mean(values)) for values in found.values())


def factor_line(rows: Sequence[ItemRow], factors: Sequence[float], factor: float) -> FactorLine:
    """One factor over all texts."""
    before, after, random = plain(rows), means(rows, factor), means(rows, factor, random=True)
    known = np.isfinite(random)
    at = list(factors).index(factor)
    written = [(row.notes["intact"], row.notes["written"][at]) for row in rows]
    return FactorLine(
        factor=factor,
        change=effects((after - before)[:, None])[0],
        random=float((random - before)[known].mean()) if known.any() else None,
        beyond=effects((after - random)[known][:, None])[0] if known.any() else None,
        exact=_both(written, "exact"),
        rouge=_both(written, "rouge"),
        perplexity=(
            _geometric([row.notes["intact"]["perplexity"] for row in rows]) or float("nan"),
            _geometric([one["perplexity"] for row in rows for one in states(row, factor, False)]) or float("nan"),
            _geometric([one["perplexity"] for row in rows for one in states(row, factor, True)]),
        ),
    )


def text_line(row: ItemRow, factors: Sequence[float], factor: float) -> TextLine:
    """One text."""
    notes, at = row.notes, list(factors).index(factor)
    (scaled,) = states(row, factor, False)
    written = (notes["intact"], notes["written"][at])
    pairs = zip(notes["tokens"], notes["intact"]["logs"], scaled["logs"], strict=True)
    return TextLine(
        prompt=notes["prompt"],
        gold=notes["gold"],
        query=notes["query"],
        domain=notes["domain"],
        neurons=int(row.values["neurons"]),
        plain=float(np.mean(notes["intact"]["logs"])),
        scaled=float(np.mean(scaled["logs"])),
        random=tuple(float(np.mean(one["logs"])) for one in states(row, factor, True)),
        pieces=tuple(Piece(text, float(np.exp(before)), float(np.exp(after))) for text, before, after in pairs),
        written=(written[0]["written"], written[1]["text"]),
        rouge=(written[0]["rouge"], written[1]["rouge"]),
        exact=(written[0]["exact"], written[1]["exact"]),
    )


def _both(written: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], name: str) -> tuple[float, float]:
    return float(np.mean([one[name] for one, _ in written])), float(np.mean([one[name] for _, one in written]))


def _geometric(values: Sequence[float]) -> float | None:
    return float(np.exp(np.mean(np.log(values)))) if values else None
