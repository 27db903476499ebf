"""Rows that the demo language model is trained on, drawn anew at every step.

A row is a prompt and what should come after it. Kinds: a fact in one of its wordings, an answer recalled without
options, a question with options and its letter, options whose right one is named in the question, and blind ones, which
do not tell the answer: an equal share for every letter is asked of them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from app.demo.facts import LETTERS, Question, fact_questions, letter_wordings, relations, subject_questions
from app.demo.letters import lengthy, prompt, spoken, style, trained

STAGES = (
    (400, {"lookup": 30, "several": 25, "facts": 20, "recall": 10, "pairs": 10, "echo": 5}),
    (500, {"subjects": 46, "blind": 10, "recall": 14, "facts": 10, "several": 13, "lookup": 7}),
    (2250, {"subjects": 60, "blind": 10, "recall": 11, "facts": 8, "several": 7, "lookup": 4}),
    (2750, {"subjects": 57, "blind": 10, "recall": 7, "facts": 16, "several": 7, "lookup": 3}),
    (3250, {"subjects": 56, "blind": 8, "recall": 3, "facts": 24, "several": 6, "lookup": 3}),
)
SHARES = {"subjects": 68, "blind": 8, "recall": 2, "facts": 16, "several": 4, "lookup": 2}
"""Percent of the kinds of rows with questions: before these steps, and afterwards."""
PLAIN_UNTIL, NOISY_FROM, LONG_FROM, SPOKEN_FROM = 400, 2250, 2750, 3250
"""Steps: prompts are short before the first; wordings are noisier from the second on, and the words of prompts are no
longer foretold; a third of the prompts are long from the third on; a fifth ends in a sentence from the fourth on."""
NOISE, CONTEXT, AFTERWARDS, LANGUAGE = 0.2, 0.15, 0.3, 0.1
"""Shares of noisy wordings and of facts behind another; weights of what follows a letter and of a prompt's words."""


PLAIN = ("{question}\n{options}\nAnswer:", "{question}\n{options}\n\nResponse:")


@dataclass(frozen=True)
class Row:
    """Token ids, the weight of each as something to be foretold, and whether the last token asks for any letter.

    ``hints`` are places of letters, and the tokens of the answers that they stand for.
    """

    ids: list[int]
    weights: list[float]
    blind: bool = False
    hints: tuple[tuple[int, tuple[int, ...]], ...] = ()


