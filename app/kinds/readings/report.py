"""What is told of a read-out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from app.domain.counting import counted
from app.domain.read_outs import NORMED, PLAIN, Read, ReadOut
from app.domain.results import ItemRow
from app.domain.sites import NeuronIndex
from app.kinds.readings.question import ReadoutLook, ReadoutQuestion
from app.kinds.reporting import Report, Table


@dataclass(frozen=True)
class ReadoutView:
    """Every neuron with its tokens, as they are looked at; ``unit`` is that of the numbers."""

    settings: ReadoutQuestion
    look: ReadoutLook
    neurons: tuple[tuple[str, ReadOut], ...]
    unit: str
    missing: str


class ReadoutReport(Report[ReadoutQuestion, ReadoutLook]):
    """What is told of a read-out."""

    headings: ClassVar[Mapping[str, str]] = {"which": "The tokens of each neuron"}

    @cached_property
    def rows(self) -> dict[str, ItemRow]:
        """Neuron to what is stored of it."""
        return {str(row.notes["neuron"]): row for row in self.items}

    @property
    def view(self) -> ReadoutView:
        """What its template shows."""
        norm = self.look.norm
        read = tuple((name, found) for name in self.rows for found in (self._read(name, norm),) if found is not None)
        missing = next((str(row.notes["no_norm"]) for row in self.rows.values() if "no_norm" in row.notes), "")
        return ReadoutView(self.question, self.look, read, NORMED if norm == "with" else PLAIN, missing)

    def _read(self, neuron: str, norm: str) -> ReadOut | None:
        row = self.rows.get(neuron)
        if row is None or norm not in row.notes:
            return None
        raised, lowered = (tuple(Read(text, logit, share) for _, text, logit, share in end) for end in row.notes[norm])
        return ReadOut(self.run.id, NORMED if norm == "with" else PLAIN, raised, lowered)

    def read_outs(self, neuron: NeuronIndex) -> dict[str, ReadOut]:
        """The neuron's tokens without and with the final norm."""
        found = {norm: self._read(str(neuron), norm) for norm in ("without", "with")}
        return {norm: one for norm, one in found.items() if one is not None}

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the first neuron raises."""
        view = self.view
        if not view.neurons:
            return ("",)
        name, first = view.neurons[0]
        words = ", ".join(repr(one.text) for one in first.raised[:5])
        return (f"{counted(len(view.neurons), 'neuron')} read; {name} raises {words} most.",)

    @property
    def paragraph(self) -> str:
        """How it was made."""
        return (
            "Each neuron's column of the down-projection was multiplied by the unembedding: what one unit of its "
            "activation adds to the logit of every token straight from its block, without what the blocks above make "
            "of it; with the final norm, the logits and shares were the column alone the last block's output. A neuron "
            f"may be active below zero, where what it raises is lowered; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """There is nothing to cite."""
        return ""

    def table(self) -> Table:
        """A token of a neuron's end a row."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for name, row in self.rows.items():
                for norm in ("without", "with"):
                    for end, tokens in zip(("raised", "lowered"), row.notes.get(norm, ((), ())), strict=True):
                        for rank, (token, text, logit, share) in enumerate(tokens, start=1):
                            yield (name, norm, end, rank, token, text, logit, share)

        return Table(("neuron", "final norm", "end", "rank", "token", "text", "logit", "share"), rows)

    def lines(self) -> Iterator[str]:
        """A neuron a line."""
        for name, read in self.view.neurons[:20]:
            yield f"  {name:<14} raises {' '.join(repr(one.text) for one in read.raised[:8])}"
