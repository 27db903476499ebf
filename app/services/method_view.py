"""The page of a method: what it is, which models here it can serve, and where to try it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from app.kinds import kinds
from app.methods.base import methods
from app.models.tasks import tasks
from app.services.catalogue import Catalogue, MethodView

PROMPT = "The capital of France is"


@dataclass(frozen=True)
class Way:
    """A form that can ask with the method: key and question of its kind, and the query of a filled address."""

    kind: str
    heading: str
    query: str


@dataclass(frozen=True)
class MethodPage(MethodView):
    """``refused`` tells, of every model here that was loaded once, why it cannot be served; empty where it can."""

    refused: Mapping[str, str]
    ways: tuple[Way, ...]


def method_page(catalogue: Catalogue, key: str) -> MethodPage:
    """A method's page.

    Raises:
        NotFound: no such method.
    """
    view, method = catalogue.method(key), methods()[key]()
    cards = [catalogue.registry.card(info.slug) for info in catalogue.hosts.available()]
    refused = {card.slug: method.refuses(card) or "" for card in cards if card is not None}
    return MethodPage(**vars(view), refused=refused, ways=tuple(_ways(catalogue, view)))


def _ways(catalogue: Catalogue, view: MethodView) -> Iterator[Way]:
    """The forms that ask for a method among their first settings: of one input where it explains, then of a dataset."""
    for key, kind in sorted(kinds().items(), key=lambda pair: pair[1].takes("dataset")):
        asked = next((field for field in kind.ask.fields() if field.widget == "method" and not field.more), None)
        over_data = kind.takes("dataset")
        if kind.address and asked is not None and (over_data or not view.control):
            filled = {} if over_data else _example(catalogue, view)
            yield Way(key, kind.heading, urlencode({asked.name: view.key, **filled}))


def _example(catalogue: Catalogue, view: MethodView) -> dict[str, str]:
    """A prompt for a model here that reads one, where the method is made for prompts; else the demo pair."""
    usable = (info for info in catalogue.hosts.available() if not info.problem)
    reads = next((info.slug for info in usable if any(tasks()[key].form == "prompt" for key in info.tasks)), "")
    if view.of_prompts and reads:
        return {"model": reads, "form": "prompt", "query": PROMPT}
    return {"demo": "pair"}
