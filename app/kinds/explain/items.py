"""One input of an explanation: its numbers, its words with what each adds, and what was cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.examples import CONTENT_SEGMENTS
from app.domain.results import ItemRow
from app.kinds.explain.completeness import misses, worst
from app.kinds.explain.question import ExplainQuestion
from app.kinds.words import Word, strongest, words_of


@dataclass(frozen=True)
class ItemView:
    """One passage (or prompt): its numbers, its tokens by part, and what was cut. ``rank`` counts from 1 by score;
    ``remainder`` is the worst share of the places that are shown, None where there is none."""

    number: int
    text: str
    rank: int
    values: Mapping[str, float]
    words: Mapping[str, tuple[Word, ...]]
    pieces: Mapping[str, tuple[Word, ...]]
    shares: Mapping[str, float]
    remainder: float | None
    seen: Mapping[str, Any]
    warnings: tuple[str, ...]
    steps: int

    @property
    def side(self) -> str:
        """The end of a text that was cut off; of older runs the end."""
        return str(self.seen.get("side", "end"))


def items_of(question: ExplainQuestion, rows: Sequence[ItemRow]) -> tuple[ItemView, ...]:
    """Every input, the best score first. Both passages of a pairwise target are tinted on one scale."""
    top = max((strongest(row.tokens) for row in rows), default=0.0) if question.target.name == "pairwise" else 0.0
    order = sorted(rows, key=lambda row: (-row.values["score"], row.item))
    ranks = {row.item: rank for rank, row in enumerate(order, start=1)}
    texts = question.passages or (question.query,)
    return tuple(
        ItemView(
            number=row.item,
            text=texts[row.item],
            rank=ranks[row.item],
            values=row.values,
            words=words_of(row.tokens, question.query, texts[row.item], whole=True, top=top),
            pieces=words_of(row.tokens, question.query, texts[row.item], whole=False, top=top),
            shares=_shares(row.tokens),
            remainder=worst([share for _, share in misses(row).values()]),
            seen=row.notes.get("seen", {}),
            warnings=tuple(row.notes.get("warnings", ())),
            steps=int(row.notes.get("steps", 0)),
        )
        for row in order
    )


def _shares(tokens: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Share of the magnitude of token relevance by part; special parts together."""
    total = sum(abs(token["score"]) for token in tokens) or 1.0
    by_part: dict[str, float] = {}
    for token in tokens:
        name = token["segment"] if token["segment"] in CONTENT_SEGMENTS else "special"
        by_part[name] = by_part.get(name, 0.0) + abs(token["score"]) / total
    return by_part
