"""What is told of an edited model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from app.domain.counting import counted
from app.kinds.patch.question import PatchLook, PatchQuestion
from app.kinds.reporting import Report, Table


@dataclass(frozen=True)
class PatchView:
    """The folder that was written: its name, bytes and files; empty while it is not there yet."""

    settings: PatchQuestion
    folder: str
    bytes: int
    files: int


class PatchReport(Report[PatchQuestion, PatchLook]):
    """What is told of an edited model."""

    headings: ClassVar[Mapping[str, str]] = {"which": "Neurons that were changed"}

    @property
    def view(self) -> PatchView:
        """What its template shows."""
        for row in self.items:
            return PatchView(
                self.question, str(row.notes["folder"]), int(row.values["bytes"]), int(row.values["files"])
            )
        return PatchView(self.question, "", 0, 0)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was written."""
        view, asked = self.view, self.question
        if not view.folder:
            return ("",)
        done = {0.0: "switched off", 1.0: "as they were", 2.0: "doubled"}.get(asked.factor, f"times {asked.factor:g}")
        return (
            f"'{view.folder}' is {self.run.spec.model} with {counted(len(asked.neurons), 'neuron')} of {asked.sets} "
            f"{done} at every token: {counted(view.files, 'file')}, {view.bytes / 1e6:,.1f} MB.",
        )

    @property
    def paragraph(self) -> str:
        """How it was made."""
        return (
            "Each neuron's column of the down-projection was multiplied by the factor, which does what multiplying its "
            "activation does at all tokens; the bias and all other weights stayed. A scaled weight is rounded to the "
            "precision of its file."
        )

    @property
    def citation(self) -> str:
        """There is nothing to cite."""
        return ""

    def table(self) -> Table:
        """A neuron a row."""
        rows = tuple((neuron, self.question.factor) for neuron in self.question.neurons)
        return Table(("neuron", "factor"), lambda: iter(rows))
