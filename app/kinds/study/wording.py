"""Sentences on what a study measured and over what."""

from collections.abc import Mapping
from typing import Any

from app.domain.studying import Evaluation

WORDS = {
    "without_candidates": "{} of them without a candidate, which count 0 in every measure, as with trec_eval -c",
    "one_candidate": "{} with one candidate, which no order changes",
    "unread": "{} whose candidates the model could not read for want of a text; they keep the first-stage order",
    "without_relevant": "{} without a relevant judgement, which count 0 but for nDCG",
    "candidates_without_text": "{} candidates without a text keep their first-stage order behind all others",
    "judged_without_text": "{} judgements are of passages without a text; they count as judged all the same",
}


def told(n: int, left: Mapping[str, int]) -> str:
    """What a mean over ``n`` queries is over, in a sentence; empty where nothing is special."""
    parts = [words.format(f"{left[name]:,}") for name, words in WORDS.items() if name in left]
    return f"Means are over {n:,} judged queries: {'; '.join(parts)}." if parts else ""


def paragraph_of(evaluation: Evaluation, facts: Mapping[str, Any]) -> str:
    """Candidates, measures, statistics, controls."""
    queries = "judged queries (those without candidates count 0)" if "left" in facts else "queries"
    orders = ", ".join(facts.get("anchors", {}))
    return (
        f"The first {evaluation.depth} candidates of {facts.get('n', 0)} {queries} of {evaluation.name} "
        f"(part {evaluation.part}, split by query id with seed {evaluation.split.seed}) were scored with the model "
        "intact and with each neuron set edited in all layers at once. Metrics are those of ir-measures: passages "
        "are ordered by score, ties by passage id; passages without a judgement count as not relevant; nDCG has "
        "linear gain and the ideal order of all judged passages. Differences are paired by query: mean, 95 % "
        "bootstrap interval over queries (10,000 draws, percentile), two-sided sign-flip p (10,000 draws), Holm "
        "over all sets of the study. Random sets match the number of neurons of every layer and are drawn without "
        f"replacement with the stated seeds. Reference orders of the same candidates: {orders}."
    )
