"""Navigation by question: which entry leads where, which pages lie behind it, and the tabs of Explain."""

from dataclasses import dataclass
from functools import cache

from fastapi import Request

from app.kinds import kinds
from app.kinds.places import MEASURED, Place, Tab
from app.services.forms import FormView


@dataclass(frozen=True)
class Entry:
    """An entry: its route, its name for the keyboard, its title, and the first parts of the addresses behind it."""

    route: str
    name: str
    title: str
    behind: frozenset[str]


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry in order; the forms of kinds lie behind the question that they answer."""
    first = tabs()[0]
    return (
        Entry(f"{first[0]}_form", first[0], "Explain", _asked(Place.INPUT)),
        Entry("measure", "measure", "Measure", _asked(*MEASURED) | {"measure"}),
        Entry("compare", "compare", "Compare", frozenset({"compare", "cross"})),
        Entry("neurons", "neurons", "Neurons", _asked(Place.NEURON) | {"neurons", "sets"}),
        Entry("heads", "heads", "Heads", frozenset({"heads"})),
        Entry("library", "library", "Library", LIBRARY),
    )


LIBRARY = frozenset({"library", "models", "datasets", "uploads", "questions", "question-uploads", "methods"})


@cache
def tabs() -> tuple[tuple[str, Tab], ...]:
    """Kinds of input under Explain: key of the kind that asks, and the tab."""
    named = [(kind.key, tab) for kind in kinds().values() for tab in kind.tabs]
    return tuple(sorted(named, key=lambda pair: (pair[1].order, pair[0])))


def _asked(*places: Place) -> frozenset[str]:
    known = (kind for kind in kinds().values() if kind.place in places and kind.address)
    return frozenset(kind.address.strip("/").split("/")[0] for kind in known)


def standing(request: Request) -> str:
    """The first part of a page's address, whatever prefix a proxy has; empty for the first page."""
    root = request.url_for("home").path
    path = request.url.path
    return (path[len(root) :] if path.startswith(root) else path.lstrip("/")).split("/")[0].split(".")[0]


def is_current(tab: Tab, view: FormView) -> bool:
    """Whether a form of the tab's kind stands under it."""
    return tab.form in ("", view.form) and tab.reads in ("", view.reading.first)


def keeps_text(key: str, tab: Tab, view: FormView) -> bool:
    """Whether the model of an open form reads the tab's kind of input, so that what was typed can stay."""
    return key == view.kind.key and tab.form in view.forms and tab.reads in ("", view.reading.first)
