"""One neuron's scores over runs of several methods, on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.figures.base import NEGATIVE, NEUTRAL, POSITIVE, Figure, layout

ERRORS = 1.96


@dataclass(frozen=True)
class ScoredIn:
    """A neuron's score in one run: ``strongest`` is the largest magnitude of any score there; ``se`` its standard error
    over ``n`` examples, 0 for one example."""

    run: int
    title: str
    method: str
    score: float
    se: float
    n: int
    strongest: float


def scores(rows: Sequence[ScoredIn], neuron: str, caption: str) -> Figure:
    """Scores as shares of each run's strongest one, so that methods of different units stand side by side; with 95 %
    intervals (1.96 standard errors over examples) where a run has several examples."""
    names = [f"{row.method} · run {row.run}" for row in rows]
    shares = [row.score / row.strongest for row in rows]
    errors = [ERRORS * row.se / row.strongest if row.n > 1 else 0.0 for row in rows]
    reach = 1.1 * max(abs(share) + error for share, error in zip(shares, errors, strict=True)) or 1.0
    plot = {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": shares,
                "y": names,
                "error_x": {"type": "data", "array": errors, "thickness": 1.5, "width": 4, "color": NEUTRAL},
                "marker": {"size": 9, "color": [POSITIVE if share >= 0 else NEGATIVE for share in shares]},
                "customdata": [[row.score, row.n] for row in rows],
                "hovertemplate": "%{y}<br>score %{customdata[0]:.3g}, n = %{customdata[1]}, "
                "%{x:.3f} of the run's strongest<extra></extra>",
            }
        ],
        "layout": layout(
            "share of the run's strongest score",
            "",
            90 + 30 * len(rows),
            margin={"l": 8, "r": 24, "t": 12, "b": 52},
            xaxis={"zeroline": True, "range": [-reach, reach]},
            yaxis={"automargin": True, "autorange": "reversed", "type": "category"},
        ),
    }
    columns = ("run", "title", "method", "score", "standard error", "n", "share of the strongest")
    table = tuple(
        (f"run {row.run}", row.title, row.method, row.score, row.se, row.n, share)
        for row, share in zip(rows, shares, strict=True)
    )
    return Figure("scores", f"Scores of {neuron} by method", caption, plot, columns, table)
