"""Bringing a dataset in: read, counted, given candidates, checked, measured, and only then shown.

Whatever goes wrong on the way, nothing of it stays. Rows are read one by one and written in batches.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from app.data import irds
from app.data.first_stage import bm25
from app.data.records import records
from app.domain.datasets import Dataset, Record, Text
from app.domain.errors import BadInput
from app.domain.examples import Example, Seen
from app.domain.importing import ImportSettings
from app.store.dataset_writer import DatasetWriter

BATCH = 2000
MEASURED = 500


class Lengths(Protocol):
    """What can count tokens of a model."""

    def seen(self, name: str, example: Example, max_length: int | None) -> Seen:
        """What the model would read of an example."""
        ...


@dataclass
class Import:
    """One import.

    Args:
        settings: what is asked.
        data: where it goes.
        models: counts tokens.
        tell: called with rows done and rows in all now and then; may raise to stop.
    """

    settings: ImportSettings
    data: DatasetWriter
    models: Lengths
    tell: Callable[[int, int], None]
    rows: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)

    def go(self) -> Dataset:
        """The stored dataset; one of the same content that is stored already is given back instead.

        Raises:
            BadInput: a broken line, or nothing to keep. Conflict: the name is taken.
        """
        started, settings = time.monotonic(), self.settings
        source = settings.source or (f"ir_datasets {settings.ir_dataset}" if settings.ir_dataset else "")
        number = self.data.begin(
            settings.name, settings.kind, domain=settings.domain, licence=settings.licence, source=source
        )
        try:
            self._store(number, self._counted())
            given = self.rows["candidate"]
            if not given and settings.depth:
                queries, passages = self.data.stream(number, "query"), self.data.stream(number, "passage")
                self._store(number, bm25(passages, queries, settings.depth))
            faults = self.data.clean(number)
            self._enough(number)
            report = {
                "rows": dict(self.rows),
                "duplicates": {name: count for name, count in self.twice.items() if count},
                "empty": dict(self.empty),
                "faults": {name: count for name, count in faults.items() if count},
                "first_stage": "given" if given else f"BM25 top {settings.depth}" if settings.depth else "none",
                **self.data.balance(number, settings.threshold),
                "lengths": self._lengths(number),
                "seconds": round(time.monotonic() - started, 2),
            }
            return self.data.finish(number, report)
        except BaseException:
            self.data.drop(number)
            raise

    def _records(self) -> Iterator[Record]:
        if self.settings.ir_dataset:
            yield from irds.records(irds.opened(self.settings.ir_dataset))
        for spec in self.settings.files:
            yield from records(spec, Path(self.settings.folder))

    def _counted(self) -> Iterator[Record]:
        """Every record with a text, counted by kind."""
        total = sum(_line_count(Path(self.settings.folder) / spec.path) for spec in self.settings.files)
        for at, record in enumerate(self._records()):
            if at % BATCH == 0:
                self.tell(at, max(total, at))
            kind = record.kind if isinstance(record, Text) else type(record).__name__.lower()
            self.rows[kind] += 1
            if isinstance(record, Text) and not record.text.strip():
                self.empty[kind] += 1
            else:
                yield record

    def _store(self, number: int, rows: Iterable[Record]) -> None:
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            self.twice.update(self.data.add(number, batch))

    def _enough(self, number: int) -> None:
        """See that something is left to rank.

        Raises:
            BadInput: no query has a candidate or a judgement.
        """
        if not self.data.query_keys(number):
            raise BadInput(
                "at least one query with a candidate or a judgement whose texts are there",
                f"{self.rows['query']:,} queries, {self.rows['passage']:,} passages and none that fit together",
                "Check that the ids of the files are the same.",
                "files",
            )

    def _lengths(self, number: int) -> dict[str, Any]:
        """Tokens of a sample of pairs under a model, and how many pairs are cut off."""
        if not self.settings.model:
            return {}
        pairs = self.data.sample(number, MEASURED)
        readings = [self.models.seen(self.settings.model, Example("", *pair), None) for pair in pairs]
        sizes = np.asarray([len(reading.tokens) + reading.cut_query + reading.cut_passage for reading in readings])
        cut = sum(1 for reading in readings if reading.cut_query or reading.cut_passage)
        return {
            "model": self.settings.model,
            "pairs": len(readings),
            "median": float(np.median(sizes)),
            "p95": float(np.percentile(sizes, 95)),
            "longest": int(sizes.max()),
            "limit": readings[0].max_length,
            "cut": cut / len(readings),
        }


def _line_count(path: Path) -> int:
    """Lines of a file; 0 for a packed one."""
    if not path.is_file() or path.suffix == ".gz":
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def remove_staged(settings: ImportSettings) -> None:
    """Remove the copies that a page put aside for this import."""
    if settings.staged:
        shutil.rmtree(settings.folder, ignore_errors=True)
