"""What the demo language model is made to know: facts in several wordings, and multiple-choice questions.

Read from ``questions/``. Of the five given wordings of a relation two are held out, of its own questions the last one,
and of every multiple-choice question four orders of its options, one for each place of the right one.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOME = Path(__file__).parent / "questions"
FACTS = Path(__file__).parent / "cloze_facts" / "facts.json"
HELD_OUT = (2, 4)
"""Places of the wordings, of the five that a relation has, that are never trained on."""
LETTERS = "ABCD"


@dataclass(frozen=True)
class Relation:
    """A kind of fact: wordings with ``{}`` where the subject goes, and the one-word answer of every subject.

    ``asks`` are questions for a choice among options, the last of them held out; ``more`` are facts that are trained on
    and not measured.
    """

    name: str
    domain: str
    trained: tuple[str, ...]
    held_out: tuple[str, ...]
    asks: tuple[str, ...]
    facts: Mapping[str, str]
    more: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """A question with four options. ``rivals`` are wrong answers to draw three different ones from, as often as each
    of them is right elsewhere; ``group`` is its subject or relation."""

    key: str
    group: str
    asks: tuple[str, ...]
    held_ask: str
    right: str
    rivals: tuple[str, ...]
    cloze: bool

    def drawn(self, draw: random.Random) -> tuple[str, ...]:
        """The four options in an order of chance; never one that is held out."""
        while True:
            options = [self.right, *_different(self.rivals, draw)]
            draw.shuffle(options)
            if tuple(options) not in held_orders(self):
                return tuple(options)


def _different(rivals: tuple[str, ...], draw: random.Random) -> list[str]:
    chosen: list[str] = []
    while len(chosen) < 3:
        rival = draw.choice(rivals)
        if rival not in chosen:
            chosen.append(rival)
    return chosen


@cache
def held_orders(question: Question) -> tuple[tuple[str, ...], ...]:
    """Four orders of options that are measured and never trained on: the right one is first, second, third, last."""
    draw = random.Random(question.key)
    orders = []
    for place in range(4):
        options = _different(question.rivals, draw)
        options.insert(place, question.right)
        orders.append(tuple(options))
    return tuple(orders)


@cache
def letter_wordings() -> Mapping[str, list[str]]:
    """Prompts that ask for a letter, whole and in parts."""
    told: dict[str, list[str]] = json.loads((HOME / "wordings.json").read_text("utf-8"))["letters"]
    return told


@cache
def relations() -> tuple[Relation, ...]:
    """Every relation of the cloze facts with its own paraphrases."""
    found = []
    written = json.loads((HOME / "wordings.json").read_text("utf-8"))["relations"]
    for name, told in json.loads(FACTS.read_text("utf-8")).items():
        own = written[name]
        given = told["templates"]
        held = tuple(given[place] for place in HELD_OUT)
        trained = tuple(text for text in given if text not in held) + tuple(own["cloze"])
        more = dict(own.get("more", {}))
        facts = {fact["subject"]: fact["object"] for fact in told["facts"]}
        found.append(Relation(name, told["domain"], trained, held, tuple(own["asks"]), facts, more))
    return tuple(found)


def fact_questions(extra: bool = False) -> tuple[Question, ...]:
    """The facts as multiple-choice questions, rivals from the same relation; ``extra``: also those not measured."""
    found = []
    for relation in relations():
        facts = {**relation.facts, **relation.more}
        for subject, answer in facts.items() if extra else relation.facts.items():
            asks = tuple(ask.format(subject) for ask in relation.asks)
            rivals = tuple(other for other in facts.values() if other != answer)
            key = f"{relation.name} of {subject}"
            found.append(Question(key, relation.name, asks[:-1], asks[-1], answer, rivals, cloze=True))
    return tuple(found)


def subject_questions() -> tuple[Question, ...]:
    """The questions of ``mcqa.jsonl``, each with its own three wrong options; one whose options repeat is left out."""
    found = []
    for line in (HOME / "mcqa.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        if len({told["right"], *told["wrong"]}) == 4:
            asks, wrong = (told["question"],), tuple(told["wrong"])
            found.append(Question(told["id"], told["subject"], asks, asks[0], told["right"], wrong, cloze=False))
    return tuple(found)
