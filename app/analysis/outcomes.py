"""What a study's answers amount to: every measure of every query under every setting.

Axes: S settings, P pairs (query by query, candidates in first-stage order), Q queries, Y outputs (target, score,
probability).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.analysis.ranking import MEASURES, anchors, classes, per_query, unjudged

Floats = NDArray[np.float64]
NONE = -1.0
"""Stands for 'no such passage' in a measure whose values are never negative."""
CLASSES = ("accuracy", "p_relevant", "p_other")
SCORE, PROBABILITY = 1, 2


def lists_of(pairs: Sequence[Sequence[object]], count: int) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    """Candidates and grades by query, of the first ``count`` pairs ``(query, passage, grade or None)``."""
    lists: dict[str, list[str]] = {}
    grades: dict[str, dict[str, int]] = {}
    for query, passage, grade in pairs[:count]:
        lists.setdefault(str(query), []).append(str(passage))
        if isinstance(grade, int):
            grades.setdefault(str(query), {})[str(passage)] = grade
    return lists, grades


def table(values: Floats, lists: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Query to passage to value, of [P] values."""
    by_query: dict[str, dict[str, float]] = {}
    start = 0
    for query, passages in lists.items():
        by_query[query] = dict(zip(passages, values[start : start + len(passages)].tolist(), strict=True))
        start += len(passages)
    return by_query


def measured(
    answers: Floats,
    lists: Mapping[str, Sequence[str]],
    grades: Mapping[str, Mapping[str, int]],
    threshold: int,
    between: Callable[[], object] | None = None,
) -> dict[str, Floats]:
    """Measure to [S, Q], of [S, P, Y] answers; ``grades`` holds every judgement of the queries, candidates or not.
    ``between`` is called before each setting.

    The measures are those of :mod:`app.analysis.ranking`, ``unjudged@10`` (passages), and the three of ``CLASSES``,
    which are ``NONE`` where a query has no such candidate.
    """
    names = (*MEASURES, "unjudged@10", *CLASSES)
    measures = {name: np.zeros((len(answers), len(lists))) for name in names}
    for setting, answer in enumerate(answers):
        if between is not None:
            between()
        scores, probabilities = table(answer[:, SCORE], lists), table(answer[:, PROBABILITY], lists)
        ranked = per_query(grades, scores, threshold)
        for place, query in enumerate(lists):
            judgements = grades.get(query, {})
            row = {name: ranked[name][query] for name in MEASURES}
            row["unjudged@10"] = float(unjudged(judgements, scores[query]))
            row |= classes(judgements, probabilities[query], threshold)
            for name, value in row.items():
                measures[name][setting, place] = NONE if np.isnan(value) else value
    return measures


def references(
    lists: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]], threshold: int
) -> dict[str, dict[str, float]]:
    """Reference orders of the same candidates; see :func:`app.analysis.ranking.anchors`."""
    first = {query: {p: -float(at) for at, p in enumerate(passages)} for query, passages in lists.items()}
    return anchors(grades, first, threshold)
