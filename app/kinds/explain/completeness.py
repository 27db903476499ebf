"""How far the scores of an explanation add up, at every place that all paths cross."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.results import ItemRow
from app.kinds.explain.question import ExplainQuestion

Miss = tuple[float, float | None]
"""Remainder of one example at a place, and its share of the example's change."""


@dataclass(frozen=True)
class Completeness:
    """Sum of scores minus ΔF at a place that every path crosses, the largest over the run's examples.

    ``share`` is the largest remainder as a share of its example's ΔF, 0 to 1; None where ΔF is 0 in an example.
    ``above``: some example is above the tolerance (which is absolute where ΔF is 0).
    """

    site: str
    remainder: float
    share: float | None
    above: bool


def _share(miss: float, change: float) -> float | None:
    """Of the change between the ends of a path; None where there is none."""
    return abs(miss) / abs(change) if abs(change) > 1e-9 else None


def completeness_of(rows: Sequence[ItemRow], question: ExplainQuestion) -> tuple[Completeness, ...]:
    """Every place, with the largest remainder and share among the examples."""
    tolerance = float(question.params.get("tolerance", 0.01))
    by_site: dict[str, list[Miss]] = {}
    for row in rows:
        for site, miss in misses(row).items():
            by_site.setdefault(site, []).append(miss)
    return tuple(_largest(site, found, tolerance) for site, found in by_site.items())


def misses(row: ItemRow) -> dict[str, Miss]:
    """Place to the remainder of one example, and its share of its |ΔF| (None where ΔF is 0)."""
    whole, own = row.values["target"] - row.values["baseline"], row.notes.get("changes", {})
    residual = row.notes.get("residual", {})
    return {site: (miss, _share(miss, own.get(site, whole))) for site, miss in residual.items()}


def _largest(site: str, misses: Sequence[Miss], tolerance: float) -> Completeness:
    """What is told of a place, from the remainders of all examples."""
    above = any(abs(miss) > tolerance if share is None else share > tolerance for miss, share in misses)
    return Completeness(site, max((miss for miss, _ in misses), key=abs), worst([s for _, s in misses]), above)


def worst(shares: Sequence[float | None]) -> float | None:
    """The largest share; None where one is not known, or where there is none."""
    known = [share for share in shares if share is not None]
    return max(known) if known and len(known) == len(shares) else None
