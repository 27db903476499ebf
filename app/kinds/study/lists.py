"""The candidate lists of a study: every judged query, with what the model can read of its candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.data.samples import DatasetReader
from app.domain.datasets import Dataset
from app.domain.seeded import place
from app.kinds.study.question import StudyQuestion

Lists = Mapping[str, Sequence[str]]
Grades = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class CandidateLists:
    """What is re-ranked.

    Args:
        whole: query to its candidates in first-stage order, none where it has none; sorted by query.
        read: the same without what has no text; empty where the query has none.
        level: queries with two candidates or more whose first-stage scores are all the same; ``several`` have so many.
    """

    whole: Mapping[str, tuple[str, ...]]
    read: Mapping[str, tuple[str, ...]]
    level: int
    several: int

    @property
    def kept(self) -> dict[str, list[str]]:
        """Whole lists of the queries of which the model cannot read everything."""
        return {query: list(passages) for query, passages in self.whole.items() if passages != self.read[query]}


def judged_queries(question: StudyQuestion, data: DatasetReader, dataset: Dataset) -> list[str]:
    """Every judged query of the part, in the order of the draw; a larger study contains the smaller one."""
    evaluation = question.evaluation
    fitting = [
        query
        for query in data.judgements(dataset.id)
        if evaluation.part == "all" or evaluation.split.part(query) == evaluation.part
    ]
    return sorted(fitting, key=lambda query: place(evaluation.seed, query))


def candidate_lists(question: StudyQuestion, data: DatasetReader, dataset: Dataset) -> CandidateLists:
    """The lists of the queries that are drawn, also of those without candidates, which count in every mean."""
    drawn = sorted(judged_queries(question, data, dataset)[: question.evaluation.queries])
    hits = data.candidates(dataset.id, set(drawn), question.evaluation.depth)
    mute = data.without_text(dataset.id, "passage")
    unasked = data.without_text(dataset.id, "query")
    whole = {query: tuple(hits.get(query, {})) for query in drawn}
    read = {
        query: () if query in unasked else tuple(passage for passage in passages if passage not in mute)
        for query, passages in whole.items()
    }
    several = [set(hits[query].values()) for query in drawn if len(whole[query]) > 1]
    return CandidateLists(whole, read, sum(len(scores) == 1 for scores in several), len(several))


def lacks(whole: Lists, read: Lists, grades: Grades, threshold: int, mute: frozenset[str]) -> dict[str, int]:
    """What queries of a study lack, by name; what there is none of is left out.

    Args:
        whole: query to all its candidates. read: those that the model read. grades: judgements of the queries.
        threshold: lowest grade that counts as relevant. mute: passages without a text.
    """
    counts: dict[str, Any] = {
        "without_candidates": sum(not passages for passages in whole.values()),
        "one_candidate": sum(len(passages) == 1 for passages in whole.values()),
        "unread": sum(bool(whole[query]) and not read[query] for query in whole),
        "without_relevant": sum(max(grades.get(query, {}).values(), default=0) < threshold for query in whole),
        "candidates_without_text": sum(len(whole[query]) - len(read[query]) for query in whole),
        "judged_without_text": sum(passage in mute for query in whole for passage in grades.get(query, {})),
    }
    return {name: count for name, count in counts.items() if count}
