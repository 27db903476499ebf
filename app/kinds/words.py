"""Numbers in sentences, and token relevance as text.

Words or pieces stand in order, with the untouched text between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.examples import CONTENT_SEGMENTS, FIRST_SEGMENTS, SECOND_SEGMENTS

FAINT = 0.1
"""Words with less than this share of the largest relevance are not tinted; their numbers can be read all the same."""


@dataclass(frozen=True)
class Word:
    """A stretch of the original text with its relevance; ``score`` None for text between words or cut off.

    ``strength`` is the magnitude as a share of the largest one shown, 0 to 1.
    """

    text: str
    score: float | None
    strength: float
    title: str

    @property
    def tinted(self) -> bool:
        """Whether its relevance is large enough to be seen."""
        return self.score is not None and self.strength >= FAINT


def words_of(
    tokens: Sequence[Mapping[str, Any]], query: str, passage: str, *, whole: bool, top: float = 0.0
) -> dict[str, tuple[Word, ...]]:
    """Part to words: the first and the second text, the special tokens by themselves. ``top`` is the magnitude with the
    full strength; 0: the largest one here."""
    groups = _groups(tokens, whole)
    top = top or strongest(tokens, whole) or 1.0
    texts = dict.fromkeys(FIRST_SEGMENTS, query) | dict.fromkeys(SECOND_SEGMENTS, passage)
    words: dict[str, tuple[Word, ...]] = {}
    for part in (*FIRST_SEGMENTS, *SECOND_SEGMENTS):
        mine = [group for group in groups if group[0]["segment"] == part]
        if mine:
            words[part] = tuple(_stretch(mine, texts[part], top))
    special = [group for group in groups if group[0]["segment"] not in CONTENT_SEGMENTS]
    words["special"] = tuple(
        Word(g[0]["text"], g[0]["score"], abs(g[0]["score"]) / top, f"{g[0]['segment']}: {g[0]['score']:.4g}")
        for g in special
    )
    return words


def strongest(tokens: Sequence[Mapping[str, Any]], whole: bool = True) -> float:
    """The largest magnitude of a word's relevance, or of a piece's; 0 where there is none."""
    return max((abs(sum(token["score"] for token in group)) for group in _groups(tokens, whole)), default=0.0)


def _groups(tokens: Sequence[Mapping[str, Any]], whole: bool) -> list[list[Mapping[str, Any]]]:
    """Tokens by word (of one part), or one by one; specials are always single."""
    groups: list[list[Mapping[str, Any]]] = []
    for token in tokens:
        last = groups[-1][-1] if groups else None
        same = (
            whole
            and last is not None
            and token["segment"] in CONTENT_SEGMENTS
            and (last["segment"], last["word"]) == (token["segment"], token["word"])
        )
        if same:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def _stretch(groups: Sequence[Sequence[Mapping[str, Any]]], text: str, top: float) -> list[Word]:
    words, at = [], 0
    for group in groups:
        start, end = group[0]["start"], group[-1]["end"]
        if start > at:
            words.append(Word(text[at:start], None, 0.0, ""))
        score = float(sum(token["score"] for token in group))
        pieces = " ".join(token["text"] for token in group)
        words.append(Word(text[max(start, at) : end], score, abs(score) / top, f"{score:.4g} ({pieces})"))
        at = max(at, end)
    if at < len(text):
        words.append(Word(text[at:], None, -1.0, "cut off: the model did not see this"))
    return words


def signed_share(value: float, digits: int = 0) -> str:
    """A relative change with its sign, in per cent; the minus is a minus."""
    return f"{100 * value:+.{digits}f} %".replace("-", "−")


def signed(value: float | None) -> str:
    """A difference with its sign, three digits; the minus is a minus."""
    return "–" if value is None else f"{value:+.3g}".replace("-", "−")
