"""What is told of neurons in texts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.domain.counting import counted
from app.domain.sites import NeuronIndex
from app.figures.base import Figure
from app.figures.firing import distribution
from app.kinds.activations.merged import NEURONS
from app.kinds.activations.question import PASSAGES, ActivationsLook, ActivationsQuestion
from app.kinds.firing import FiredClass, FiredWord, Firing, fired_text
from app.kinds.reporting import Report, Table

NAMES = {"peaks": "largest activation in a text", "means": "mean activation in a text"}


@dataclass(frozen=True)
class ActivationsView:
    """Every neuron by its numbers, and the chosen one with its texts; None while nothing is there yet."""

    settings: ActivationsQuestion
    look: ActivationsLook
    where: str
    neurons: tuple[Firing, ...]
    chosen: Firing | None


class ActivationsReport(Report[ActivationsQuestion, ActivationsLook]):
    """What is told of neurons in texts."""

    @cached_property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Neuron to what is stored of it."""
        stored = [row for row in self.items if row.label == NEURONS] if self.ready else []
        return {str(one["neuron"]): one for row in stored for one in row.notes["neurons"]}

    @property
    def where(self) -> str:
        """Which texts were read, in words."""
        asked, count = self.question, int(self.run.facts.get("n", 0))
        if asked.dataset:
            return f"{counted(count, 'text')} of {asked.dataset_name}, {PASSAGES[asked.passages]}"
        if asked.questions:
            return f"{counted(count, 'prompt')} of {asked.questions_name}"
        return counted(count, "pasted text")

    @cached_property
    def view(self) -> ActivationsView:
        """Everything its page shows."""
        chosen = self.look.neuron if self.look.neuron in self.rows else next(iter(self.rows), "")
        fired = tuple(self._firing(row, texts=False) for row in self.rows.values())
        found = self._firing(self.rows[chosen]) if chosen else None
        return ActivationsView(self.question, self.look, self.where, fired, found)

    def firing(self, neuron: NeuronIndex, texts: bool = True) -> Firing | None:
        """The neuron's texts and words."""
        row = self.rows.get(str(neuron))
        return None if row is None else self._firing(row, texts)

    def _firing(self, notes: Mapping[str, Any], texts: bool = True) -> Firing:
        """What is stored of a neuron, with or without its texts."""
        values = notes["values"]
        top = max(abs(values["high"]), abs(values["low"])) or 1.0
        name = str(notes["neuron"])
        return Firing(
            run=self.run.id,
            neuron=name,
            where=self.where,
            texts=int(values["texts"]),
            tokens=int(values["tokens"]),
            above=values["above"],
            mean=values["mean"],
            sd=values["sd"],
            high=values["high"],
            low=values["low"],
            strongest=tuple(fired_text(one, top, lowest=False) for one in notes["strongest"] if texts),
            weakest=tuple(fired_text(one, top, lowest=True) for one in notes["weakest"] if texts),
            words=tuple(FiredWord(*one) for one in notes["words"]),
            low_words=tuple(FiredWord(*one) for one in notes["low_words"]),
            least=int(notes["least"]),
            rare=int(notes["rare"]),
            classes=tuple(_class(NAMES[key], one) for key, one in notes["classes"].items()),
            figure=self._figure(notes, name),
        )

    def _figure(self, notes: Mapping[str, Any], name: str) -> Figure:
        bars = [(int(bar), int(count)) for bar, count in notes["bars"]]
        return distribution(
            bars, float(notes["width"]), name, f"run {self.run.id} · {self.run.spec.model} · {self.where}"
        )

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """The distribution of the chosen neuron."""
        chosen = self.view.chosen
        return {} if chosen is None else {"activation": lambda: chosen.figure}

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the chosen neuron does."""
        one = self.view.chosen
        if one is None:
            return ("",)
        told = f"{one.neuron} is above zero at {100 * one.above:.2g} % of {one.tokens:,} tokens of {self.where}."
        if one.words:
            words = ", ".join(f"“{word.text}”" for word in one.words[:5])
            told += f" Words with the largest mean: {words}."
        if one.auroc:
            value, low, high = one.auroc
            told += f" Its peak tells relevant passages from others with AUROC {value:.2f} ({low:.2f} to {high:.2f})."
        return (told,)

    @property
    def paragraph(self) -> str:
        """How it was made."""
        return (
            "The activation of each neuron was read at every token of the texts themselves; special tokens and words "
            "of templates were left out. A word's activation is the mean over its pieces, and its mean is over all of "
            "its occurrences, whatever their case. Texts are ranked by their largest and by their smallest activation. "
            "The AUROC is the probability that a relevant passage has the larger number, ties counted half; passages "
            f"without a judgement are of neither class; intervals redraw whole queries 1,000 times; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """There is nothing to cite."""
        return ""

    def table(self) -> Table:
        """A word of a neuron a row."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for name, row in self.rows.items():
                for end in ("words", "low_words"):
                    for rank, (word, mean, count) in enumerate(row[end], start=1):
                        yield (name, "largest" if end == "words" else "smallest", rank, word, mean, count)

        return Table(("neuron", "end", "rank", "word", "mean activation", "count"), rows)

    def lines(self) -> Iterator[str]:
        """A neuron a line, with its words."""
        for one in self.view.neurons[:20]:
            words = " ".join(repr(word.text) for word in one.words[:8])
            yield f"  {one.neuron:<14} above zero at {100 * one.above:.3g} %, at most {one.high:.4g}: {words}"


def _class(name: str, told: Mapping[str, Any]) -> FiredClass:
    """One number's classes, as stored."""
    estimates = {
        key: (float(told[key]["value"]), float(told[key]["low"]), float(told[key]["high"]))
        for key in ("relevant", "others", "difference", "auroc")
    }
    first, second = told["counts"]
    return FiredClass(name, (int(first), int(second)), int(told["unjudged"]), **estimates)
