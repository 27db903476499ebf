"""Where a kind of run is asked: behind which question of the navigation, and under which tab."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode


class Place(StrEnum):
    """The question that a kind answers. ``INPUT``: why one input gets its answer, under Explain. The next four are the
    questions of the page Measure, in its order. ``NEURON``: what given neurons are, on the page Neurons. ``RUN``: it is
    asked on the page of another run."""

    INPUT = "input"
    WHICH = "Which neurons matter?"
    WHETHER = "Do they matter?"
    MUCH = "How much does each one do?"
    ABLE = "Can they predict or control?"
    NEURON = "neuron"
    RUN = "run"


MEASURED = (Place.WHICH, Place.WHETHER, Place.MUCH, Place.ABLE)
"""Questions about many inputs, in the order of the page Measure."""


@dataclass(frozen=True)
class Tab:
    """A kind of input, as a tab under Explain.

    Args:
        order: lower ones stand first. title: what the input is.
        form: ``pair``, ``ranking`` or ``prompt``; empty where the kind takes one form only.
        reads: what the first text is called by the ways of reading that fit; empty for any.
    """

    order: int
    title: str
    form: str = ""
    reads: str = ""

    @property
    def query(self) -> str:
        """Of the form's address, with its question mark; empty where nothing is to be said."""
        given = {name: text for name, text in (("form", self.form), ("reads", self.reads)) if text}
        return f"?{urlencode(given)}" if given else ""
