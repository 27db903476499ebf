"""A run with everything stored of it, as one file that opens in another instance."""

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError

from app.domain.errors import BadInput, Conflict
from app.domain.results import ArrayRow, ItemRow, ResponseRow, Row, SettingRow, TopNeuron
from app.domain.runs import Run, RunSpec, RunState
from app.store.results import Results
from app.store.runs import Runs

LARGEST = 2 << 30
ENDS = 2000
KINDS: dict[str, Any] = {cls.__name__: cls for cls in (ArrayRow, ItemRow, ResponseRow, SettingRow, TopNeuron)}
ARRAYS = {"values": "<f4", "members": "<i4"}
ENDED = (RunState.DONE, RunState.PARTIAL)
README = """A run of Golgi: {title}
State: {state}. Inputs: {inputs}.
run.json holds the question, the plan and the circumstances; rows.jsonl the results, arrays as base64.
Open it with: golgi import FILE
"""


def packed_run(run: Run, runs: Runs, results: Results) -> bytes:
    """A run as a zip file; where its model lay on this machine is left out.

    Raises:
        Conflict: the run has not ended, or failed.
    """
    if run.state not in ENDED:
        raise Conflict("a run that has ended", f"run {run.id}, {run.state}", "Wait for it to finish.")
    inputs = {role: source.fingerprint for role, source in runs.inputs(run.id).items()}
    told = run.model_dump(mode="json")
    told["spec"]["source"] = ""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", json.dumps(told, ensure_ascii=False, indent=1))
        with archive.open("rows.jsonl", "w") as file:
            for row in _rows(run, results):
                file.write(json.dumps(_packed(row), ensure_ascii=False).encode() + b"\n")
        archive.writestr("README.txt", README.format(title=run.title, state=run.state, inputs=inputs or "none"))
    return out.getvalue()


def unpacked_run(data: bytes, runs: Runs, results: Results, *, recorded: bool) -> Run:
    """Store a bundled run, unless its fingerprint is known.

    Raises:
        BadInput: not a bundle, or a damaged one; nothing is stored then.
        NotFound: a run that it takes as input is not here.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                raise BadInput("a bundle of at most 2 GB", "a larger one", "Take the run's tables instead.", "file")
            told = Run.model_validate_json(archive.read("run.json"))
            _check(told)
            known = runs.by_fingerprint(told.fingerprint)
            if known is not None and known.state in ENDED:
                return known
            rows = [_unpacked(json.loads(line)) for line in archive.read("rows.jsonl").decode().splitlines() if line]
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, ValidationError, binascii.Error) as error:
        raise BadInput("a run bundle (.zip)", f"{type(error).__name__}", "Export the run again.", "file") from error
    return _stored(told, rows, runs, results, recorded)


def _check(told: Run) -> None:
    if told.spec.fingerprint != told.fingerprint or told.state not in ENDED:
        raise BadInput("the bundle of a run that has ended", "a changed or unfinished one", "Export it again.", "file")


def _stored(told: Run, rows: list[Row], runs: Runs, results: Results, recorded: bool) -> Run:
    spec = RunSpec.model_validate(told.spec.model_copy(update={"source": ""}))
    text = "\n".join([str(spec.settings.get("query", "")), *spec.settings.get("passages", ())])
    run, _ = runs.create(spec, told.title, text, recorded=recorded)
    results.write(run.id, rows)
    names = ("seconds", "environment", "plan", "facts", "note")
    values = {name: getattr(told, name) for name in names} | {"warnings": list(told.warnings)}
    runs.change(run.id, state=told.state.value, finished=told.finished, **values)
    return runs.get(run.id)


def _rows(run: Run, results: Results) -> Iterator[Row]:
    yield from results.items(run.id)
    yield from results.settings(run.id)
    for side in ("top", "bottom"):
        yield from results.top(run.id, side, 0, ENDS)
    for ordinal, by_item in results.responses(run.id).items():
        for item, values in by_item.items():
            yield ResponseRow(ordinal, item, values[None])
    if run.facts.get("n") and run.spec.kind == "explain":
        yield from _score_rows(results, run)


def _score_rows(results: Results, run: Run) -> Iterator[ArrayRow]:
    scores = results.scores(run.id)
    for site, where in scores.space.slices():
        place = (site.kind.value, site.layer, scores.n)
        for number, part in enumerate(scores.parts):
            yield ArrayRow("scores", "mean", part, *place, scores.mean[number, where])
        yield ArrayRow("scores", "se", "all", *place, scores.se[where])
        yield ArrayRow("scores", "positive", "all", *place, scores.positive[where])


def _packed(row: Row) -> dict[str, Any]:
    """A row as JSON; arrays in base64, float32 and int32 (answers in float64)."""
    found: dict[str, Any] = {"row": type(row).__name__}
    for name, value in vars(row).items():
        if isinstance(value, np.ndarray):
            kind = "<f8" if isinstance(row, ResponseRow) else ARRAYS[name]
            raw = base64.b64encode(np.ascontiguousarray(value, dtype=kind).tobytes()).decode()
            found[name] = {"dtype": kind, "shape": value.shape, "base64": raw}
        else:
            found[name] = value
    return found


def _unpacked(told: dict[str, Any]) -> Row:
    cls = KINDS[told.pop("row")]
    for name, value in told.items():
        if isinstance(value, dict) and "base64" in value:
            if value["dtype"] not in ("<f4", "<f8", "<i4"):
                raise ValueError(value["dtype"])
            raw = np.frombuffer(base64.b64decode(value["base64"]), dtype=value["dtype"]).reshape(value["shape"])
            told[name] = raw.astype(np.int64 if value["dtype"] == "<i4" else np.float64)
    row: Row = cls(**told)
    return row
