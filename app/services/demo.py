"""The embedded collection, and what the forms are prefilled with."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.data.ranking import Collection, load_collection

HOME = Path(__file__).resolve().parents[1] / "demo"
FOLDER, REPORT = HOME / "liveqa_med", HOME / "recorded" / "study.md"
MODEL = "golgi-demo-reranker"
LENGTH = (35, 75)


@dataclass(frozen=True)
class Prefill:
    """A query with passages in first-stage order, and where they are from."""

    query: str
    passages: tuple[str, ...]
    about: str


class Demo:
    """The demo collection."""

    @cached_property
    def collection(self) -> Collection:
        """The embedded LiveQA-Med set."""
        return load_collection(FOLDER)

    def report(self) -> str:
        """The demo study's report as Markdown; empty where it did not come along."""
        return REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""

    def queries(self) -> dict[str, str]:
        """Query id to text."""
        return dict(self.collection.queries)

    def pair(self) -> Prefill:
        """The first query, in file order, with a short passage of the highest grade (35 to 75 words)."""
        data = self.collection
        for query, text in data.queries.items():
            best = max(data.judgements.get(query, {}).values(), default=0)
            for passage in data.candidates.get(query, ()):
                full = data.passages[passage]
                if best > 1 and data.judgements[query].get(passage) == best and _short(full):
                    return Prefill(text, (full,), f"{data.name}, query {query}, passage {passage}")
        first = next(iter(data.queries))
        return self.ranking(first, 1)

    def ranking(self, query: str | None = None, count: int = 10) -> Prefill:
        """A query with its first ``count`` candidates."""
        data = self.collection
        known = query if query in data.queries else next(iter(data.queries))
        assert known is not None
        texts = tuple(data.passages[p] for p in data.candidates[known][:count])
        return Prefill(data.queries[known], texts, f"{data.name}, query {known}, BM25 top {count}")


def _short(text: str) -> bool:
    return LENGTH[0] <= len(text.split()) <= LENGTH[1]
