"""Ranking metrics per query, by the ir-measures library (``nig.md`` section 11).

Ties go by score, largest first, then by passage id; the library sees ranks, so its own tie rule never decides.
Passages without a judgement count as not relevant. nDCG has linear gain and the ideal order of all judged passages.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import ir_measures
import numpy as np

Grades = Mapping[str, Mapping[str, int]]
Scores = Mapping[str, Mapping[str, float]]
MEASURES = ("nDCG@10", "RR@10", "AP", "P@10", "R@10")
TITLES = {
    "nDCG@10": "normalised discounted cumulative gain of the first 10, linear gain",
    "RR@10": "one over the rank of the first relevant passage within 10, else 0",
    "AP": "mean of the precisions at the ranks of the relevant passages, over all judged relevant ones",
    "P@10": "share of relevant passages among the first 10",
    "R@10": "share of the judged relevant passages that are among the first 10",
    "accuracy": "share of judged candidates that the model classes as they are judged (probability above one half)",
    "p_relevant": "mean probability of relevance of the candidates judged relevant",
    "p_other": "mean probability of relevance of the candidates judged not relevant",
}


@cache
def _measures(threshold: int) -> Mapping[str, Any]:
    kinds = {"RR@10": ir_measures.RR, "AP": ir_measures.AP, "P@10": ir_measures.P, "R@10": ir_measures.R}
    without_cutoff = {name: measure(rel=threshold) for name, measure in kinds.items()}
    return {"nDCG@10": ir_measures.nDCG @ 10} | {
        name: measure if name == "AP" else measure @ 10 for name, measure in without_cutoff.items()
    }


def order(scores: Mapping[str, float]) -> list[str]:
    """Passage ids by score, largest first, ties by id."""
    return sorted(scores, key=lambda passage: (-scores[passage], passage))


def per_query(grades: Grades, scores: Scores, threshold: int = 1) -> dict[str, dict[str, float]]:
    """Measure to query to value, for every query of ``scores``; a query without a relevant judgement scores 0."""
    measures = _measures(threshold)
    qrels = [ir_measures.Qrel(q, p, g) for q in scores for p, g in grades.get(q, {}).items()]
    ranked = {q: {p: float(-rank) for rank, p in enumerate(order(row))} for q, row in scores.items()}
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(scores, 0.0) for name in measures}
    names = {str(measure): name for name, measure in measures.items()}
    for row in ir_measures.iter_calc(list(measures.values()), qrels, ranked):
        if row.query_id in scores:
            values[names[str(row.measure)]][row.query_id] = float(row.value)
    return values


def classes(grades: Mapping[str, int], probabilities: Mapping[str, float], threshold: int = 1) -> dict[str, float]:
    """Accuracy and mean probabilities over the judged candidates of one query; NaN where there are none."""
    judged = [(p, grade >= threshold) for p, grade in grades.items() if p in probabilities]
    right = [(probabilities[p] > 0.5) == relevant for p, relevant in judged]
    return {
        "accuracy": _mean(map(float, right)),
        "p_relevant": _mean(probabilities[p] for p, relevant in judged if relevant),
        "p_other": _mean(probabilities[p] for p, relevant in judged if not relevant),
    }


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else float("nan")


def unjudged(grades: Mapping[str, int], scores: Mapping[str, float], depth: int = 10) -> int:
    """Passages among the first ``depth`` that nobody judged."""
    return sum(passage not in grades for passage in order(scores)[:depth])


def anchors(
    grades: Grades, first_stage: Scores, threshold: int = 1, draws: int = 100, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Name of a reference order to measure to its mean over queries, on the same candidates.

    ``first stage`` as it came, ``random`` (mean over ``draws`` shuffles), ``worst`` and ``best`` by grade.
    """
    draw = np.random.default_rng(seed)
    best = {q: {p: float(grades.get(q, {}).get(p, 0)) for p in row} for q, row in first_stage.items()}
    worst = {q: {p: -value for p, value in row.items()} for q, row in best.items()}
    placed = {q: {p: -float(at) for at, p in enumerate(row)} for q, row in first_stage.items()}
    shuffled: dict[str, float] = dict.fromkeys(MEASURES, 0.0)
    for _ in range(draws):
        scores = {q: dict(zip(row, draw.random(len(row)), strict=True)) for q, row in first_stage.items()}
        for name, value in _means(grades, scores, threshold).items():
            shuffled[name] += value / draws
    return {
        "first stage": _means(grades, placed, threshold),
        "random": shuffled,
        "worst": _means(grades, worst, threshold),
        "best": _means(grades, best, threshold),
    }


def _means(grades: Grades, scores: Scores, threshold: int) -> dict[str, float]:
    """Measure to its mean over the queries of ``scores``."""
    return {name: _mean(values.values()) for name, values in per_query(grades, scores, threshold).items()}
