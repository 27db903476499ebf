"""Queries of a search by turns of its domains, each with a partner that has another answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import BadInput
from app.domain.question_sets import QuestionQuery
from app.domain.seeded import place
from app.kinds.locators.question import LEAST


@dataclass(frozen=True)
class Pairs:
    """Query to its partner.

    Args:
        partner: key of a query to that of another one of its domain, with as many options and another right answer.
        alone: queries of the search that have none.
    """

    partner: Mapping[str, str]
    alone: tuple[str, ...]


def pairs(keys: Sequence[str], queries: Mapping[str, QuestionQuery], count: int, seed: int) -> Pairs:
    """At most ``count`` queries by turns of the domains, in the seed's order.

    Raises:
        BadInput: fewer than four have a partner.
    """
    partner = {key: _partner(key, keys, queries, seed) for key in keys}
    fitting = sorted((key for key in keys if partner[key]), key=lambda key: place(seed, key))
    turn: dict[str, int] = {}
    turns: dict[str, int] = {}
    for key in fitting:
        domain = queries[key].domain
        turns[key] = turn[domain] = turn.get(domain, 0) + 1
    chosen = sorted(fitting, key=lambda key: turns[key])[:count]
    if len(chosen) < LEAST:
        raise BadInput(
            f"at least {LEAST} queries with another one of their domain that has another answer",
            f"{len(fitting)} of {len(keys)}",
            "Search again over more queries a domain.",
            "run",
        )
    return Pairs({key: str(partner[key]) for key in chosen}, tuple(key for key in keys if not partner[key]))


def _partner(key: str, keys: Sequence[str], queries: Mapping[str, QuestionQuery], seed: int) -> str | None:
    own = queries[key]
    fitting = [other for other in keys if other != key and _fits(own, queries[other])]
    return min(fitting, key=lambda other: place(seed, key, other)) if fitting else None


def _fits(own: QuestionQuery, other: QuestionQuery) -> bool:
    first, second = own.wordings[0], other.wordings[0]
    alike = own.domain == other.domain and len(first.options) == len(second.options)
    return alike and first.target.casefold() != second.target.casefold()
