"""Collections of the ``ir_datasets`` library (optional extra ``ir``)."""

from collections.abc import Iterator
from typing import Any

from app.domain.datasets import Candidate, Judgement, Record, Text
from app.domain.errors import NotFound, Unsupported


def opened(name: str) -> Any:
    """The collection of an id.

    Raises:
        Unsupported: the library is not installed. NotFound: it has no such id.
    """
    try:
        import ir_datasets
    except ImportError as error:
        raise Unsupported(
            "the ir_datasets library", "it is not installed", "Install golgi[ir].", "ir_dataset"
        ) from error
    try:
        return ir_datasets.load(name)
    except KeyError as error:
        raise NotFound(
            "an id of ir_datasets, for example beir/scifact/test",
            f"'{name}'",
            "Look it up at ir-datasets.com.",
            "ir_dataset",
        ) from error


def records(collection: Any) -> Iterator[Record]:
    """Texts, judgements and, where there are any, first-stage hits of a collection."""
    for doc in collection.docs_iter() if collection.has_docs() else ():
        yield Text("passage", str(doc.doc_id), _text(doc))
    for query in collection.queries_iter() if collection.has_queries() else ():
        yield Text("query", str(query.query_id), _text(query))
    for row in collection.qrels_iter() if collection.has_qrels() else ():
        yield Judgement(str(row.query_id), str(row.doc_id), int(row.relevance))
    if collection.has_scoreddocs():
        yield from _hits(collection)


def _hits(collection: Any) -> Iterator[Candidate]:
    ranks: dict[str, int] = {}
    for row in collection.scoreddocs_iter():
        ranks[row.query_id] = ranks.get(row.query_id, 0) + 1
        yield Candidate(str(row.query_id), str(row.doc_id), ranks[row.query_id], float(row.score))


def _text(row: Any) -> str:
    """Title, a space, and text where a row has both; else what the library calls its text."""
    title, text = getattr(row, "title", None), getattr(row, "text", None)
    if text is None:
        return str(row.default_text())
    return f"{title} {text}" if title else str(text)
