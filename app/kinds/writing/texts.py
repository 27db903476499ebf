"""The texts of a run: prompts with gold answers, by hand or of the queries of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.question_sets import LETTERS, QuestionQuery, Wording
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.queries import finding
from app.kinds.writing.question import WritingQuestion


@dataclass(frozen=True)
class FreeText:
    """A prompt with what should follow; ``query`` and ``domain`` are empty for one by hand."""

    prompt: str
    gold: str
    query: str = ""
    domain: str = ""


def texts(
    question: WritingQuestion, search: ClustersQuestion, queries: Mapping[str, QuestionQuery], keys: Sequence[str]
) -> tuple[FreeText, ...]:
    """Those by hand; else of the search's first queries, domain by domain in turn, the first wording that found no
    neurons (the first one where all did), with the answer in words."""
    if question.prompts:
        return tuple(FreeText(*pair) for pair in zip(question.prompts, question.golds, strict=True))
    by_domain: dict[str, list[str]] = {}
    for key in keys:
        by_domain.setdefault(queries[key].domain, []).append(key)
    longest = max((len(found) for found in by_domain.values()), default=0)
    turns = [found[at] for at in range(longest) for found in by_domain.values() if at < len(found)]
    return tuple(_of_query(search, queries[key]) for key in turns[: question.limit])


def _of_query(search: ClustersQuestion, query: QuestionQuery) -> FreeText:
    found = finding(search.sample, query)
    wording = query.wordings[len(found)] if len(query.wordings) > len(found) else query.wordings[0]
    return FreeText(wording.prompt, in_words(query, wording), query.key, query.domain)


def in_words(query: QuestionQuery, wording: Wording) -> str:
    """The answer in words: that of the query, else the option of its letter, else the target itself."""
    if query.answer:
        return query.answer
    letter = LETTERS.find(wording.target) if wording.options else -1
    return wording.options[letter] if 0 <= letter < len(wording.options) else wording.target
