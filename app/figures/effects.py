"""Figures of scaled neurons: how far each set moves answers."""

from collections.abc import Sequence

from app.figures.base import NEGATIVE, NEUTRAL, POSITIVE, Figure, layout


def changes(
    rows: Sequence[tuple[str, float, float, float, float | None, float | None]], what: str, caption: str
) -> Figure:
    """Points with intervals: what each set does to its own query's answer, to the domain's, and to other domains'.

    Args:
        rows: set, mean relative change of the own answer with its interval, of the same domain, of other domains.
        what: what was done, in words. caption: run and n.
    """
    names = [row[0] for row in rows]
    own = {
        "type": "scatter",
        "mode": "markers",
        "name": "own answer",
        "x": [row[1] for row in rows],
        "y": names,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row[3] - row[1] for row in rows],
            "arrayminus": [row[1] - row[2] for row in rows],
        },
        "marker": {"color": POSITIVE, "size": 10},
        "hovertemplate": "%{y}: %{x:+.1%}<extra>own answer</extra>",
    }
    others = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row[at] for row in rows],
            "y": names,
            "marker": {"color": colour, "size": 9, "symbol": symbol},
            "hovertemplate": "%{y}: %{x:+.1%}<extra>" + name + "</extra>",
        }
        for name, at, colour, symbol in (
            ("same domain", 4, NEGATIVE, "diamond-open"),
            ("other domain", 5, NEUTRAL, "circle-open"),
        )
        if any(row[at] is not None for row in rows)
    ]
    plot = {
        "data": [own, *others],
        "layout": layout(
            f"relative change of the right token's probability, {what}",
            "",
            height=140 + 40 * len(rows),
            showlegend=True,
            xaxis={"tickformat": "+.0%", "zeroline": True},
            yaxis={"type": "category", "automargin": True, "autorange": "reversed"},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
    }
    columns = ("set", "own", "low", "high", "same domain", "other domain")
    return Figure("changes", "What each set moves", caption, plot, columns, tuple(rows))
