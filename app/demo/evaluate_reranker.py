"""Measure the demo re-ranker: nDCG@10 of re-ranking the BM25 top 20, over every shared set.

Run: ``python -m app.demo.evaluate_reranker --data ../shared/data [--write]``; ``--write`` puts the table into
``golgi.json`` and the model card. Ties: score descending, then passage id; unjudged counts as not relevant.
"""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import torch
from ir_measures import nDCG
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from app.demo.card import card_text
from app.demo.corpora import IN_DOMAIN, Split, splits

log = logging.getLogger(__name__)
Scores = Mapping[str, Mapping[str, float]]


def per_query(split: Split, scores: Scores) -> dict[str, float]:
    """Query id to nDCG@10 of the evaluated queries."""
    grades = split.corpus.grades
    qrels = [ir_measures.Qrel(q, p, g) for q in split.evaluated for p, g in grades.get(q, {}).items()]
    return {result.query_id: result.value for result in ir_measures.iter_calc([nDCG @ 10], qrels, scores)}


@torch.inference_mode()
def reranked(model: Any, tokenizer: Any, split: Split, length: int) -> dict[str, dict[str, float]]:
    """Scores of the BM25 top 20 of every evaluated query, batched by length."""
    corpus = split.corpus
    pairs = [(q, p) for q in split.evaluated for p in corpus.run[q]]
    pairs.sort(key=lambda pair: len(corpus.passages[pair[1]]))
    scores: dict[str, dict[str, float]] = {}
    for start in range(0, len(pairs), 64):
        rows = pairs[start : start + 64]
        texts = [corpus.queries[q]["text"] for q, _ in rows], [corpus.passages[p] for _, p in rows]
        inputs = tokenizer(
            *texts,
            truncation="only_second",
            max_length=length,
            padding=True,
            pad_to_multiple_of=32,
            return_tensors="pt",
        )
        logits = model(**inputs).logits[:, 0]
        for (q, p), score in zip(rows, logits.tolist(), strict=True):
            scores.setdefault(q, {})[p] = score
    return scores


def interval(gains: Sequence[float], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over queries."""
    values = np.asarray(gains)
    picks = np.random.default_rng(seed).integers(0, len(values), size=(draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def measured(model: Any, tokenizer: Any, split: Split, length: int) -> dict[str, float]:
    """BM25 and model nDCG@10, the gain with its interval, and the number of queries."""
    before = per_query(split, {q: split.corpus.run[q] for q in split.evaluated})
    after = per_query(split, reranked(model, tokenizer, split, length))
    gains = [after[q] - before[q] for q in before]
    low, high = interval(gains)
    return {
        "queries": len(before),
        "bm25": _mean(before),
        "model": _mean(after),
        "gain_low": round(low, 4),
        "gain_high": round(high, 4),
    }


def _mean(values: Mapping[str, float]) -> float:
    return round(float(np.mean(list(values.values()))), 4)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models_cache/golgi-demo-reranker"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="*", default=None)
    parser.add_argument("--max-length", type=int, default=None, help="tokens; that of golgi.json when left out")
    parser.add_argument("--queries", type=int, default=300, help="about this many per set, evenly spaced by id")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, dtype=torch.float32).eval()
    path = args.model / "golgi.json"
    facts = json.loads(path.read_text())
    length = args.max_length or facts["max_length"]
    table = {}
    for name, split in splits(args.data).items():
        if args.sets is None or name in args.sets:
            thinned = replace(split, evaluated=split.evaluated[:: max(1, len(split.evaluated) // args.queries)])
            table[name] = measured(model, tokenizer, thinned, length)
            log.info("%s (%s) %s", name, "in" if name in IN_DOMAIN else "out", table[name])
    if args.write:
        table = facts.get("quality", {}) | table
        facts |= {"quality": table, "max_length": length}
        facts["out_of_domain"] = [name for name in table if name not in IN_DOMAIN]
        path.write_text(json.dumps(facts, indent=1) + "\n")
        (args.model / "README.md").write_text(card_text(table))


if __name__ == "__main__":
    main()
