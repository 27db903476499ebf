"""What is known of a model: where it came from, how large it is, what it can do here."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from app.domain.shapes import Shape
from app.domain.sites import PRESETS, NeuronSpace, Site, SiteKind

OLDER_TASKS = {"ranker": "pair", "causal_lm": "causal"}
"""How cards of older versions name the ways in which a model is read."""


class CheckRow(BaseModel):
    """One self-check on a loaded model. ``state`` is ``ok``, ``failed`` or ``skipped``; ``feature`` names what a
    failure switches off."""

    model_config = ConfigDict(frozen=True)

    key: str
    title: str
    state: Literal["ok", "failed", "skipped"]
    found: str
    feature: str = ""


class Readable(BaseModel):
    """How a model can be read: ``tasks`` are keys of all ways that fit its head, ``task`` is the first, the default.

    ``words`` are those of an answer, the one that means relevant first. ``relevant_from`` and ``words_from`` say where
    the label and the words come from.
    """

    model_config = ConfigDict(frozen=True)

    task: str | None = None
    tasks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    relevant_label: int | None = None
    relevant_from: str = ""
    words: tuple[str, ...] = ()
    words_from: str = ""

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        """Cards of older versions have one way of their own name."""
        if not isinstance(values, dict) or values.get("task") is None:
            return values
        task = OLDER_TASKS.get(values["task"], values["task"])
        return {**values, "task": task, "tasks": values.get("tasks") or (task,)}


class ModelInfo(Readable):
    """What can be told without loading weights (dry inspection of a folder or of the cached hub files).

    ``origin`` tells what the weights were read from, where that is another file; ``problem`` is the sentence why it
    cannot be loaded, or None; ``notes`` are what else is to be known of its folder. ``length_from`` says whose limit
    ``max_length`` is.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    source: str
    folder: str | None = None
    revision: str | None = None
    family: str | None = None
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    neurons: int | None = None
    shape: Shape | None = None
    max_length: int = 512
    length_from: str = ""
    notes: tuple[str, ...] = ()
    file_bytes: int = 0
    memory_bytes: int = 0
    readme: str = ""
    origin: str = ""
    problem: str | None = None


class ModelCard(Readable):
    """A loaded model.

    ``widths`` maps a site kind to the units of each block (index = running block number; 0 where the kind is missing
    in a block). ``off`` maps a feature (a preset, ``words``, ``gradients``) to the reason why it is off here.
    ``identity`` is what decides an answer besides the weights: sha256 of the ``configuration`` and of the ``tokenizer``
    files, and the ``precision``. ``complete`` are the blocks whose output every path to the answer crosses, measured.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    source: str
    revision: str
    weights_hash: str
    family: str
    task: str
    layers: int
    hidden: int
    heads: int
    max_length: int
    dtype: str
    device: str
    parameters: int
    bytes: int
    widths: dict[SiteKind, tuple[int, ...]]
    identity: dict[str, str] | None = None
    complete: tuple[int, ...] | None = None
    off: dict[str, str] = {}
    checks: tuple[CheckRow, ...] = ()
    quality: dict[str, dict[str, float]] = {}
    in_domain: tuple[str, ...] = ()

    def space(self, preset: str) -> NeuronSpace:
        """The neuron space of a preset: sites by layer, then in the preset's order of kinds."""
        kinds = PRESETS[preset]
        sites = [
            (Site(layer, kind), self.widths[kind][layer])
            for layer in range(self.layers)
            for kind in kinds
            if kind in self.widths and self.widths[kind][layer] > 0
        ]
        return NeuronSpace(tuple(s for s, _ in sites), tuple(w for _, w in sites))
