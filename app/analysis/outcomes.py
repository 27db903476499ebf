"""What a study's answers amount to: every measure of every query under every setting.

Axes: S settings, P pairs (query by query, candidates in first-stage order), Q queries, Y outputs (target, score,
probability).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.ranking import MEASURES, anchors, classes, per_query, unjudged

Floats = NDArray[np.float64]
NONE = -1.0
"""Stands for 'no such passage' in a measure whose values are never negative."""
CLASSES = ("accuracy", "p_relevant", "p_other")
SCORE, PROBABILITY = 1, 2


def lists_of(queries: Sequence[Sequence[Any]], pairs: Sequence[Sequence[object]], count: int) -> dict[str, list[str]]:
    """Query to the candidates that were read, as far as all of a query's are among the first ``count`` pairs.

    ``queries`` holds a query and how many of its candidates are read, which may be none; ``pairs`` begins with a query
    and a passage.
    """
    lists: dict[str, list[str]] = {}
    first = 0
    for query, size in queries:
        if first + size > count:
            break
        lists[str(query)] = [str(pair[1]) for pair in pairs[first : first + size]]
        first += size
    return lists


def behind(scores: Mapping[str, float], whole: Sequence[str]) -> dict[str, float]:
    """Scores of a whole list: what has none stands in the list's order behind all that have one."""
    mute = [passage for passage in whole if passage not in scores]
    low = min(scores.values(), default=0.0)
    return {**scores, **{passage: low - at for at, passage in enumerate(mute, start=1)}}


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
    whole: Mapping[str, Sequence[str]] | None = None,
    between: Callable[[], object] | None = None,
) -> dict[str, Floats]:
    """Measure to [S, Q], of [S, P, Y] answers; ``grades`` holds every judgement of the queries, candidates or not.
    ``between`` is called before each setting.

    ``whole`` holds the lists with the candidates that could not be read, which stay :func:`behind` all others.

    The measures are those of :mod:`app.analysis.ranking`, ``unjudged@10`` (passages), and the three of ``CLASSES``,
    which are ``NONE`` where a query has no such candidate.
    """
    names = (*MEASURES, "unjudged@10", *CLASSES)
    measures = {name: np.zeros((len(answers), len(lists))) for name in names}
    for setting, answer in enumerate(answers):
        if between is not None:
            between()
        scores, probabilities = table(answer[:, SCORE], lists), table(answer[:, PROBABILITY], lists)
        scores = {query: behind(row, (whole or lists)[query]) for query, row in scores.items()}
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
