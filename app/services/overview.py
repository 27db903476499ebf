"""What the pages of questions show: Measure, Neurons, Heads and Library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.results import TopNeuron
from app.domain.runs import Run
from app.domain.set_rules import NeuronSet
from app.domain.sites import PRESETS, SiteKind
from app.kinds import kinds
from app.kinds.base import Kind
from app.kinds.desk import Desk
from app.kinds.places import MEASURED, Place
from app.services.catalogue import Catalogue
from app.services.pages import rankings
from app.services.sets import Sets

RECENT = 6
"""So many rankings tell their strongest neurons."""
STRONGEST = 5
NAMED = 4
"""So many names stand on a card of the library."""
HEADS = frozenset(name for name, places in PRESETS.items() if SiteKind.HEAD in places)
"""Presets whose neurons are attention heads."""
RANKED = Place.INPUT.value
"""The entry of the navigation where one gets a ranking of neurons."""
WIDGETS = {
    "dataset": (("dataset", "datasets"),),
    "questions": (("question set", "questions"),),
    "rankings": (("finished ranking of neurons", RANKED), ("saved set of neurons", "sets")),
    "sets": (("saved set of neurons", "sets"),),
}
"""What a form chooses from, by the widget of its field: what each is called, and the entry or page where one gets it. A
form that takes rankings takes saved sets instead."""

SHELVES = (
    ("Models", "folders and GGUF files, their cards and self-checks", "model", "models"),
    ("Datasets", "queries with passages and judgements", "dataset", "datasets"),
    ("Question sets", "prompts with the text that should follow", "question set", "questions"),
    ("Methods", "what each computes, the identity it is tested on, and its limits", "method", "methods"),
)
"""Parts of the library: title, what it is, what one of it is called, and the route of its page."""


@dataclass(frozen=True)
class Need:
    """Something that a kind takes: what it is called, how many there are, and the route where one gets it."""

    noun: str
    count: int
    route: str


@dataclass(frozen=True)
class Card:
    """A kind on the page Measure; of each of its ``needs`` one is enough."""

    kind: Kind[Any, Any, Any]
    needs: tuple[tuple[Need, ...], ...]

    @property
    def ready(self) -> bool:
        """Whether it can be asked now."""
        return all(any(need.count for need in either) for either in self.needs)


@dataclass(frozen=True)
class MeasureView:
    """The page Measure: questions in order, each with the kinds that answer it."""

    questions: tuple[tuple[str, tuple[Card, ...]], ...]

    def twin(self) -> list[dict[str, Any]]:
        """The same for programs."""
        return [
            {"question": question, "kind": card.kind.key, "title": card.kind.heading, "needs": card.needs}
            for question, cards in self.questions
            for card in cards
        ]


@dataclass(frozen=True)
class Ranked:
    """A ranking with its strongest neurons, the largest score first."""

    run: Run
    top: tuple[TopNeuron, ...]


@dataclass(frozen=True)
class NeuronsView:
    """The page Neurons: models whose neurons can be looked up, saved sets with rules in words, recent rankings."""

    models: tuple[str, ...]
    sets: tuple[NeuronSet, ...]
    rules: Mapping[int, str]
    rankings: tuple[Ranked, ...]


@dataclass(frozen=True)
class HeadsView:
    """The page Heads: rankings whose neurons are attention heads, and saved sets of heads."""

    rankings: tuple[Ranked, ...]
    sets: tuple[NeuronSet, ...]
    rules: Mapping[int, str]


@dataclass(frozen=True)
class Shelf:
    """A part of the library: what it is, how many there are, the first of their names, and its page."""

    title: str
    about: str
    noun: str
    count: int
    names: tuple[str, ...]
    route: str


class Overview:
    """Reads what is stored for the pages of questions."""

    def __init__(self, desk: Desk, catalogue: Catalogue, sets: Sets) -> None:
        self.desk, self.catalogue, self.sets = desk, catalogue, sets

    def measure(self) -> MeasureView:
        """Questions about many inputs, and what each kind needs first."""
        have = {
            "datasets": len(self.desk.data.find()),
            "questions": len(self.desk.questions.find()),
            "sets": len(self.desk.sets.find()),
            RANKED: len(rankings(self.desk.runs)),
        }
        asked = [kind for kind in kinds().values() if kind.address]
        groups = ((place, tuple(self._card(kind, have) for kind in asked if kind.place is place)) for place in MEASURED)
        return MeasureView(tuple((place.value, cards) for place, cards in groups if cards))

    def _card(self, kind: Kind[Any, Any, Any], have: Mapping[str, int]) -> Card:
        taken = [widget for widget in WIDGETS if kind.takes(widget)]
        if "rankings" in taken:
            taken = [widget for widget in taken if widget != "sets"]
        needs = [tuple(Need(noun, have[route], route) for noun, route in WIDGETS[widget]) for widget in taken]
        if kind.reads:
            found = len(self.desk.finished(kind.reads))
            needs.append((Need(f"finished search for {kinds()[kind.reads].noun}", found, f"{kind.reads}_form"),))
        return Card(kind, tuple(needs))

    def neurons(self) -> NeuronsView:
        """Models whose neurons can be looked up, saved sets, and the strongest neurons of recent rankings."""
        at_hand = [model.info.slug for model in self.catalogue.models().models if not model.info.problem]
        models = tuple(dict.fromkeys((*at_hand, *self.desk.runs.values("model"))))
        recent = sorted(rankings(self.desk.runs), key=lambda run: run.created, reverse=True)[:RECENT]
        saved = self.sets.list()
        return NeuronsView(models, saved.sets, saved.rules, tuple(map(self._ranked, recent)))

    def heads(self) -> HeadsView:
        """Rankings of attention heads, the newest first, and saved sets of them."""
        ranked = [run for run in rankings(self.desk.runs) if preset_of(run) in HEADS]
        saved = self.sets.list()
        sets = tuple(found for found in saved.sets if found.preset in HEADS)
        newest = sorted(ranked, key=lambda run: run.created, reverse=True)
        return HeadsView(tuple(map(self._ranked, newest)), sets, saved.rules)

    def _ranked(self, run: Run) -> Ranked:
        return Ranked(run, self.desk.results.top(run.id, limit=STRONGEST))

    def library(self) -> tuple[Shelf, ...]:
        """What there is to ask with, and of what."""
        named = {
            "model": [model.info.slug for model in self.catalogue.models().models],
            "dataset": [dataset.name for dataset in self.desk.data.find()],
            "question set": [found.name for found in self.desk.questions.find()],
            "method": [method.title for method in self.catalogue.methods()],
        }
        return tuple(
            Shelf(title, about, noun, len(named[noun]), tuple(named[noun][:NAMED]), route)
            for title, about, noun, route in SHELVES
        )


def preset_of(run: Run) -> str:
    """What counts as a neuron in a run; empty where its kind does not say."""
    params = run.spec.settings.get("params")
    return str(params.get("preset", "")) if isinstance(params, Mapping) else ""
