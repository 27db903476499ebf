"""How steady the sets of a search are: with a wording left out, and with half and twice the points (``qrnca.md``
section 16 tells why they may not be).

Axes: Q queries.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.analysis.agreement import set_jaccard
from app.analysis.stability import StabilityLine
from app.kinds.queries import Prompt, Sets

LEFT_OUT = "one wording left out"


def line_of(compared: str, values: Mapping[str, float], domains: Mapping[str, str], domain: str = "") -> StabilityLine:
    """A line of query to Jaccard, of one domain or of all."""
    chosen = [value for query, value in values.items() if domain in ("", domains[query]) and not np.isnan(value)]
    if not chosen:
        return StabilityLine(compared, domain, 0, float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(chosen, [0.25, 0.75])
    return StabilityLine(compared, domain, len(chosen), float(np.mean(chosen)), float(low), float(high))


def leaving_one_out(sets: Sets) -> dict[str, float]:
    """Query to the mean Jaccard of its set and the sets without one of its wordings; the pool is made anew each time,
    one wording of every query left out together. Queries of a single wording are left out."""
    several = [query for query, prompts in sets.prompts.items() if len(prompts) > 1]
    values: dict[str, list[float]] = {query: [] for query in several}
    for at in range(max((len(sets.prompts[query]) for query in several), default=0)):
        rest = Sets({q: _without(at, p) for q, p in sets.prompts.items()}, sets.domains, sets.space, sets.thresholds)
        for query in several:
            if at < len(sets.prompts[query]):
                values[query].append(set_jaccard(sets.relevant[query].neurons, rest.relevant[query].neurons))
    return {query: _mean(found) for query, found in values.items()}


def _without(at: int, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    return prompts if len(prompts) < 2 else [prompt for number, prompt in enumerate(prompts) if number != at]


def _mean(values: Sequence[float]) -> float:
    known: NDArray[np.float64] = np.asarray([value for value in values if not np.isnan(value)])
    return float(known.mean()) if len(known) else float("nan")


def between(first: Sets, second: Sets) -> dict[str, float]:
    """Query to the Jaccard of its two sets."""
    pairs = ((query, found.neurons, second.relevant[query].neurons) for query, found in first.relevant.items())
    return {query: set_jaccard(a, b) for query, a, b in pairs}


def stability(sets: Sets, steps: int, others: Mapping[int, Sets]) -> Iterator[StabilityLine]:
    """Lines of all domains together and of each, for wordings and for numbers of points.

    Args:
        sets: those of the search. steps: the points they were made with.
        others: other numbers of points to the sets made with them; empty where the search made none.
    """
    compared = {LEFT_OUT: leaving_one_out(sets)}
    made = dict(sorted({steps: sets, **others}.items()))
    points = list(made)
    for at, fewer in enumerate(points):
        for more in points[at + 1 :]:
            compared[f"m = {fewer} and {more}"] = between(made[fewer], made[more])
    for name, values in compared.items():
        for domain in ("", *dict.fromkeys(sets.domains.values())):
            yield line_of(name, values, sets.domains, domain)
