"""The cross test: neurons found on one dataset, removed on another."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import numpy as np

from app.domain.counting import counted
from app.domain.errors import NotFound
from app.domain.runs import Run, RunState
from app.figures import sets as figures
from app.figures.base import Figure
from app.kinds import kinds
from app.kinds.answers import Comparison
from app.kinds.words import signed
from app.services.pages import Pages

Cell = tuple[str, str, Comparison, int]
"""Name of a ranking, dataset, the set against its random sets, number of the study."""
LEVEL, STAR = 0.05, "★"
COLUMNS = (
    "found on",
    "removed on",
    "against",
    "neurons",
    "change",
    "low",
    "high",
    "queries",
    "p (Holm)",
    "random band",
)


@dataclass(frozen=True)
class CrossView:
    """Effects of sets found on one dataset and measured on others: rows are rankings, columns datasets."""

    measure: str
    model: str
    models: tuple[str, ...]
    fraction: float
    fractions: tuple[float, ...]
    studies: tuple[Run, ...]
    cells: tuple[Cell, ...]
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


def _figure(cells: Sequence[Cell], measure: str, share: float) -> Figure:
    """The matrix; a hover tells a cell's interval, n and p, and a click leads to the set in its study."""
    rows = list(dict.fromkeys(row for row, _, _, _ in cells))
    columns = list(dict.fromkeys(column for _, column, _, _ in cells))
    values = np.full((len(rows), len(columns)), np.nan)
    texts, hovers = ([["" for _ in columns] for _ in rows] for _ in range(2))
    places: list[list[str | None]] = [[None for _ in columns] for _ in rows]
    for row, column, comparison, number in cells:
        i, j = rows.index(row), columns.index(column)
        effect = comparison.random or comparison.intact
        values[i, j] = 0.0 if comparison.inside else effect.mean
        texts[i][j] = f"{signed(effect.mean)}" + (" (inside)" if comparison.inside else f" {STAR}" * _sure(comparison))
        hovers[i][j] = _told(row, column, comparison)
        places[i][j] = f"{number}?{urlencode({'set': comparison.ordinal, 'measure': measure})}#curve"
    caption = (
        f"top {100 * share:g} % · {measure} against matched random sets · inside: within their range, drawn as 0 · "
        f"{STAR} corrected p below {LEVEL}, within each study · a click opens the curve"
    )
    title = f"{measure}: found on (rows), removed on (columns)"
    more = {"hovertext": hovers, "hovertemplate": "%{hovertext}<extra></extra>", "customdata": places}
    about = (title, f"change of {measure}", caption)
    drawn = figures.matrix(rows, columns, values, texts, about, signed=True, more=more)
    return replace(drawn, columns=COLUMNS, rows=tuple(_line(*cell[:3]) for cell in cells))


def _sure(comparison: Comparison) -> bool:
    """Whether it differs from its matched random sets."""
    return comparison.random is not None and comparison.random.holm < LEVEL


def _told(row: str, column: str, comparison: Comparison) -> str:
    """What a hover says of a cell."""
    effect = comparison.random or comparison.intact
    beside = "matched random sets" if comparison.random else "the intact model"
    band = "<br>inside the range of its random sets" if comparison.inside else ""
    return (
        f"{counted(comparison.count, 'neuron')} found on {row}<br>removed on {column}, n = {effect.n} queries<br>"
        f"{signed(effect.mean)} against {beside} ({signed(effect.low)} to {signed(effect.high)}, 95 % interval)<br>"
        f"corrected p = {effect.holm:.2g}{band}"
    )


def _line(row: str, column: str, comparison: Comparison) -> tuple[str | int | float, ...]:
    """A row of the table."""
    effect = comparison.random or comparison.intact
    beside = "random" if comparison.random else "intact"
    numbers = (comparison.count, effect.mean, effect.low, effect.high, effect.n, effect.holm)
    return (row, column, beside, *numbers, "inside" if comparison.inside else "outside")


def _sentences(cells: Sequence[Cell]) -> tuple[str, ...]:
    hurt = [
        comparison
        for _, _, comparison, _ in cells
        if _sure(comparison) and comparison.random and comparison.random.mean < 0
    ]
    inside = sum(comparison.inside for _, _, comparison, _ in cells)
    if not cells:
        return ()
    return (
        f"{len(hurt)} of {len(cells)} cells fall below their matched random sets (corrected p below {LEVEL}); "
        f"{inside} lie inside the random band.",
    )
