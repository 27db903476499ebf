"""What is told of what a model would write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from app.domain.counting import counted
from app.domain.variants import WAYS
from app.figures.base import Figure
from app.kinds.reporting import Report, Table
from app.kinds.writes.question import WritesLook, WritesQuestion

LEAST, LEAST_MASS = 0.1, 0.5
"""Probability of an answer, and of all options together, below which they are hardly the model's own (``qrnca.md``
section 16)."""


@dataclass(frozen=True)
class TokenLine:
    """A likely token, its share 0 to 1; ``alone`` and ``behind`` are what to write so that a target, or the answer of a
    query, means it; empty where nothing does."""

    token: int
    text: str
    probability: float
    alone: str
    behind: str


@dataclass(frozen=True)
class WayLine:
    """A proposed answer read in one way: its tokens, and the share of the first of them, 0 to 1; None where it has
    none. ``single``: it is one token; ``fault`` says why not."""

    blank: str
    way: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    probability: float | None
    single: bool
    fault: str
    taken: bool


@dataclass(frozen=True)
class AnswerLine:
    """A proposed answer in every way; ``taken`` is what ``auto`` takes, in words, empty where no way is one token."""

    text: str
    ways: tuple[WayLine, ...]
    taken: str
    probability: float | None


@dataclass(frozen=True)
class PromptLine:
    """A prompt with what may follow it. ``together``: share of the listed tokens; ``cut``: tokens that did not fit."""

    number: int
    prompt: str
    likeliest: tuple[TokenLine, ...]
    together: float
    answers: tuple[AnswerLine, ...]
    cut: int


@dataclass(frozen=True)
class WritesView:
    """The result; empty while nothing is there yet."""

    settings: WritesQuestion
    sentence: str
    warnings: tuple[str, ...]
    prompts: tuple[PromptLine, ...]
    figures: Mapping[str, Figure]
    facts: Mapping[str, Any]


class WritesReport(Report[WritesQuestion, WritesLook]):
    """What is told of what a model would write."""

    headings: ClassVar[Mapping[str, str]] = {"words": "What it would write"}

    @cached_property
    def prompts(self) -> tuple[PromptLine, ...]:
        """Prompts as far as they were read."""
        return tuple(
            PromptLine(
                number=row.item + 1,
                prompt=self.question.prompts[row.item],
                likeliest=tuple(TokenLine(**line) for line in row.notes["likeliest"]),
                together=row.values["together"],
                answers=tuple(map(_answer, row.notes["answers"])),
                cut=int(row.notes["cut"]),
            )
            for row in self.items
        )

    @cached_property
    def view(self) -> WritesView:
        """Everything its page shows."""
        warnings, sentence = self.warnings, self.sentences[0]
        return WritesView(self.question, sentence, warnings, self.prompts, self.figures, self.run.facts)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it would write, and where the first answer stands."""
        return (self._sentence() if self.prompts else "",)

    def _sentence(self) -> str:
        first, several = self.prompts[0].likeliest[0], len(self.prompts) > 1
        lead = f"Behind the first of {counted(len(self.prompts), 'prompt')} the" if several else "The"
        told = f"{lead} likeliest next token is {first.text!r} with a probability of {first.probability:.3g}."
        for answer in self.prompts[0].answers[:1]:
            if answer.probability is None:
                return f"{told} {answer.text!r} is not one token."
            return f"{told} {answer.text!r}, {answer.taken}, has {answer.probability:.3g}."
        return told

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run says, and what is doubtful about prompts and answers."""
        return tuple(
            dict.fromkeys([*self.run.warnings, *(said for line in self.prompts for said in self._doubts(line))])
        )

    def _doubts(self, line: PromptLine) -> Iterator[str]:
        name = f"Prompt {line.number}" if len(self.question.prompts) > 1 else "The prompt"
        if line.prompt != line.prompt.rstrip():
            yield (
                f"{name} ends with a blank. Most vocabularies put the blank into the next token, so that the model is "
                "asked for a word that it would not begin here: leave the blank out."
            )
        if line.cut:
            yield f"{name} is longer than {self.question.max_length} tokens: its first {line.cut} were cut off."
        for answer in line.answers:
            if answer.probability is None:
                yield f"{answer.text!r} is not one token behind {name.lower()}, so that no target can be all of it."
        known = [answer.probability for answer in line.answers if answer.probability is not None]
        if self.question.options and len(known) == len(line.answers) and sum(known) < LEAST_MASS:
            yield (
                f"Behind {name.lower()} all options together have a probability of {sum(known):.2g}, below "
                f"{LEAST_MASS:g}: the model hardly answers with any of them."
            )
        elif known and not self.question.options and max(known) < LEAST:
            yield (
                f"Behind {name.lower()} no proposed answer has a probability of {LEAST:g} or more: scores of such a "
                "target explain a low probability."
            )

    @property
    def paragraph(self) -> str:
        """How the numbers were made."""
        return (
            "Probabilities are the softmax over the whole vocabulary at the place of the answer, from one unedited "
            f"pass a prompt; an answer of several tokens has that of its first one; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """There is nothing to cite."""
        return ""

    def table(self) -> Table:
        """A likely token, or a proposed answer in one way, a row."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for line in self.prompts:
                for rank, one in enumerate(line.likeliest, start=1):
                    yield (line.number, "likeliest", rank, one.text, "", str(one.token), 1, one.probability, "")
                for at, answer in enumerate(line.answers, start=1):
                    for way in answer.ways:
                        ids, count = " ".join(map(str, way.ids)), len(way.pieces)
                        yield (
                            line.number,
                            "answer",
                            at,
                            answer.text,
                            way.blank,
                            ids,
                            count,
                            way.probability,
                            way.taken,
                        )

        columns = ("prompt", "what", "rank", "text", "blank", "ids", "tokens", "probability", "taken")
        return Table(columns, rows)

    def lines(self) -> Iterator[str]:
        """Likely tokens and answers of every prompt."""
        for line in self.prompts:
            yield f"  {line.prompt[-60:]!r}"
            yield "    " + ", ".join(f"{one.text!r} ({one.token}) {one.probability:.3g}" for one in line.likeliest)
            for answer in line.answers:
                told = (
                    f"{answer.taken}, {answer.probability:.3g}" if answer.probability is not None else "not one token"
                )
                yield f"    {answer.text!r}: {told}"


def _answer(row: Mapping[str, Any]) -> AnswerLine:
    """A stored answer."""
    ways = tuple(
        WayLine(
            blank=way["blank"],
            way=WAYS[way["blank"]],
            ids=tuple(way["ids"]),
            pieces=tuple(way["pieces"]),
            probability=way["probability"],
            single=way["single"],
            fault=way["fault"],
            taken=way["blank"] == row["taken"],
        )
        for way in row["ways"]
    )
    taken = next((way for way in ways if way.taken), None)
    if taken is None:
        return AnswerLine(row["text"], ways, "", None)
    return AnswerLine(row["text"], ways, taken.way, taken.probability)
