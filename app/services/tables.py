"""Stored results as columns, a batch of rows at a time, and columns as files of other tools."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.results import ItemRow
from app.domain.runs import Run
from app.store.results import Results

Batch = dict[str, list[Any]]
RISKY = ("=", "+", "-", "@")
ANSWERS = ("target", "score", "probability")


def batches_of(run: Run, results: Results) -> Iterator[Batch]:
    """A run's rows: one per neuron and batch per site, or one per setting and input. The first batch is empty and
    names the columns.

    Raises:
        NotFound: the run has no results yet.
    """
    return _answers(run, results) if run.spec.kind == "ablate" else _scores(run, results)


def _scores(run: Run, results: Results) -> Iterator[Batch]:
    scores = results.scores(run.id)
    names = ("neuron", "layer", "kind", "unit", *scores.parts, "se", "positive_share")
    yield {name: [] for name in names}
    for site, where in scores.space.slices():
        kind, units = site.kind.value, list(range(where.stop - where.start))
        yield {
            "neuron": [f"L{site.layer}.{kind}.{unit}" for unit in units],
            "layer": [site.layer] * len(units),
            "kind": [kind] * len(units),
            "unit": units,
            **{part: values[where].tolist() for part, values in zip(scores.parts, scores.mean, strict=True)},
            "se": scores.se[where].tolist(),
            "positive_share": scores.positive[where].tolist(),
        }


def _answers(run: Run, results: Results) -> Iterator[Batch]:
    outputs = tuple(run.facts.get("outputs", ANSWERS))
    about = ("axis", "count", "op", "amount")
    names = ("setting", "axis", "family", "seed", "count", "op", "amount", "item", *outputs)
    answers = results.responses(run.id)
    yield {name: [] for name in names}
    for setting in results.settings(run.id):
        found = sorted(answers.get(setting.ordinal, {}).items())
        same = {"setting": setting.text, "family": setting.family, "seed": setting.seed}
        same |= {name: setting.about[name] for name in about}
        numbers = np.asarray([values for _, values in found], dtype=np.float64).reshape(len(found), len(outputs))
        columns: Batch = {name: [same[name]] * len(found) for name in names if name in same}
        columns["item"] = [item for item, _ in found]
        yield {name: columns.get(name) or numbers[:, outputs.index(name)].tolist() for name in names} if found else {}


def tokens_of(items: Iterable[ItemRow]) -> Iterator[Batch]:
    """Token relevance: one row per token, a batch per input; ``score`` in the target's unit."""
    names = ("text", "segment", "word", "start", "end", "score")
    yield {name: [] for name in ("item", "position", *names)}
    for item in items:
        places = {"item": [item.item] * len(item.tokens), "position": list(range(len(item.tokens)))}
        yield places | {name: [token[name] for token in item.tokens] for name in names}


def rows_of(batches: Iterable[Batch]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Column names, and the rows one by one."""
    rest = iter(batches)
    return list(next(rest)), (row for batch in rest for row in zip(*batch.values(), strict=True))


def as_csv(columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Comma-separated values; texts that a spreadsheet would run as a formula get a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in RISKY else v for v in row])
    return out.getvalue().encode()


WHOLE = ("layer", "unit", "seed", "count", "item")
WORDS = ("neuron", "kind", "setting", "axis", "family", "op")


def as_parquet(batches: Iterable[Batch]) -> bytes:
    """A Parquet file, a row group per batch, so that a large run is never there as one table of Python objects."""
    rest = iter(batches)
    kinds = {name: pa.int64() for name in WHOLE} | {name: pa.string() for name in WORDS}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in next(rest)])
    out = io.BytesIO()
    with pq.ParquetWriter(out, schema) as writer:
        for batch in rest:
            if batch:
                writer.write_batch(pa.RecordBatch.from_pydict(batch, schema=schema))
    return out.getvalue()
