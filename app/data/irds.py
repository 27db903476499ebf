"""Collections of the ``ir_datasets`` library (optional extra ``ir``)."""

from collections.abc import Iterator
from typing import Any

from app.data.records import number_of
from app.domain.datasets import Candidate, Judgement, Record, Text
from app.domain.errors import NotFound, Unsupported
from app.domain.texts import whole


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
    for row in collection.scoreddocs_iter() if collection.has_scoreddocs() else ():
        yield Candidate(str(row.query_id), str(row.doc_id), 0, number_of(row.score))


def _text(row: Any) -> str:
    """Title, a space, and text where a row has both; else what the library calls its text. Halves of surrogate pairs
    become U+FFFD."""
    title, text = getattr(row, "title", None), getattr(row, "text", None)
    if text is None:
        return whole(str(row.default_text()))
    return whole(f"{title} {text}" if title else str(text))
