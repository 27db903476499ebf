"""Why one passage beats another: the difference of their scores, and the words that carry it (``nig.md`` section 18-8).

The explained number is P(first beats second) = sigmoid(s1 - s2). The relevance of a token of either passage is its part
in P's change from the baseline, so that all tokens of both together add up to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS
from app.domain.targets import BRANCHES
from app.kinds.explain.items import ItemView
from app.kinds.words import signed

CARRIERS = 3
LEAST = 1e-9
NOTICED = 0.1
"""Share of P's change that the passages' sum may miss before it is told."""
BOTH, FIRST, SECOND = "query", "first", "second"


@dataclass(frozen=True)
class Carrier:
    """A word that speaks for the winner, its occurrences added up: of the ``first`` or ``second`` passage, or of the
    ``query``, which both inputs have. ``score`` is what it adds to P(first beats second); ``share`` is its part of all
    words that speak for the winner, 0 to 1."""

    text: str
    side: str
    score: float
    share: float


@dataclass(frozen=True)
class Side:
    """One passage: its name, its input as shown, and the sum of its tokens' relevance, None where none has any."""

    name: str
    item: ItemView
    through: float | None


@dataclass(frozen=True)
class Versus:
    """Two passages against each other.

    Args:
        sides: the first and the second passage, as they were given.
        margin: s1 - s2, in logits. probability, baseline: P(first beats second) of the inputs, and of the baseline.
        carriers: words that speak for the winner, the strongest first.
        pulls: what all words together add to P for the winner, and against it.
        sentence: the answer in words.
    """

    sides: tuple[Side, Side]
    margin: float
    probability: float
    baseline: float
    carriers: tuple[Carrier, ...]
    pulls: tuple[float, float]
    sentence: str


def versus_of(items: Sequence[ItemView]) -> Versus | None:
    """What is told of a pairwise explanation; None as long as not both passages are there."""
    if len(items) != len(BRANCHES):
        return None
    first, second = sorted(items, key=lambda item: item.number)
    values = first.values
    sides = (Side(FIRST, first, _through(first)), Side(SECOND, second, _through(second)))
    margin = first.values["score"] - second.values["score"]
    carriers, pulls = _carriers(sides, 1.0 if margin >= 0 else -1.0)
    change = values["target"] - values["baseline"]
    told = [_beats(sides, margin), _moved(values["target"], values["baseline"]), _through_words(sides, change)]
    told.append(_carried(carriers, pulls))
    sentence = " ".join(part for part in told if part)
    return Versus(sides, margin, values["target"], values["baseline"], carriers, pulls, sentence)


def _through(item: ItemView) -> float | None:
    """Sum of a passage's token relevance; None where no token has any."""
    scores = [word.score for words in item.pieces.values() for word in words if word.score is not None]
    return float(sum(scores)) if any(scores) else None


def _carriers(sides: Sequence[Side], way: float) -> tuple[tuple[Carrier, ...], tuple[float, float]]:
    """The strongest words for the winner, and what all words add for it and against it. ``way`` is the sign of what
    speaks for the winner. Words of the query stand in both inputs, so that only what is left of both counts."""
    sums: dict[tuple[str, str], float] = {}
    names: dict[tuple[str, str], str] = {}
    for side in sides:
        for part in (*FIRST_SEGMENTS, *SECOND_SEGMENTS):
            for word in side.item.words.get(part, ()):
                key = (BOTH if part in FIRST_SEGMENTS else side.name, word.text.strip().casefold())
                if word.score and any(letter.isalnum() for letter in key[1]):
                    sums[key] = sums.get(key, 0.0) + word.score
                    names.setdefault(key, word.text.strip())
    speaking = sorted((key for key, score in sums.items() if score * way > 0), key=lambda key: -abs(sums[key]))
    own = sum(sums[key] for key in speaking)
    carriers = tuple(Carrier(names[key], key[0], sums[key], sums[key] / own) for key in speaking[:CARRIERS])
    return carriers, (own, sum(score for score in sums.values() if score * way < 0))


def _beats(sides: tuple[Side, Side], margin: float) -> str:
    """Who beats whom, by how much; passages by the beginning of their text."""
    first, second = (f"“{beginning(side.item.text)}”" for side in sides)
    if margin == 0:
        return f"{first} and {second} score the same."
    winner, loser = (first, second) if margin > 0 else (second, first)
    note = "" if margin > 0 else ", although the first was asked for"
    return f"{winner} beats {loser} by {abs(margin):.3g} logits{note}."


def _moved(probability: float, baseline: float) -> str:
    change = signed(probability - baseline)
    return f"P(first beats second) is {probability:.3g}, {change} against {baseline:.3g} at the baseline."


def _through_words(sides: tuple[Side, Side], change: float) -> str:
    """How much of the change comes through either passage: as shares where both push the same way."""
    first, second = (side.through for side in sides)
    if first is None or second is None:
        return ""
    if abs(change) <= LEAST:
        return "P does not change, so that there are no shares."
    rest = f" (the two miss it by {signed(first + second - change)}: see whether it adds up)"
    missed = rest if abs(first + second - change) > NOTICED * abs(change) else ""
    if first * change >= 0 and second * change >= 0:
        shares = [f"{100 * one / change:.0f} %" for one in (first, second)]
        return f"{shares[0]} of that comes through the first passage, {shares[1]} through the second{missed}."
    return f"Of that, {signed(first)} comes through the first passage and {signed(second)} through the second{missed}."


def _carried(carriers: Sequence[Carrier], pulls: tuple[float, float]) -> str:
    if not carriers:
        return ""
    words = ", ".join(f"“{one.text}” ({one.side}, {signed(one.score)})" for one in carriers)
    share = sum(one.share for one in carriers)
    together = f"{100 * share:.0f} % of what all words add for it ({signed(pulls[0])}; {signed(pulls[1])} against it)"
    return f"The words that carry it most: {words}; together {together}."


def beginning(text: str, longest: int = 60) -> str:
    """The first words of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest].rsplit(' ', 1)[0]}…"
