"""Question sets: queries in several wordings, each a prompt with what should follow (``qrnca.md`` section 3)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.domain.errors import NotFound

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class Wording:
    """One prompt of a query.

    Args:
        prompt: what the model reads, without the answer and without a blank at its end.
        target: what should follow, without a blank in front: a letter, or a word.
        options: the texts of the choices in the order of their letters; empty where nothing is chosen from.
    """

    prompt: str
    target: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuestionQuery:
    """One query: what is asked in several wordings.

    Args:
        key: its name within the set.
        domain: what it is about: a school subject, a language, a relation of facts.
        wordings: prompts with their targets, in order; the same number in all queries of a set, or fewer.
        answer: the answer in words, whatever the letters are.
    """

    key: str
    domain: str
    wordings: tuple[Wording, ...]
    answer: str = ""

    @property
    def choices(self) -> bool:
        """Whether its wordings list choices."""
        return any(wording.options for wording in self.wordings)


@dataclass(frozen=True)
class QuestionSet:
    """A stored question set.

    Args:
        id, name: number and name.
        hash: of the content; the same content is the same set.
        queries, prompts: counts.
        domains: domain to number of queries, in the order of the file.
        wordings: the largest number of wordings of a query.
        choices: whether its prompts list choices, answered by a letter.
        licence, source: where it comes from, in words.
        report: what the import found, by name.
    """

    id: int
    name: str
    hash: str
    queries: int
    prompts: int
    domains: Mapping[str, int]
    wordings: int
    choices: bool
    licence: str
    source: str
    report: Mapping[str, Any]
    created: datetime
    deleted: bool


class QuestionReader(Protocol):
    """What a kind may read of stored question sets."""

    def question_set(self, name: str) -> QuestionSet:
        """The set of a name or a hash.

        Raises:
            NotFound: there is none.
        """
        ...

    def queries(self, number: int, keys: Sequence[str] | None = None) -> tuple[QuestionQuery, ...]:
        """Queries of a set, those named or all, in the order of the file."""
        ...


class NoQuestions:
    """A reader where no question sets are stored."""

    def question_set(self, name: str) -> QuestionSet:
        """Always NotFound."""
        raise NotFound("a stored question set", f"'{name}'", "Import it first.", "questions")

    def queries(self, number: int, keys: Sequence[str] | None = None) -> tuple[QuestionQuery, ...]:
        """None."""
        return ()


NO_QUESTIONS = NoQuestions()


def content_hash(queries: Sequence[QuestionQuery]) -> str:
    """sha256 of what is asked: keys, domains, prompts, targets, options, answers, in order."""
    rows = [
        [query.key, query.domain, query.answer, [[w.prompt, w.target, list(w.options)] for w in query.wordings]]
        for query in queries
    ]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
