"""The cross test: neurons found on one dataset, removed on another."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from app.domain.errors import NotFound
from app.domain.runs import Run, RunState
from app.figures import sets as figures
from app.figures.base import Figure
from app.kinds import kinds
from app.kinds.answers import Comparison
from app.kinds.words import signed
from app.services.pages import Pages


@dataclass(frozen=True)
class CrossView:
    """Effects of sets found on one dataset and measured on others: rows are rankings, columns datasets."""

    measure: str
    model: str
    models: tuple[str, ...]
    fraction: float
    fractions: tuple[float, ...]
    studies: tuple[Run, ...]
    cells: tuple[tuple[str, str, Comparison, int], ...]
    figure: Figure | None
    sentences: tuple[str, ...]


def cross_view(pages: Pages, measure: str = "nDCG@10", fraction: float = 0.0, model: str = "") -> CrossView:
    """The cross test over every finished study of a model (that of the newest study when none is named)."""
    everything = [
        run
        for kind in kinds().values()
        if "comparisons" in kind.gives
        for run in pages.runs.find(filters={"kind": kind.key}, limit=200)[0]
        if run.state is RunState.DONE and measure in run.facts.get("measures", ())
    ]
    models = tuple(dict.fromkeys(run.spec.model for run in everything))
    chosen_model = model if model in models else next(iter(models), "")
    studies = [run for run in everything if run.spec.model == chosen_model]
    views = []
    for run in studies:
        with suppress(NotFound):  # no query of the study has the measure
            report = pages.report(run.id, {"measure": measure})
            views.append((run, report.comparisons))
    fractions = sorted({round(row.fraction, 4) for _, comparisons in views for row in comparisons})
    at = min(fractions, key=lambda share: abs(share - (fraction or 0.01)), default=0.0)
    cells = [
        (row.name, run.spec.settings["evaluation"]["name"], row, run.id)
        for run, comparisons in reversed(views)
        for row in comparisons
        if round(row.fraction, 4) == at
    ]
    unique = {(row, column): (row, column, comparison, number) for row, column, comparison, number in cells}
    chosen = tuple(unique.values())
    figure = _figure(chosen, measure, at) if chosen else None
    sentences = _sentences(chosen)
    return CrossView(measure, chosen_model, models, at, tuple(fractions), tuple(studies), chosen, figure, sentences)


def _figure(cells: Sequence[tuple[str, str, Comparison, int]], measure: str, share: float) -> Figure:
    rows = list(dict.fromkeys(row for row, _, _, _ in cells))
    columns = list(dict.fromkeys(column for _, column, _, _ in cells))
    values = np.full((len(rows), len(columns)), np.nan)
    texts = [["" for _ in columns] for _ in rows]
    for row, column, comparison, _ in cells:
        at = (rows.index(row), columns.index(column))
        effect = comparison.random or comparison.intact
        values[at] = 0.0 if comparison.inside else effect.mean
        texts[at[0]][at[1]] = f"{signed(effect.mean)}" + (" (inside)" if comparison.inside else "")
    caption = f"top {100 * share:g} % · {measure} against matched random sets · inside: within their range"
    title = f"{measure}: found on (rows), removed on (columns)"
    return figures.matrix(rows, columns, values, texts, (title, f"change of {measure}", caption), signed=True)


def _sentences(cells: Sequence[tuple[str, str, Comparison, int]]) -> tuple[str, ...]:
    hurt = [
        comparison
        for _, _, comparison, _ in cells
        if comparison.random and comparison.random.holm < 0.05 and comparison.random.mean < 0
    ]
    inside = sum(comparison.inside for _, _, comparison, _ in cells)
    if not cells:
        return ()
    return (
        f"{len(hurt)} of {len(cells)} cells fall below their matched random sets (corrected p below 0.05); "
        f"{inside} lie inside the random band.",
    )
