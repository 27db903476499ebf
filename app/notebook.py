"""Stored runs in a notebook or a script: sentences, arrays, a table and figures.

``opened("golgi-run-1.zip").figures["layers"]`` draws the layers of a bundle; ``stored(7)`` reads the own database.
"""

import io
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.errors import BadInput
from app.domain.runs import Run
from app.domain.scores import NeuronScores
from app.figures.paper import drawn
from app.main import Golgi, build
from app.settings import Settings

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Opened:
    """A stored run.

    Args:
        record: specification, environment, facts.
        sentences: the result in words.
        table: the rows of its exports: a neuron each with its scores in the target's unit, or an answer each.
        scores: ``mean`` [P, N] over inputs, by part of the input and neuron; None for ablations and studies.
        figures: what its page draws, by name.
    """

    record: Run
    sentences: tuple[str, ...]
    table: pa.Table
    scores: NeuronScores | None
    figures: Mapping[str, "Figure"]


def opened(*sources: str | Path, token: str = "") -> Opened:
    """The last of these bundles, which are paths or addresses of another Golgi; what it was made from comes before it.

    Raises:
        BadInput: no source, or one that is no bundle.
        NotFound: a run that it was made from is missing.
        OSError: a path or address that cannot be read.
    """
    if not sources:
        raise BadInput("at least one bundle", "none", "Give the path of a run's bundle.", "sources")
    with tempfile.TemporaryDirectory() as folder:
        golgi = build(Settings(data_dir=Path(folder), offline=True), recorded=None)
        try:
            runs = [golgi.services.exports.load_bundle(_bytes(str(source), token)) for source in sources]
            return _read(golgi, runs[-1])
        finally:
            golgi.db.close()


def stored(key: str | int, settings: Settings | None = None) -> Opened:
    """A run of this machine's database, by number or fingerprint.

    Raises:
        NotFound: there is none.
    """
    golgi = build(settings or Settings(offline=True))
    try:
        return _read(golgi, golgi.find(str(key)))
    finally:
        golgi.db.close()


def _bytes(source: str, token: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(source, headers=headers), timeout=600) as answer:
        found: bytes = answer.read()
        return found


def _read(golgi: Golgi, run: Run) -> Opened:
    view = golgi.services.pages.run(run.id)
    return Opened(
        record=run,
        sentences=view.report.sentences,
        table=pq.read_table(io.BytesIO(golgi.services.exports.export(run.id, "parquet"))),
        scores=golgi.worker.results.scores(run.id) if view.ranks else None,
        figures={name: drawn(figure) for name, figure in view.report.figures.items()},
    )
