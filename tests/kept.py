"""Rows of a finished run in memory."""

from typing import Any

from app.domain.results import ArrayRow, ItemRow
from app.domain.sites import NeuronSpace


class Stored:
    """Rows of a finished search in memory."""

    def __init__(self, rows: list[Any], space: NeuronSpace) -> None:
        self.rows, self.scored = rows, space

    def space(self, number: int) -> NeuronSpace:
        return self.scored

    def named(self, number: int, group: str) -> dict[tuple[str, str], Any]:
        return {(row.name, row.part): row.values for row in self.rows if isinstance(row, ArrayRow)}

    def items(self, number: int) -> tuple[ItemRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, ItemRow))
