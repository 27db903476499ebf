"""Queries as they are typed by hand: nothing is checked yet, so that nothing is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

MOST_QUERIES, MOST_WORDINGS = 100, 20
"""Of one draft; more come in as a file."""
OPTIONS = 4
USUAL_WORDINGS = 3
Given = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class DraftWording:
    """A row: a prompt, and what should follow it."""

    prompt: str = ""
    target: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was typed."""
        return not self.prompt.strip() and not self.target.strip()


@dataclass(frozen=True)
class DraftQuery:
    """A query: rows of wordings, or a question with options of which number ``right`` (from 0, as text) is right.

    ``choices`` says which of the two it is.
    """

    key: str = ""
    domain: str = ""
    choices: bool = False
    wordings: tuple[DraftWording, ...] = (DraftWording(),) * USUAL_WORDINGS
    question: str = ""
    options: tuple[str, ...] = ("",) * OPTIONS
    right: str = "0"

    @property
    def empty(self) -> bool:
        """Whether nothing of what is asked was typed."""
        if self.choices:
            return not self.question.strip() and not any(option.strip() for option in self.options)
        return all(row.empty for row in self.wordings)


@dataclass(frozen=True)
class Draft:
    """A set on its way: its name and where it comes from, the set that it goes on from (empty for none), the seed that
    shuffles options, as text, and its queries."""

    name: str = ""
    licence: str = ""
    source: str = ""
    base: str = ""
    seed: str = "0"
    queries: tuple[DraftQuery, ...] = (DraftQuery(),)

    def with_query(self, choices: bool) -> "Draft":
        """One more query, of the domain of the last one; none beyond :data:`MOST_QUERIES`."""
        domain = self.queries[-1].domain if self.queries else ""
        queries = (*self.queries, DraftQuery(domain=domain, choices=choices))
        return replace(self, queries=queries[:MOST_QUERIES])

    def without_query(self, at: int) -> "Draft":
        """Without a query."""
        return replace(self, queries=(*self.queries[:at], *self.queries[at + 1 :]))

    def with_wording(self, at: int) -> "Draft":
        """One more row of a query; none beyond :data:`MOST_WORDINGS`."""
        query = self.queries[at]
        return self._put(at, replace(query, wordings=(*query.wordings, DraftWording())[:MOST_WORDINGS]))

    def without_wording(self, at: int, row: int) -> "Draft":
        """Without a row of a query."""
        query = self.queries[at]
        return self._put(at, replace(query, wordings=(*query.wordings[:row], *query.wordings[row + 1 :])))

    def _put(self, at: int, query: DraftQuery) -> "Draft":
        return replace(self, queries=(*self.queries[:at], query, *self.queries[at + 1 :]))


def draft_of(given: Given) -> Draft:
    """What a form holds. Its queries stand in the order of ``n``, whose values end the names of their fields."""
    return Draft(
        name=_last(given, "name").strip(),
        licence=_last(given, "licence").strip(),
        source=_last(given, "source").strip(),
        base=_last(given, "base"),
        seed=_last(given, "seed").strip() or "0",
        queries=tuple(_query(given, number) for number in given.get("n", ())[:MOST_QUERIES]),
    )


def _query(given: Given, number: str) -> DraftQuery:
    prompts, targets = (given.get(f"{name}-{number}", ()) for name in ("prompt", "target"))
    rows = zip(prompts[:MOST_WORDINGS], targets[:MOST_WORDINGS], strict=False)
    options = (*given.get(f"option-{number}", ()), *("",) * OPTIONS)[:OPTIONS]
    return DraftQuery(
        key=_last(given, f"key-{number}").strip(),
        domain=_last(given, f"domain-{number}").strip(),
        choices=bool(_last(given, f"choices-{number}")),
        wordings=tuple(DraftWording(prompt.replace("\r\n", "\n"), target) for prompt, target in rows),
        question=_last(given, f"question-{number}").replace("\r\n", "\n"),
        options=options,
        right=_last(given, f"right-{number}") or "0",
    )


def _last(given: Given, name: str) -> str:
    texts = given.get(name)
    return texts[-1] if texts else ""
