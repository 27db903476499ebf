"""Queries by hand: a draft that is changed, looked at, and stored as a question set of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.data.question_drafts import BY_HAND, brought
from app.data.question_files import Brought
from app.domain.bounds import whole
from app.domain.errors import BadInput
from app.domain.question_drafts import Draft
from app.domain.question_import import QuestionImport, Reading
from app.domain.question_sets import QuestionQuery, QuestionSet
from app.forms.fields import validated
from app.store.question_sets import QuestionSets as QuestionStore


@dataclass(frozen=True)
class DraftView:
    """A draft with the sets that it can go on from; its queries and their report where it was looked at."""

    draft: Draft
    sets: tuple[QuestionSet, ...]
    queries: tuple[QuestionQuery, ...] = ()
    report: Mapping[str, Any] | None = None


class QuestionDrafts:
    """What the page of queries by hand asks."""

    def __init__(self, store: QuestionStore) -> None:
        self.store = store

    def view(self, draft: Draft) -> DraftView:
        """The draft as it stands."""
        return DraftView(draft, self.store.find())

    def begun(self, base: str) -> DraftView:
        """An empty draft, or one that goes on from a set.

        Raises:
            NotFound: there is no such set.
        """
        if not base:
            return self.view(Draft())
        known = self.store.question_set(base)
        return self.view(Draft(name=f"{known.name}-more"[:100], licence=known.licence, base=known.name))

    def looked(self, draft: Draft) -> DraftView:
        """The draft with its queries as they would be stored, and what was found in them.

        Raises:
            BadInput, NotFound: what is wrong, with the field's name.
        """
        found = self._brought(draft)
        own = [query for query in found.queries if query not in set(self._before(draft))]
        return DraftView(draft, self.store.find(), tuple(own), _report(draft, found))

    def changed(self, draft: Draft, action: str) -> Draft:
        """The draft after a button: a query or a row more or less.

        Raises:
            BadInput: a button that this page does not have.
        """
        name, *numbers = action.split(":")
        places = [int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 4]
        if name in ("add", "add-choice") and not numbers:
            return draft.with_query(name == "add-choice")
        if places and places[0] < len(draft.queries):
            if name == "drop" and len(places) == 1:
                return draft.without_query(places[0])
            if name == "add-wording" and len(places) == 1:
                return draft.with_wording(places[0])
            if name == "drop-wording" and len(places) == 2:
                return draft.without_wording(*places)
        raise BadInput("a button of this page", f"'{action[:60]}'", "Use the page's buttons.")

    def save(self, draft: Draft) -> QuestionSet:
        """Store a draft as a set of its own; the one that it goes on from stays as it is.

        Raises:
            BadInput, Conflict, NotFound: what is wrong, with the field's name.
        """
        about = {"name": draft.name, "licence": draft.licence, "source": draft.source}
        asked = validated(QuestionImport, about)
        self.store.free(asked.name)
        found = self._brought(draft)
        more = f"{draft.base}, and queries made by hand" if draft.base else "made by hand"
        source = asked.source or more
        return self.store.save(asked.name, found.queries, _report(draft, found), licence=asked.licence, source=source)

    def _before(self, draft: Draft) -> tuple[QuestionQuery, ...]:
        return self.store.queries(self.store.question_set(draft.base).id) if draft.base else ()

    def _brought(self, draft: Draft) -> Brought:
        return brought(draft, self._before(draft), whole("seed", draft.seed, 0, "Seed"))


def _report(draft: Draft, found: Brought) -> dict[str, Any]:
    """What is stored of how it was made."""
    report = found.report(Reading())
    shuffled = any(query.choices and not query.empty for query in draft.queries)
    return {**report, **({"seed": int(draft.seed)} if shuffled else {}), "layout": BY_HAND}
