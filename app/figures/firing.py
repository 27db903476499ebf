"""How often a neuron is how active, over the tokens of texts."""

from collections.abc import Sequence

from app.figures.base import NEGATIVE, POSITIVE, Figure, layout


def distribution(bars: Sequence[tuple[int, int]], width: float, neuron: str, caption: str) -> Figure:
    """Tokens by activation; bar b holds those from b to b + 1 times ``width``. The count is on a logarithmic axis."""
    starts = [bar * width for bar, _ in bars]
    counts = [count for _, count in bars]
    plot = {
        "data": [
            {
                "type": "bar",
                "x": [start + width / 2 for start in starts],
                "y": counts,
                "width": width,
                "marker": {"color": [POSITIVE if bar >= 0 else NEGATIVE for bar, _ in bars]},
                "customdata": [[start, start + width] for start in starts],
                "hovertemplate": "%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y} tokens<extra></extra>",
            }
        ],
        "layout": layout(f"activation of {neuron}", "tokens", 280, yaxis={"type": "log", "dtick": 1}),
    }
    rows = tuple((start, start + width, count) for start, count in zip(starts, counts, strict=True))
    return Figure("activation", "How active it is", caption, plot, ("from", "to", "tokens"), rows)
