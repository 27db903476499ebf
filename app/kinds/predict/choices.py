"""The options of a query: its own, or candidates from other queries of its domain (``qrnca.md`` section 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import BadInput
from app.domain.query_sampling import Blank
from app.domain.question_sets import LETTERS, QuestionQuery, Wording
from app.domain.seeded import place
from app.kinds.predict.question import WRONG, Proposed
from app.models.continuations import READ_BY, next_token


@dataclass(frozen=True)
class Choice:
    """What a prompt is answered by.

    Args:
        texts: what the model itself chooses between, one token each: letters, or words.
        proposals: what is put behind the prompt, option by option.
        right: number of the right one.
    """

    texts: tuple[str, ...]
    proposals: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class Choices:
    """Makes the options of queries.

    Args:
        tokenizer: the model's. blank: how the search reads answers. proposed: what is put behind a prompt.
        seed: of the wrong candidates.
    """

    tokenizer: Any
    blank: Blank
    proposed: Proposed
    seed: int

    def of(self, query: QuestionQuery, at: int, others: Sequence[QuestionQuery]) -> Choice:
        """The options of a query's wording number ``at``; wrong candidates come from ``others``, the first ones first.

        Raises:
            BadInput: a right answer that is no single token, or no letter of an option; no candidate beside it.
        """
        wording = query.wordings[at]
        if not wording.options:
            return self._candidates(query, wording, at, others)
        letters = tuple(LETTERS[: len(wording.options)])
        if wording.target not in letters or len(letters) < 2:
            way = "Correct the set, and import it again."
            raise BadInput("a letter among two options or more", f"'{wording.target}'", way, "questions")
        self._ways(wording.prompt, letters)
        proposals = wording.options if self.proposed == "text" else letters
        return Choice(letters, proposals, letters.index(wording.target))

    def _candidates(self, query: QuestionQuery, wording: Wording, at: int, others: Sequence[QuestionQuery]) -> Choice:
        """The right answer, and the first answers of others that are one other token behind the prompt."""
        way = self._ways(wording.prompt, (wording.target,))[0]
        taken = {self._token(wording.prompt, wording.target, way): wording.target}
        for other in others:
            if len(taken) > WRONG:
                break
            text = other.wordings[min(at, len(other.wordings) - 1)].target
            token = self._token(wording.prompt, text, way)
            if token is not None and text.casefold() not in {known.casefold() for known in taken.values()}:
                taken.setdefault(token, text)
        if len(taken) < 2:
            found = f"none beside {query.key}'s own, '{wording.target}'"
            raise BadInput("another one-token answer in the domain", found, "Add queries to the domain.", "questions")
        texts = tuple(taken.values())
        return Choice(texts, texts, 0)

    def drawn(self, key: str, sides: Sequence[Sequence[QuestionQuery]]) -> list[QuestionQuery]:
        """Other queries in the seed's order for this one, those of the first side before those of the next."""
        order: list[QuestionQuery] = []
        for side in sides:
            order += sorted((q for q in side if q.key != key), key=lambda other: place(self.seed, key, other.key))
        return order

    def _ways(self, prompt: str, texts: Sequence[str]) -> list[Any]:
        """With a blank in front, without: the ways in which every text is one token.

        Raises:
            BadInput: there is none.
        """
        ways = READ_BY[self.blank]
        fitting = [way for way in ways if all(self._token(prompt, text, way) is not None for text in texts)]
        if not fitting:
            for text in texts:
                next_token(self.tokenizer, prompt, text, ways[0])
        return fitting

    def _token(self, prompt: str, text: str, way: Any) -> int | None:
        try:
            return next_token(self.tokenizer, prompt, text, way)
        except BadInput:
            return None
