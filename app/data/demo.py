"""The embedded collection, and what the forms are prefilled with."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from app.data.ranking import Collection, load_collection
from app.domain.errors import NotFound

HOME = Path(__file__).resolve().parents[1] / "demo"
FOLDER, RECORDINGS = HOME / "liveqa_med", HOME / "recorded"
REPORT = RECORDINGS / "study.md"
MODEL = "golgi-demo-reranker"
"""The embedded model, which forms begin with."""
RECORDED = {
    "ca00f94fc0e2bf2a38618eb7720d69afa8c87c6e1ce4d1666bb2bfcdfd38ef33": {
        "configuration": "0d13f4fc986c4a19",
        "tokenizer": "9bfc9573da0f3e3f",
        "precision": "float32",
    }
}
"""sha256 of the weights of the recorded runs' models to the rest of their identity, which those runs do not tell."""
LENGTH = (35, 75)


@dataclass(frozen=True)
class Prefill:
    """A query with passages in first-stage order, and where they are from."""

    query: str
    passages: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Study:
    """A study whose report and runs ship with Golgi.

    Args:
        key: in its address. title, lead: of its page. about: on the first page.
        report: as Markdown; empty where it did not come along.
        runs: fingerprints of its runs, in the order in which they are told of.
    """

    key: str
    title: str
    lead: str
    about: str
    report: str = ""
    runs: tuple[str, ...] = ()


STUDIES = (
    Study(
        "query-neurons",
        "Query-relevant neurons",
        "Which feed-forward neurons of a language model carry one answer, and does that answer go, more than others, "
        "when they are switched off?",
        "A language model on facts that it knows, and a small one with letters: sets, overlaps, effects beside every "
        "baseline, in wordings that found none",
    ),
)
"""Studies beside the first one, without their reports."""


class Demo:
    """The demo collection."""

    @cached_property
    def collection(self) -> Collection:
        """The embedded LiveQA-Med set."""
        return load_collection(FOLDER)

    def report(self) -> str:
        """The demo study's report as Markdown; empty where it did not come along."""
        return REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""

    def studies(self) -> tuple[Study, ...]:
        """Studies whose reports came along."""
        there = (study for study in STUDIES if (RECORDINGS / f"{study.key}.md").exists())
        return tuple(
            replace(
                study,
                report=(RECORDINGS / f"{study.key}.md").read_text(encoding="utf-8"),
                runs=tuple(json.loads((RECORDINGS / f"{study.key}.json").read_text(encoding="utf-8"))),
            )
            for study in there
        )

    def study(self, key: str) -> Study:
        """One of them.

        Raises:
            NotFound: none of that name came along.
        """
        for study in self.studies():
            if study.key == key:
                return study
        raise NotFound("a study that came with this copy", f"'{key}'", "Go to the first page.", "key")

    def queries(self) -> dict[str, str]:
        """Query id to text."""
        return dict(self.collection.queries)

    def pair(self) -> Prefill:
        """The first query, in file order, with a short passage of the highest grade (35 to 75 words)."""
        collection = self.collection
        for query, text in collection.queries.items():
            best = max(collection.judgements.get(query, {}).values(), default=0)
            for passage in collection.candidates.get(query, ()):
                shown = collection.passages[passage]
                if best > 1 and collection.judgements[query].get(passage) == best and _short(shown):
                    return Prefill(text, (shown,), f"{collection.name}, query {query}, passage {passage}")
        first = next(iter(collection.queries))
        return self.ranking(first, 1)

    def ranking(self, query: str | None = None, count: int = 10) -> Prefill:
        """A query with its first ``count`` candidates."""
        collection = self.collection
        chosen = query if query in collection.queries else next(iter(collection.queries))
        assert chosen is not None
        texts = tuple(collection.passages[p] for p in collection.candidates[chosen][:count])
        return Prefill(collection.queries[chosen], texts, f"{collection.name}, query {chosen}, BM25 top {count}")


def _short(text: str) -> bool:
    return LENGTH[0] <= len(text.split()) <= LENGTH[1]
