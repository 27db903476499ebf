"""A small dataset in memory, read as a stored one is."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from app.domain.datasets import Dataset

TEXTS = ["rain falls", "clouds hold water", "the fox jumps over a lazy dog", "rain", "a b c d e f g h", "plain water"]
QUERIES = {f"q{n}": f"what causes {TEXTS[n % 6]}" for n in range(6)}
PASSAGES = {f"p{n}": f"{TEXTS[n % 6]} {TEXTS[(n * 5 + 1) % 6]}" for n in range(9)}
GRADES = {f"q{n}": {f"p{n}": 2, f"p{n + 1}": 1, f"p{n + 2}": 0} for n in range(6)}
HITS = {f"q{n}": {f"p{k}": 9.0 - k for k in range(9)} for n in range(6)}


class Memory:
    """The reader."""

    dataset = Dataset(1, "rain", "collection", "abc", 6, 9, 18, 54, "", "", "", {}, "ready", datetime.now(UTC), False)

    def by_hash(self, digest: str) -> Dataset | None:
        return self.dataset if digest == "abc" else None

    def query_keys(self, number: int) -> tuple[str, ...]:
        return tuple(QUERIES)

    def texts(self, number: int, kind: str, keys: Collection[str]) -> dict[str, str]:
        table = QUERIES if kind == "query" else PASSAGES
        return {key: table[key] for key in keys}

    def judgements(self, number: int, queries: Collection[str] | None = None) -> dict[str, dict[str, int]]:
        return GRADES

    def candidates(self, number: int, queries: Any = None, depth: int | None = None) -> dict[str, dict[str, float]]:
        return {query: dict(list(hits.items())[:depth]) for query, hits in HITS.items()}

    def without_text(self, number: int, kind: str) -> frozenset[str]:
        return frozenset()
