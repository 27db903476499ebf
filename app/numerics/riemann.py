"""Points and weights of a Riemann sum from 0 to 1 (``qrnca.md`` section 4)."""

from typing import Literal

Points = Literal["right", "code", "midpoint"]


def riemann(intervals: int, points: Points) -> tuple[tuple[float, float], ...]:
    """[m] (position, weight) of each point; weights are 1/m.

    ``right`` takes k/m for k from 1 to m, the printed rule. ``code`` takes m points from 0 to 1 with both ends, as the
    released code does, which is no Riemann rule. ``midpoint`` takes (k - 1/2)/m; its error falls with the square of m.

    Args:
        intervals: m, at least 1; at least 2 for ``code``.
        points: where the points lie.
    """
    weight = 1 / intervals
    at = {
        "right": lambda k: (k + 1) / intervals,
        "code": lambda k: k / max(1, intervals - 1),
        "midpoint": lambda k: (k + 0.5) / intervals,
    }[points]
    return tuple((at(k), weight) for k in range(intervals))
