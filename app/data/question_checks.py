"""Validators of question sets (``qrnca.md`` section 3), each a line of the import report with its first examples."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.question_import import Finding, Placed
from app.domain.question_sets import LETTERS, QuestionQuery, Wording

SHOWN = 3
KEY = 200
KEPT = "kept"
OUT = "left out"


def checked(placed: Sequence[Placed]) -> tuple[tuple[QuestionQuery, ...], tuple[Finding, ...]]:
    """The queries that are kept, and what was found, in the order of the report."""
    left: dict[str, list[str]] = {title: [] for title in LEFT_OUT}
    kept: dict[str, QuestionQuery] = {}
    for one in placed:
        query = _whole(one, left)
        if query is None:
            continue
        if len(query.key) > KEY or not query.key.strip():
            left["keys that are empty or longer than 200 characters"].append(one.place)
        elif query.key in kept:
            left["duplicate keys"].append(f"{query.key} ({one.place})")
        else:
            kept[query.key] = query
    found = [Finding(title, len(at), tuple(at[:SHOWN]), LEFT_OUT[title]) for title, at in left.items()]
    queries = tuple(kept.values())
    for title, (test, done) in WARNED.items():
        keys = [query.key for query in queries if test(query)]
        found.append(Finding(title, len(keys), tuple(keys[:SHOWN]), done))
    same = _same(queries)
    found.append(Finding("duplicate queries", len(same), tuple(same[:SHOWN]), f"{KEPT}: other keys, the same prompts"))
    return queries, tuple(found)


def _whole(one: Placed, left: dict[str, list[str]]) -> QuestionQuery | None:
    """The query without wordings that cannot be asked; None where nothing of it stays."""
    wordings: list[Wording] = []
    for number, wording in enumerate(one.query.wordings, start=1):
        at = f"{one.query.key} ({one.place}, wording {number})"
        if not wording.prompt.strip():
            left["empty prompts"].append(at)
        elif not wording.target.strip():
            left["targets of no text"].append(at)
        else:
            wordings.append(wording)
    if not wordings:
        left["queries without a wording"].append(f"{one.query.key} ({one.place})")
        return None
    return replace(one.query, wordings=tuple(wordings))


def _same(queries: Sequence[QuestionQuery]) -> list[str]:
    """Keys of queries whose prompts and targets all stand in an earlier one."""
    seen: set[tuple[Wording, ...]] = set()
    again = []
    for query in queries:
        if query.wordings in seen:
            again.append(query.key)
        seen.add(query.wordings)
    return again


def _not_four(query: QuestionQuery) -> bool:
    return query.choices and any(len(set(wording.options)) != 4 for wording in query.wordings)


def _twice(query: QuestionQuery) -> bool:
    return any(len(set(wording.options)) < len(wording.options) for wording in query.wordings)


def _letters(query: QuestionQuery) -> set[str]:
    return {wording.target for wording in query.wordings}


def _one_letter(query: QuestionQuery) -> bool:
    return query.choices and len(query.wordings) > 1 and len(_letters(query)) == 1


def _few_letters(query: QuestionQuery) -> bool:
    return query.choices and len(_letters(query)) < 2


def _no_option(query: QuestionQuery) -> bool:
    return any(w.options and w.target not in LETTERS[: len(w.options)] for w in query.wordings)


def _blank(query: QuestionQuery) -> bool:
    return any(wording.prompt != wording.prompt.rstrip() for wording in query.wordings)


LEFT_OUT = {
    "empty prompts": OUT,
    "targets of no text": OUT,
    "queries without a wording": OUT,
    "keys that are empty or longer than 200 characters": OUT,
    "duplicate keys": f"{OUT}: the first one stays",
}
WARNED: dict[str, tuple[Callable[[QuestionQuery], bool], str]] = {
    "not exactly four distinct options": (_not_four, KEPT),
    "an option twice": (_twice, KEPT),
    "the right letter is the same in all wordings": (_one_letter, f"{KEPT}: neurons of the letter do not cancel"),
    "fewer than two letters a query": (_few_letters, KEPT),
    "a target that is no letter of the options": (_no_option, KEPT),
    "a prompt that ends with a blank": (_blank, f"{KEPT}: the blank usually belongs to the next token"),
    "queries with one wording": (lambda query: len(query.wordings) == 1, KEPT),
}
