"""Taking results away: CSV, JSON, Parquet, neuron lists, and bundles that open elsewhere."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.domain.agreeing import check
from app.domain.bundles import PAGE, README, ROWS, RUN, fault, packed, rows_of, run_of
from app.domain.errors import BadInput, GolgiError
from app.domain.results import ResponseRow, Row
from app.domain.runs import Run, RunState
from app.kinds import kind_of
from app.kinds.reporting import Reading, Report, Table
from app.services.bundles import MOST, RUN_BYTES, asked, opened
from app.services.static_page import static_page
from app.store.datasets import Datasets
from app.store.db import now
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.runs import Runs

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
FORMATS |= {"neurons": "text/plain", "bundle": "application/zip"}
BROUGHT = ("created", "finished", "seconds", "environment", "plan", "facts", "error", "note")
"""What a bundle tells of a run besides its question and its rows."""
SUFFIX = {"csv": "csv", "json": "json", "parquet": "parquet", "neurons": "txt", "bundle": "zip"}


class Exports:
    """Reads a run's results in the formats of other tools."""

    def __init__(self, runs: Runs, results: Results, jobs: Jobs, data: Datasets) -> None:
        self.runs, self.results, self.jobs, self.data = runs, results, jobs, data

    def export(self, number: int, form: str) -> bytes:
        """A run in a format of ``FORMATS``.

        Raises:
            BadInput: an unknown format.
        """
        if form not in FORMATS:
            raise BadInput(f"one of {', '.join(FORMATS)}", f"'{form}'", "Choose one of them.", "format")
        run = self.runs.get(number)
        if form == "bundle":
            return self.bundle(run)
        if form == "neurons":
            top = self.results.top(number, "top", 0, max(1, round(0.01 * int(run.facts.get("neurons", 100)))))
            return "".join(f"L{n.layer}.{n.kind}.{n.unit}\n" for n in top).encode()
        table = self._table(run)
        if form == "csv":
            return as_csv(list(table.columns), table.rows())
        if form == "parquet":
            return _as_parquet(table)
        rows = [list(row) for row in table.rows()]
        body = {"run": run.model_dump(mode="json"), "columns": list(table.columns), "rows": rows}
        return json.dumps(body, ensure_ascii=False).encode()

    def _table(self, run: Run) -> Table:
        return self._report(run).table()

    def _report(self, run: Run) -> Report[Any, Any]:
        kind = kind_of(run.spec.kind)
        reading = Reading(self.runs.inputs(run.id), self.results, self.jobs, self.data)
        return kind.reported(run, reading, kind.Look())

    def bundle(self, run: Run, *, page: bool = True) -> bytes:
        """A run with all that is stored of it, and its page for any browser unless told not to; :meth:`load_bundle`
        reads it anywhere."""
        rows: list[Row] = [*self.results.items(run.id), *self.results.settings(run.id)]
        for side in ("top", "bottom"):
            rows += self.results.top(run.id, side, 0, 2000)
        for ordinal, by_item in self.results.responses(run.id).items():
            for first, values in _stretches(by_item):
                rows.append(ResponseRow(ordinal, first, values))
        rows += self.results.arrays(run.id)
        inputs = {role: source.fingerprint for role, source in self.runs.inputs(run.id).items()}
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(RUN, json.dumps(run.model_dump(mode="json"), ensure_ascii=False, indent=1))
            archive.writestr(ROWS, "".join(json.dumps(packed(row), ensure_ascii=False) + "\n" for row in rows))
            archive.writestr(
                README, f"A run of Golgi: {run.title}\nInputs: {inputs}\nOpen it with: golgi import FILE\n"
            )
            if page:
                archive.writestr(PAGE, static_page(run, self._report(run)))
        return out.getvalue()

    def bring(self, file: BinaryIO) -> Run:
        """Store a bundled run that was sent.

        Raises:
            BadInput: too large, or as :meth:`load_bundle`. NotFound: a run that it was made from is not here.
        """
        data = file.read(MOST + 1)
        if len(data) > MOST:
            raise BadInput(f"a bundle of at most {MOST >> 20:,} MB", "more", "Use golgi import FILE.", "file")
        return self.load_bundle(data)

    def load_bundle(self, data: bytes, *, recorded: bool = False) -> Run:
        """Store a bundled run, unless its fingerprint is known. It is checked whole before, and kept whole or not at
        all; a recorded one, which a test has checked, is not read where it is known.

        Raises:
            BadInput: not a bundle, or what is wrong with it, by file and field.
            NotFound: a run that it was made from is not here.
        """
        with opened(data) as archive:
            run = run_of(archive.read(RUN, RUN_BYTES))
            known = self.runs.by_fingerprint(run.fingerprint)
            if known is not None and recorded:
                return self._renamed(self._dated(known, run), run.title)
            kind, question = asked(run)
            ranks, answers = ("ranking" in kind.gives, "answers" in kind.gives)
            rows = check(run, rows_of(archive.lines(ROWS)), ranks=ranks, answers=answers)
        if known is not None:
            return known
        values = {name: getattr(run, name) for name in BROUGHT}
        with self.runs.together():
            stored, new = self.runs.create(run.spec, run.title, kind.ask.text(question), recorded=recorded)
            if new:
                self.results.write(stored.id, rows)
                self.runs.change(stored.id, **values, state=run.state.value, warnings=list(run.warnings))
                if recorded:
                    self._renamed(stored, run.title)
                else:
                    self.runs.change(stored.id, imported=now())
                    self._tell(stored.id)
        return self.runs.get(stored.id)

    def _dated(self, known: Run, told: Run) -> Run:
        """A recorded run that is known, with the time of its making: older versions took that of the first start."""
        if known.recorded and known.created != told.created:
            self.runs.change(known.id, created=told.created, finished=told.finished)
        return self.runs.get(known.id)

    def _renamed(self, stored: Run, before: str) -> Run:
        """A recorded run under the name that its kind gives now, unless somebody has renamed it; its bundle stays."""
        if stored.recorded and stored.title == before:
            ask = kind_of(stored.spec.kind).ask
            title = ask.title(ask.Question.model_validate(stored.spec.settings), self.runs.inputs(stored.id))
            self.runs.change(stored.id, title=title or before)
        return self.runs.get(stored.id)

    def _tell(self, number: int) -> None:
        """See that all of a run that is being brought in can be told.

        Raises:
            BadInput: it cannot.
        """
        run = self.runs.get(number)
        try:
            _told(self._report(run))
        except GolgiError:
            if run.state is RunState.DONE:
                raise
        except Exception as error:
            raise fault(f"{RUN} and {ROWS}", "a run that can be told", f"{type(error).__name__}: {error}") from error


def _told(report: Report[Any, Any]) -> int:
    """Make every part of a report; how many rows its table has."""
    for name in ("view", "sentences", "figures", "paragraph", "citation", "about"):
        getattr(report, name)
    report.panels()
    return sum(1 for _ in report.table().rows())


def _stretches(by_item: Mapping[int, NDArray[np.float64]]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """First item and [C, Y] answers of every run of neighbouring items."""
    items = sorted(by_item)
    starts = [at for at, item in enumerate(items) if at == 0 or item != items[at - 1] + 1]
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        yield items[start], np.stack([by_item[item] for item in items[start:end]])


def as_csv(columns: list[str], rows: Iterator[tuple[Any, ...]]) -> bytes:
    """Comma-separated values; texts that a spreadsheet would run as a formula get a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in ("=", "+", "-", "@") else v for v in row])
    return out.getvalue().encode()


def _as_parquet(table: Table) -> bytes:
    columns = zip(table.columns, zip(*table.rows(), strict=True), strict=True)
    out = io.BytesIO()
    pq.write_table(pa.table({name: list(values) for name, values in columns}), out)
    return out.getvalue()
