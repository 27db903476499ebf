"""What a neuron does in texts, as pages show it: strongest texts and words, how its activation is distributed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.examples import FIRST_SEGMENTS, SECOND_SEGMENTS
from app.figures.base import Figure
from app.kinds.words import Word, words_of

AROUND = 24
"""Tokens shown on either side of a text's extreme; the whole text folds out."""


@dataclass(frozen=True)
class FiredText:
    """One text with the activation at every token.

    Args:
        peak: the activation that brought it here. key: of its passage or prompt; ``query`` is the key of its query.
        grade: None where nobody judged it.
        first, second: the texts as they stand; None where there is one alone.
        near: the part around the extreme. parts: name to the whole text with its tokens. cut: tokens that did not fit.
    """

    peak: float
    key: str
    query: str
    grade: int | None
    first: str
    second: str | None
    near: tuple[Word, ...]
    parts: Mapping[str, tuple[Word, ...]]
    cut: int


@dataclass(frozen=True)
class FiredWord:
    """A word with the mean activation of its occurrences, and how many they are."""

    text: str
    mean: float
    count: int


@dataclass(frozen=True)
class FiredClass:
    """How far one number of a text, its ``peak`` or its mean, tells relevant passages from others; each is (value, low,
    high) with its 95 % interval over queries."""

    name: str
    counts: tuple[int, int]
    unjudged: int
    relevant: tuple[float, float, float]
    others: tuple[float, float, float]
    difference: tuple[float, float, float]
    auroc: tuple[float, float, float]


@dataclass(frozen=True)
class Firing:
    """What one neuron does in the texts of one run.

    Args:
        run, where: the run, and which texts it read, in words.
        texts, tokens: how many were read. above: share of tokens above zero. mean, sd, high, low: over tokens.
        strongest, weakest: texts by their largest and smallest activation.
        words, low_words: by mean activation, largest and smallest; ``least`` occurrences at least, ``rare`` have fewer.
        classes: empty without judgements of both classes.
        figure: the distribution over tokens.
    """

    run: int
    neuron: str
    where: str
    texts: int
    tokens: int
    above: float
    mean: float
    sd: float
    high: float
    low: float
    strongest: tuple[FiredText, ...]
    weakest: tuple[FiredText, ...]
    words: tuple[FiredWord, ...]
    low_words: tuple[FiredWord, ...]
    least: int
    rare: int
    classes: tuple[FiredClass, ...]
    figure: Figure

    @property
    def auroc(self) -> tuple[float, float, float] | None:
        """That of the peak; None without judgements."""
        return self.classes[0].auroc if self.classes else None


def fired_text(told: Mapping[str, Any], top: float, lowest: bool) -> FiredText:
    """A stored text; ``top`` is the magnitude with the strongest tint, ``lowest`` whether it is here for its smallest
    activation."""
    tokens: Sequence[Mapping[str, Any]] = told["tokens"]
    scores = [token["score"] for token in tokens]
    at = scores.index(min(scores) if lowest else max(scores))
    whole = words_of(tokens, told["query"], told["passage"] or "", whole=False, top=top)
    parts = {name: words for name, words in whole.items() if name in (*FIRST_SEGMENTS, *SECOND_SEGMENTS)}
    segment = tokens[at]["segment"]
    place = sum(token["segment"] == segment for token in tokens[:at])
    near = _near(parts[segment], place)
    grade = told["grade"]
    texts = (told["query"], told["passage"])
    return FiredText(scores[at], told["key"], told["of"], grade, *texts, near, parts, int(told["cut"]))


def _near(words: Sequence[Word], place: int) -> tuple[Word, ...]:
    """The tokens around one, with the text between them; dots where the text goes on."""
    tokens = [at for at, word in enumerate(words) if word.score is not None]
    first, last = max(0, place - AROUND), min(len(tokens), place + AROUND + 1)
    shown = list(words[tokens[first] : tokens[last - 1] + 1])
    before = [Word("… ", None, 0.0, "")] if first else []
    return tuple(before + shown + ([Word(" …", None, 0.0, "")] if last < len(tokens) else []))
