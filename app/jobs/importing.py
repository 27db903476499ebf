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
from typing import Any, Literal, Protocol

import numpy as np

from app.data import irds
from app.data.first_stage import ABOUT, bm25
from app.data.notes import Notes
from app.data.records import records
from app.domain.datasets import Dataset, Record, Text
from app.domain.errors import BadInput
from app.domain.examples import Example, Seen
from app.domain.importing import ImportSettings
from app.store.dataset_writer import DatasetWriter

BATCH = 2000
SEVERAL = {"query": "queries", "passage": "passages", "judgement": "judgements", "candidate": "candidates"}
HELD = {"query": "text", "passage": "text", "judgement": "grade", "candidate": "score"}
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
    notes: Notes = field(default_factory=Notes)

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
            for name, reason in settings.left_out.items():
                self.notes.add("files", reason, name)
            self._store(number, self._counted())
            given = self.rows["candidate"]
            if not given and settings.depth:
                queries, passages = self.data.stream(number, "query"), self.data.stream(number, "passage")
                self._store(number, bm25(passages, queries, settings.depth))
            self._enough(number)
            faults = self._gaps(number)
            report = {
                "files": [[file.path, file.role, self.notes.rows[file.path]] for file in settings.files],
                "rows": dict(self.rows),
                "duplicates": dict(self.twice),
                "empty": dict(self.empty),
                "faults": faults,
                **self._first_stage(number, given),
                **self.data.balance(number, settings.threshold),
                "notes": [vars(note) for note in self.notes.told()],
                "lengths": self._lengths(number),
                "seconds": round(time.monotonic() - started, 2),
            }
            done = self.notes.rows.total() or self.rows.total()
            self.tell(done, done)
            return self.data.finish(number, report)
        except BaseException:
            self.data.drop(number)
            raise

    def _records(self) -> Iterator[Record]:
        if self.settings.ir_dataset:
            yield from irds.records(irds.opened(self.settings.ir_dataset))
        for spec in self.settings.files:
            yield from records(spec, Path(self.settings.folder), self.notes)

    def _counted(self) -> Iterator[Record]:
        """Every record with a text, counted by kind."""
        total = sum(_line_count(Path(self.settings.folder) / spec.path) for spec in self.settings.files)
        for at, record in enumerate(self._records()):
            if at % BATCH == 0:
                done = self.notes.rows.total() or at
                self.tell(done, max(total, done))
            kind = record.kind if isinstance(record, Text) else type(record).__name__.lower()
            self.rows[kind] += 1
            if isinstance(record, Text) and not record.text.strip():
                self.empty[kind] += 1
                self.notes.add(SEVERAL[kind], "no text", record.key)
            else:
                yield record

    def _store(self, number: int, rows: Iterable[Record]) -> None:
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            for again in self.data.add(number, batch):
                repeated = self.settings.kind == "pairs" and again.what != "judgement"
                if again.differs or not repeated:
                    reason = f"given twice, with another {HELD[again.what]}" if again.differs else "given twice"
                    self.twice[again.what] += 1
                    self.notes.add(SEVERAL[again.what], f"{reason}; the first one stays", again.name)

    def _enough(self, number: int) -> None:
        """See that something is left to rank.

        Raises:
            BadInput: no query has a candidate or a judgement.
        """
        if not self.data.usable(number):
            raise BadInput(
                "at least one query with a candidate or a judgement whose texts are there",
                f"{self.rows['query']:,} queries, {self.rows['passage']:,} passages and none that fit together",
                "Check that the ids of the files are the same.",
                "files",
            )

    def _gaps(self, number: int) -> dict[str, int]:
        """Note what judgements and candidates name and no file has a text of; it stays in every measure."""
        kinds: tuple[Literal["query", "passage"], ...] = ("query", "passage")
        faults: dict[str, int] = {}
        for table, done in (("judgement", "judged"), ("candidate", "in the run")):
            for kind in kinds:
                missing = sorted(self.data.without_text(number, kind, (table,)))
                reason = f"{done}, but without a text; counted in every measure all the same"
                self.notes.add(SEVERAL[kind], reason, *missing)
                faults[f"{SEVERAL[table]}_unknown_{kind}"] = len(missing)
        return {name: count for name, count in faults.items() if count}

    def _first_stage(self, number: int, given: int) -> dict[str, Any]:
        """Where the candidates are from, and whether their order says anything."""
        level, several = self.data.level(number)
        if several and len(level) == several:
            why = "pairs have no scores" if self.settings.kind == "pairs" else "all scores of a query are equal"
            return {"first_stage": f"none: {why}, candidates stand by their ids"}
        self.notes.add("queries", "all first-stage scores are equal, so that candidates stand by their ids", *level)
        if given:
            ranked = any(file.role == "run" and "score" not in file.columns for file in self.settings.files)
            return {"first_stage": "given by ranks, the run has no scores" if ranked else "given, by score"}
        depth = self.settings.depth
        return {"first_stage": f"BM25 top {depth}", "words": ABOUT} if depth else {"first_stage": "none"}

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
