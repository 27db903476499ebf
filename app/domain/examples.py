"""One input of the model, and how tokens are named by the part of the input they belong to."""

from dataclasses import dataclass
from typing import Literal

PAIR_SEGMENTS = ("cls", "query", "sep1", "passage", "sep2")
"""Segments of a query-passage pair in a BERT-type encoder (``nig.md`` section 7)."""

ANSWER_SEGMENTS = ("cls", "question", "sep1", "context", "sep2")
"""Segments of a question with the text that answers it."""

FIRST_SEGMENTS = ("query", "prompt", "text", "question")
"""Segments that hold an example's first or only text."""

SECOND_SEGMENTS = ("passage", "context")
"""Segments that hold an example's second text."""

CONTENT_SEGMENTS = frozenset({*FIRST_SEGMENTS, *SECOND_SEGMENTS})
"""Segments that hold the user's text; every other segment is special or template."""

ALL = "all"
"""Name of the part that holds every token that is not padding."""


Side = Literal["beginning", "end"]
"""Which end of a text was cut off."""


@dataclass(frozen=True)
class Example:
    """A pair of texts (a query with a passage, a question with a context), or one text.

    Args:
        key: address of the example inside its run or dataset.
        query: first text of a pair, or the only text.
        passage: second text of a pair; None for one text.
    """

    key: str
    query: str
    passage: str | None = None

    @property
    def form(self) -> Literal["pair", "prompt"]:
        """Which input form this is."""
        return "prompt" if self.passage is None else "pair"


@dataclass(frozen=True)
class TokenSpan:
    """One token as the model saw it.

    Args:
        text: the tokenizer's piece, as stored in its vocabulary.
        segment: name of the part it belongs to.
        word: number of the word within its text, -1 for special tokens.
        start, end: character span within the query or passage (half open); 0, 0 for special tokens, but for a mask
            that the user wrote.
    """

    text: str
    segment: str
    word: int
    start: int
    end: int


@dataclass(frozen=True)
class Seen:
    """What the model saw of one example: tokens in order, and what was cut off.

    Args:
        tokens: every token of the encoded input, padding excluded.
        query_tokens, passage_tokens: token counts of the whole texts before the cut, special tokens excluded.
        cut_query, cut_passage: tokens that did not fit.
        unknown: tokens that the vocabulary does not have.
        max_length: the limit in tokens that was applied.
        side: the end of the text that did not fit.
    """

    tokens: tuple[TokenSpan, ...]
    query_tokens: int
    passage_tokens: int
    cut_query: int
    cut_passage: int
    unknown: int
    max_length: int
    side: Side = "end"
