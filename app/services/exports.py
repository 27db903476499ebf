"""Taking results away: CSV, JSON, Parquet, neuron lists, and bundles that open elsewhere."""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.results import ArrayRow, ItemRow, ResponseRow, Row, SettingRow, TopNeuron
from app.domain.runs import Run, RunSpec, RunState
from app.kinds import kind_of
from app.kinds.reporting import Reading, Table
from app.store.datasets import Datasets
from app.store.db import now
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.runs import Runs

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
FORMATS |= {"neurons": "text/plain", "bundle": "application/zip"}
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
        kind = kind_of(run.spec.kind)
        reading = Reading(self.runs.inputs(run.id), self.results, self.jobs, self.data)
        return kind.reported(run, reading, kind.Look()).table()

    def bundle(self, run: Run) -> bytes:
        """A run with everything stored of it; :meth:`load_bundle` reads it back anywhere."""
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
            archive.writestr("run.json", json.dumps(run.model_dump(mode="json"), ensure_ascii=False, indent=1))
            archive.writestr("rows.jsonl", "".join(json.dumps(_packed(row), ensure_ascii=False) + "\n" for row in rows))
            archive.writestr(
                "README.txt", f"A run of Golgi: {run.title}\nInputs: {inputs}\nOpen it with: golgi import FILE\n"
            )
        return out.getvalue()

    def load_bundle(self, data: bytes, *, recorded: bool = False) -> Run:
        """Store a bundled run, unless its fingerprint is known.

        Raises:
            BadInput: not a bundle.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                run_json = json.loads(archive.read("run.json"))
                spec, made = RunSpec.model_validate(run_json["spec"]), _made(run_json)
                known = self.runs.by_fingerprint(spec.fingerprint)
                lines = [] if known is not None else archive.read("rows.jsonl").decode().splitlines()
            rows = [_unpacked(json.loads(line)) for line in lines]
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise BadInput("a run bundle (.zip)", f"{type(error).__name__}", "Export the run again.", "file") from error
        kind = kind_of(spec.kind)
        text = kind.ask.text(kind.question(spec.settings))
        run, new = self.runs.create(spec, run_json["title"], text, recorded=recorded)
        if not new and recorded and run.recorded and run.created != made.get("created", run.created):
            self.runs.change(run.id, **made)  # stored by a version that took the time of the first start
        if new:
            self.results.write(run.id, rows)
            names = ("seconds", "environment", "plan", "facts", "warnings", "note")
            made |= {name: run_json[name] for name in names} | ({} if recorded else {"imported": now()})
            self.runs.change(run.id, state=RunState(run_json["state"]).value, **made)
        return self.runs.get(run.id)


def _made(run_json: Mapping[str, Any]) -> dict[str, Any]:
    """When a bundled run was made, as far as it tells, in UTC without a zone.

    Raises:
        ValueError: what it tells is no time.
    """
    told = {name: run_json.get(name) for name in ("created", "finished")}
    times = {name: datetime.fromisoformat(str(text)) for name, text in told.items() if text}
    return {name: time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time for name, time in times.items()}


def _stretches(by_item: Mapping[int, NDArray[np.float64]]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """First item and [C, Y] answers of every run of neighbouring items."""
    items = sorted(by_item)
    starts = [at for at, item in enumerate(items) if at == 0 or item != items[at - 1] + 1]
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        yield items[start], np.stack([by_item[item] for item in items[start:end]])


KINDS: dict[str, Any] = {cls.__name__: cls for cls in (ArrayRow, ItemRow, ResponseRow, SettingRow, TopNeuron)}
ARRAYS = {"values": "<f4", "members": "<i4"}


def _packed(row: Row) -> dict[str, Any]:
    """A row as JSON; arrays in base64, float32 and int32 (answers in float64)."""
    packed: dict[str, Any] = {"row": type(row).__name__}
    for name, value in vars(row).items():
        if isinstance(value, np.ndarray):
            kind = "<f8" if isinstance(row, ResponseRow) else ARRAYS[name]
            raw = base64.b64encode(np.ascontiguousarray(value, dtype=kind).tobytes()).decode()
            packed[name] = {"dtype": kind, "shape": value.shape, "base64": raw}
        else:
            packed[name] = value
    return packed


def _unpacked(packed: dict[str, Any]) -> Row:
    cls = KINDS[packed.pop("row")]
    for name, value in packed.items():
        if isinstance(value, dict) and "base64" in value:
            raw = np.frombuffer(base64.b64decode(value["base64"]), dtype=value["dtype"]).reshape(value["shape"])
            packed[name] = raw.astype(np.int64 if value["dtype"] == "<i4" else np.float64)
    row: Row = cls(**packed)
    return row


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