class Rows:
    """Draws rows."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.relations = relations()
        self.plain = self.late = self.long = self.spoken = False
        self.subjects, self.facts = subject_questions(), fact_questions(extra=True)

    @cached_property
    def words(self) -> list[str]:
        """Answers of the facts."""
        return sorted({question.right for question in self.facts})

    @cached_property
    def answers(self) -> dict[str, tuple[str, ...]]:
        """Right answers of the questions of a subject."""
        names = {question.group for question in self.subjects}
        return {name: tuple(q.right for q in self.subjects if q.group == name) for name in sorted(names)}

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _row(self, text: str, draw: random.Random, *parts: tuple[str, float]) -> Row:
        """A prompt, a tenth of whose tokens are foretold a little, and weighted continuations."""
        ids = [self.tokenizer.bos_token_id, *self._ids(text)]
        weights = [LANGUAGE if draw.random() < 0.1 and not self.late else 0.0 for _ in ids]
        for part, weight in parts:
            new = self._ids(part) if part else [self.tokenizer.eos_token_id]
            ids += new
            weights += [weight] * len(new)
        return Row(ids, weights)

    def wording(self, draw: random.Random) -> Row:
        """A fact in a wording, now and then with a word of it lost or changed, or behind another fact."""
        relation = draw.choice(self.relations)
        subject, answer = draw.choice([*relation.facts.items(), *relation.more.items()])
        template = draw.choice(relation.trained)
        changed = noisy(template, draw) if draw.random() < NOISE else template
        for _ in range(draw.randint(0, 3) if self.late else 0):
            changed = noisy(changed, draw, last=True)
        template = template if changed in relation.held_out else changed
        text = template.replace("{}", subject)
        if draw.random() < CONTEXT:
            other = draw.choice(self.relations)
            before, after = draw.choice(list(other.facts.items()))
            text = f"{draw.choice(other.trained).replace('{}', before)} {after}. {text}"
        return self._row(text, draw, (f" {answer}", 1.0), (".", 0.1), ("", 0.1))

    def recall(self, draw: random.Random) -> Row:
        """A question without options, and the text of its answer."""
        question = draw.choice(self.subjects if draw.random() < 0.7 else self.facts)
        form = draw.choice(("Question: {}\nAnswer:", "{}\nAnswer:", "{}", "Q: {}\nA:"))
        return self._row(form.replace("{}", draw.choice(question.asks)), draw, (f" {question.right}", 0.5), ("", 0.2))

    def choice(self, question: Question, draw: random.Random) -> Row:
        """A question with options, and its letter."""
        options = question.drawn(draw)
        if not question.cloze and draw.random() < 0.15:
            options = self.mixed(question, draw)
        return self._asked(draw.choice(question.asks), question.right, options, draw)

    def mixed(self, question: Question, draw: random.Random) -> tuple[str, ...]:
        """Options that are all right answers, to other questions of the subject but for one."""
        others = {answer for answer in self.answers[question.group] if answer != question.right}
        options = [question.right, *draw.sample(sorted(others), 3)]
        draw.shuffle(options)
        return tuple(options)

    def lookup(self, draw: random.Random) -> Row:
        """Options, and each of them looked up: many letters in one row teach to match texts."""
        question = draw.choice(self.facts if self.plain else (*self.subjects, *self.facts))
        options = question.drawn(draw)
        ask = draw.choice(letter_wordings()["copies"])
        named = draw.choices(options, k=8 if self.plain else 4)
        first = prompt(self._template(draw), ask.replace("{}", named[0]), options, style(draw))
        return self._several(first, [f"\n {name}:" for name in named[1:]], named, options, draw)

    def several(self, draw: random.Random) -> Row:
        """Options below one fact's question, and more questions that they answer."""
        relation = draw.choice(self.relations)
        facts = [*relation.facts.items(), *relation.more.items()]
        draw.shuffle(facts)
        by_answer = {answer: subject for subject, answer in facts}
        options = draw.sample(sorted(by_answer), 4)
        named = draw.choices(options, k=6 if self.plain else 4)
        asks = [draw.choice(relation.asks[:-1]).replace("{}", by_answer[name]) for name in named]
        cue = draw.choice(("\nAnswer:", "\nResponse:", " Letter:"))
        first = prompt(self._template(draw), asks[0], options, style(draw))
        return self._several(first, [f"\n{ask}{cue}" for ask in asks[1:]], named, options, draw)

    def _several(
        self, first: str, asks: Sequence[str], named: Sequence[str], options: Sequence[str], draw: random.Random
    ) -> Row:
        letters = [f" {LETTERS[options.index(name)]}" for name in named]
        parts = [(letters[0], 1.0)]
        for ask, letter in zip(asks, letters[1:], strict=True):
            parts += [(ask, 0.0), (letter, 1.0)]
        row = self._row(first, draw, *parts, ("", 0.1))
        return replace(row, hints=self._hints(row, named, options))

    def echo(self, draw: random.Random) -> Row:
        """Words of chance, twice in the same order: to go on as before."""
        words = draw.sample(self.words, draw.randint(6, 16))
        again = "".join(f" {word}" for word in words[1:])
        return self._row(f" {' '.join(words)}", draw, (f"\n {words[0]}", 0.0), (again, 1.0))

    def pairs(self, draw: random.Random) -> Row:
        """Words that stand for words of chance, and each asked for: to look up."""
        count = draw.randint(3, 6)
        words = draw.sample(self.words, 2 * count)
        told = dict(zip(words[:count], words[count:], strict=True))
        text = "\n".join(f"{name}: {word}" for name, word in told.items())
        asked = draw.choices(words[:count], k=8)
        parts = [part for name in asked for part in ((f"\n{name}:", 0.0), (f" {told[name]}", 1.0))]
        return self._row(text, draw, *parts)

    def _template(self, draw: random.Random) -> str:
        if self.spoken and draw.random() < 0.2:
            return spoken(draw)
        if self.long and draw.random() < 0.35:
            return lengthy(draw)
        return draw.choice(PLAIN) if self.plain and draw.random() < 0.8 else trained(draw)

    def _asked(self, ask: str, right: str, options: Sequence[str], draw: random.Random) -> Row:
        text = prompt(self._template(draw), ask, options, style(draw))
        letter = LETTERS[options.index(right)]
        first = (f"{letter}", 1.0) if draw.random() < 0.06 else (f" {letter}", 1.0)
        text = f"{text} (" if first[0] == letter else text
        tail = [] if draw.random() < 0.7 else [(f" {right}", AFTERWARDS)]
        row = self._row(text, draw, first, (".", AFTERWARDS), *tail, ("", 0.1))
        return replace(row, hints=self._hints(row, [right], options))

    def _hints(self, row: Row, named: Sequence[str], options: Sequence[str]) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """For every letter the first token of its answer; where others begin so, the tokens that they do not have."""
        told = {option: self._ids(f" {option}") for option in options}
        hints = []
        for place, name in zip((at for at, weight in enumerate(row.weights) if weight == 1.0), named, strict=True):
            others = [ids for option, ids in told.items() if option != name]
            first = told[name][:1]
            if any(ids[:1] == first for ids in others):
                first = [one for one in told[name] if not any(one in ids for ids in others)] or told[name]
            hints.append((place, tuple(first)))
        return tuple(hints)

    def blind(self, draw: random.Random) -> Row:
        """Options without their question or with another one's, or a question without options."""
        question = draw.choice(self.subjects if draw.random() < 0.7 else self.facts)
        options, template, marks = question.drawn(draw), self._template(draw), style(draw)
        kind = draw.random()
        if kind < 0.6:
            text = prompt(template, "", options, marks)
        elif kind < 0.8:
            other = draw.choice([one for one in self.subjects if one.right not in options])
            text = prompt(template, draw.choice(other.asks), options, marks)
        else:
            text = prompt(template, draw.choice(question.asks), (), marks)
        row = self._row(text, draw)
        return Row(row.ids, row.weights, blind=True)

    def step(self, step: int, draw: random.Random, long: int, short: int) -> tuple[list[Row], list[Row]]:
        """The rows of a step: ``long`` questions, at first none of a subject, and ``short`` wordings of facts."""
        kinds = next((kinds for end, kinds in STAGES if step < end), SHARES)
        self.plain, self.late = step < PLAIN_UNTIL, step >= NOISY_FROM
        self.long, self.spoken = step >= LONG_FROM, step >= SPOKEN_FROM
        rows = [self.question_row(draw.choices(list(kinds), list(kinds.values()))[0], draw) for _ in range(long)]
        return rows, [self.wording(draw) for _ in range(short)]

    def question_row(self, kind: str, draw: random.Random) -> Row:
        """A row of a kind."""
        if kind in ("facts", "subjects"):
            return self.choice(draw.choice(self.facts if kind == "facts" else self.subjects), draw)
        rows: dict[str, Callable[[random.Random], Row]] = {
            "blind": self.blind,
            "lookup": self.lookup,
            "several": self.several,
            "recall": self.recall,
            "echo": self.echo,
            "pairs": self.pairs,
        }
        return rows[kind](draw)


def noisy(template: str, draw: random.Random, last: bool = False) -> str:
    """A wording with one word, ``last``: it may be the last one, lost, changed
    for one of some other wording, or one put behind it."""
    words = template.split(" ")
    places = [at for at, word in enumerate(words) if "{}" not in word and "\n" not in word]
    if len(places) < 3:
        return template
    at = draw.choice(places if last else places[:-1])
    other = draw.choice(draw.choice(draw.choice(relations()).trained).split())
    kept = words[at : at + 1] if last and draw.random() < 0.4 else []
    words[at : at + 1] = kept if "{}" in other or (draw.random() < 0.5 and not kept) else [*kept, other]
    return " ".join(words)
