"""Neurons that a run's page shows together, saved as a set."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.domain.set_rules import NeuronSet
from app.services.pages import Pages
from app.services.sets import Sets


class Keeping:
    """Saves what reports name."""

    def __init__(self, pages: Pages, sets: Sets) -> None:
        self.pages, self.sets = pages, sets

    def keep(self, number: int, of: str, look: Mapping[str, str], name: str = "") -> NeuronSet:
        """Save a group of a run's neurons.

        Args:
            number: the run. of: the group, as ``query:KEY`` or ``domain:NAME``.
            look: what of the run is looked at, see the kind's ``Look``.
            name: of the set; that of the group where it is left out.

        Raises:
            NotFound: the run has no such group. BadInput: a group without neurons.
        """
        report = self.pages.report(number, look)
        found = report.group(of)
        if not found.neurons:
            way = "Choose another group, or other thresholds."
            raise BadInput("a group with at least one neuron", f"none in {found.name}", way, "of")
        return self.sets.keep(report.run, name or found.name, found.neurons)
