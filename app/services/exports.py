"""Taking results away: CSV, JSON, Parquet, token tables, neuron lists, notebooks, and bundles that open elsewhere."""

import json
from collections.abc import Callable, Mapping

from app.domain.errors import BadInput, NotFound
from app.domain.runs import Run
from app.services.bundles import packed_run, unpacked_run
from app.services.notebook import notebook_of
from app.services.tables import as_csv, as_parquet, batches_of, rows_of, tokens_of
from app.store.results import Results
from app.store.runs import Runs

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
FORMATS |= {"neurons": "text/plain", "tokens": "text/csv"}
FORMATS |= {"notebook": "application/x-ipynb+json", "bundle": "application/zip"}
SUFFIX = {"csv": "csv", "json": "json", "parquet": "parquet", "neurons": "txt", "tokens": "tokens.csv"}
SUFFIX |= {"notebook": "ipynb", "bundle": "zip"}

__all__ = ["FORMATS", "SUFFIX", "Exports", "as_csv"]


class Exports:
    """Reads a run's results in the formats of other tools."""

    def __init__(self, runs: Runs, results: Results) -> None:
        self.runs, self.results = runs, results

    def export(self, number: int, form: str) -> bytes:
        """A run in a format of ``FORMATS``.

        Raises:
            BadInput: an unknown format.
            NotFound: the run has nothing in this format (yet).
        """
        if form not in FORMATS:
            raise BadInput(f"one of {', '.join(FORMATS)}", f"'{form}'", "Choose one of them.", "format")
        ways: Mapping[str, Callable[[Run], bytes]] = {
            "csv": lambda run: as_csv(*rows_of(batches_of(run, self.results))),
            "parquet": lambda run: as_parquet(batches_of(run, self.results)),
            "json": self._json,
            "neurons": self._neurons,
            "tokens": self._tokens,
            "notebook": lambda run: notebook_of(run, self._json(run)),
            "bundle": self.bundle,
        }
        return ways[form](self.runs.get(number))

    def _json(self, run: Run) -> bytes:
        columns, rows = rows_of(batches_of(run, self.results))
        body = {"run": run.model_dump(mode="json"), "columns": columns, "rows": [list(row) for row in rows]}
        return json.dumps(body, ensure_ascii=False).encode()

    def _neurons(self, run: Run) -> bytes:
        """The first 1 % of the ranking, one id a line."""
        _scored(run, "a list of neurons")
        count = max(1, round(0.01 * int(run.facts.get("neurons", 100))))
        top = self.results.top(run.id, "top", 0, count)
        return "".join(f"L{n.layer}.{n.kind}.{n.unit}\n" for n in top).encode()

    def _tokens(self, run: Run) -> bytes:
        _scored(run, "a table of tokens")
        return as_csv(*rows_of(tokens_of(self.results.items(run.id))))

    def bundle(self, run: Run) -> bytes:
        """A run with everything stored of it; :meth:`load_bundle` reads it back anywhere."""
        return packed_run(run, self.runs, self.results)

    def load_bundle(self, data: bytes, *, recorded: bool = False) -> Run:
        """Store a bundled run, unless its fingerprint is known.

        Raises:
            BadInput: not a bundle.
        """
        return unpacked_run(data, self.runs, self.results, recorded=recorded)


def _scored(run: Run, wanted: str) -> None:
    if run.spec.kind != "explain":
        raise NotFound(f"{wanted} of an explanation", f"run {run.id}, an ablation", "Export its source run.", "format")
