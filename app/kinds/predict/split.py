"""Which queries a search used, and which are new to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.query_sampling import QuerySample
from app.domain.question_sets import QuestionQuery
from app.kinds.predict.question import LEAST_FOUND
from app.kinds.queries import sampled


@dataclass(frozen=True)
class DomainSplit:
    """The queries of one domain by key; none is on both sides.

    Args:
        name: of the domain.
        found: those that the search used, in its order.
        new: the others, those that the search never looked at before those that it passed over.
        passed: of the new ones, those that the search looked at and left out, mostly as not known.
    """

    name: str
    found: tuple[str, ...]
    new: tuple[str, ...]
    passed: tuple[str, ...]

    @property
    def serves(self) -> bool:
        """Whether something can be learned on one side and tested on the other."""
        return len(self.found) >= LEAST_FOUND and bool(self.new)

    def stored(self) -> dict[str, Any]:
        """As a plan keeps it."""
        return asdict(self)


def split_of(stored: Mapping[str, Any]) -> DomainSplit:
    """A split as a plan keeps it."""
    return DomainSplit(stored["name"], *(tuple(stored[side]) for side in ("found", "new", "passed")))


def splits(
    sample: QuerySample, queries: Sequence[QuestionQuery], used: Sequence[str], seed: int
) -> Iterator[DomainSplit]:
    """One a domain of the search, in the order of the set.

    Args:
        sample: of the search. queries: the stored set's. used: keys that the search used.
        seed: of the order of the new ones.
    """
    known = set(used)
    order = sampled(sample.model_copy(update={"part": "all", "seed": seed}), queries)
    looked_at = _looked_at(sample, queries, known)
    for name in dict.fromkeys(query.domain for query in queries if query.key in known):
        domain = {query.key for query in queries if query.domain == name}
        rest = [query.key for query in order if query.domain == name and query.key not in known]
        passed = tuple(key for key in rest if key in looked_at)
        fresh = tuple(key for key in rest if key not in looked_at)
        yield DomainSplit(name, tuple(key for key in used if key in domain), fresh + passed, passed)


def _looked_at(sample: QuerySample, queries: Sequence[QuestionQuery], used: set[str]) -> set[str]:
    """Keys that the search came by: up to the last used one of a domain that was filled up, else all."""
    seen: set[str] = set()
    count: dict[str, int] = {}
    for query in sampled(sample, queries):
        if count.get(query.domain, 0) < sample.limit:
            seen.add(query.key)
            count[query.domain] = count.get(query.domain, 0) + (query.key in used)
    return seen
