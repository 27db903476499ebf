"""Saved neuron sets: made by rules, imported, shown, exported."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from app.analysis.agreement import intersection_chance
from app.analysis.fusion import fused
from app.domain.bounds import readable, whole
from app.domain.errors import BadInput, NotFound
from app.domain.neuron_sets import Members
from app.domain.runs import Run
from app.domain.scores import NeuronScores
from app.domain.set_rules import Combined, Fused, Listed, NeuronSet, Rule, evaluate, read_members, runs_of
from app.domain.sites import PRESETS, NeuronIndex, NeuronSpace
from app.figures import sets as figures
from app.figures.base import Figure
from app.forms.fields import validated
from app.services.set_names import set_name
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs
from app.store.sets import Sets as Store

_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)
PAGE = 200
DEEPEST = 20


@dataclass(frozen=True)
class SetsView:
    """Every saved set, and by its number its rule in words."""

    sets: tuple[NeuronSet, ...]
    rules: Mapping[int, str]


@dataclass(frozen=True)
class SetView:
    """A set's page: members by layer, and the runs that its rule reads.

    Args:
        by_layer: (layer, members, neurons of it).
        left_out: of an intersection, each part with the size of the set without it (leave-one-out).
        chance: expected size of an intersection of independent sets of these sizes; None for other rules.
    """

    found: NeuronSet
    runs: tuple[Run, ...]
    by_layer: tuple[tuple[int, int, int], ...]
    figure: Figure
    left_out: tuple[tuple[str, int], ...]
    chance: float | None
    shown: tuple[str, ...]
    offset: int
    size: int


class Sets:
    """Saved sets."""

    def __init__(self, store: Store, runs: Runs, results: Results, registry: Registry) -> None:
        self.store, self.runs, self.results, self.registry = store, runs, results, registry

    def list(self) -> SetsView:
        """Every set, newest first."""
        found = self.store.find()
        return SetsView(found, {saved.id: self.in_words(saved) for saved in found})

    def in_words(self, saved: NeuronSet) -> str:
        """The rule of a set in words; as it prints where a run that it reads is not in this database."""
        known = {key: self.runs.by_fingerprint(key) for key in runs_of(saved.rule)}
        runs = {key: run for key, run in known.items() if run is not None}
        return set_name(saved.rule, runs) if len(runs) == len(known) else saved.text

    def get(self, number: int) -> NeuronSet:
        """One set.

        Raises:
            NotFound: there is none of that number.
        """
        return self.store.get(number)

    def page(self, number: int, offset: int = 0) -> SetView:
        """One set with its members by layer."""
        neuron_set = self.store.get(number)
        runs = tuple(run for fp in dict.fromkeys(runs_of(neuron_set.rule)) if (run := self.runs.by_fingerprint(fp)))
        counts: dict[int, int] = {}
        for index in neuron_set.indices:
            counts[index.layer] = counts.get(index.layer, 0) + 1
        layers = max([*counts, *self._layers(neuron_set)], default=0) + 1
        each = neuron_set.total // layers if layers else 0
        rows = tuple((layer, counts.get(layer, 0), each) for layer in range(layers))
        figure = figures.histogram(rows, f"set {neuron_set.id} · {neuron_set.model} · {neuron_set.text}")
        left, chance = self._left_out(neuron_set)
        return SetView(
            neuron_set, runs, rows, figure, left, chance, neuron_set.members[offset : offset + PAGE], offset, PAGE
        )

    def _left_out(self, neuron_set: NeuronSet) -> tuple[tuple[tuple[str, int], ...], float | None]:
        """Sizes without each part, and the size by chance, of a set that is an intersection."""
        rule = neuron_set.rule
        if not isinstance(rule, Combined) or rule.op != "all" or len(rule.of) < 2:
            return (), None
        given = self._given(rule)
        sizes = [len(_members(part, given)) for part in rule.of]
        rest = [Combined(op="all", of=rule.of[:at] + rule.of[at + 1 :]) for at in range(len(rule.of))]
        rows = tuple((str(part), len(_members(others, given))) for part, others in zip(rule.of, rest, strict=True))
        return rows, intersection_chance(sizes, neuron_set.total)

    def _given(self, rule: Rule) -> tuple[NeuronSpace, dict[str, NeuronScores]]:
        """What a rule reads: the one neuron space, and fingerprint to scores."""
        runs = [self._run(fp) for fp in dict.fromkeys(runs_of(rule))]
        scores = {run.fingerprint: self.results.scores(run.id) for run in runs}
        return _one_space(runs, scores), scores

    def _layers(self, neuron_set: NeuronSet) -> Sequence[int]:
        card = self.registry.card(neuron_set.model)
        return () if card is None else (card.layers - 1,)

    def make(self, name: str, rule: Mapping[str, Any]) -> NeuronSet:
        """Save what a rule gives.

        Raises:
            BadInput: a rule that cannot be read, of several models or neuron spaces, or that gives no neuron.
        """
        read = self.rule(rule)
        first = next(runs_of(read), None)
        if first is None:
            raise BadInput("a rule over at least one run", str(read), "Import listed neurons instead.", "runs")
        run, (space, scores) = self._run(first), self._given(read)
        ids = tuple(str(space.index(int(flat))) for flat in _members(read, (space, scores)))
        if not ids:
            raise BadInput("a rule that gives at least one neuron", f"none by {read}", "Take more of each.", "rule")
        preset = str(run.spec.settings.get("params", {}).get("preset", "ffn"))
        called = name.strip() or set_name(read, {key: self._run(key) for key in runs_of(read)})
        return self._save(called, read, ids, run.spec.model, run.spec.weights_hash, preset, len(space))

    def rule(self, given: Mapping[str, Any], depth: int = 0) -> Rule:
        """A rule of JSON values, with saved sets (``{"op": "set", "id": 3}``) replaced by their rules.

        Raises:
            BadInput: it cannot be read. NotFound: a saved set that is not there.
        """
        if depth > DEEPEST:
            raise BadInput(f"rules within rules, at most {DEEPEST} deep", "deeper ones", "Save its parts.", "rule")
        if given.get("op") == "set":
            return self.store.get(whole("id", given.get("id"), 1)).rule
        values = dict(given)
        if isinstance(values.get("of"), list | tuple):
            values["of"] = [self.rule(part, depth + 1) if isinstance(part, Mapping) else part for part in values["of"]]
            return validated(Combined, values)
        try:
            return _RULE.validate_python(values)
        except ValueError as error:
            raise BadInput(
                "a rule of top, fused, listed, all, any, at_least or minus",
                readable(str(given), 80),
                "Correct it.",
                "rule",
            ) from error

    def bring(self, name: str, text: str, model: str) -> NeuronSet:
        """Import a set from its text form (one id per line) or its JSON form.

        Raises:
            BadInput: ids that the model does not have, or a set of another model.
        """
        exported: dict[str, Any] = {}
        if text.lstrip().startswith("{"):
            exported = _json(text)
            text = "\n".join(map(str, exported.get("neurons", ())))
        card = self.registry.card(model)
        if card is None:
            raise BadInput("a model that was loaded once", f"'{model}'", "Load it on its page first.", "model")
        if exported.get("weights_hash", card.weights_hash) != card.weights_hash:
            other = f"a set of {exported.get('model', 'another model')}, weights {str(exported['weights_hash'])[:12]}"
            raise BadInput(f"a set of {model}, weights {card.weights_hash[:12]}", other, "Choose its model.", "model")
        members = read_members(text)
        preset = str(exported.get("preset") or _preset(members))
        space = card.space(preset)
        for text_form in members:
            space.flat(NeuronIndex.parse(text_form))
        return self._save(name, Listed(neurons=members), members, card.slug, card.weights_hash, preset, len(space))

    def keep(self, run: Run, name: str, ids: tuple[str, ...]) -> NeuronSet:
        """Save neurons of a run by their ids; its space is the one that the run scores."""
        members, total = read_members("\n".join(ids)), len(self.results.space(run.id))
        preset = _preset(members)
        return self._save(name, Listed(neurons=members), members, run.spec.model, run.spec.weights_hash, preset, total)

    def _save(
        self, name: str, rule: Rule, ids: tuple[str, ...], model: str, weights: str, preset: str, total: int
    ) -> NeuronSet:
        digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
        called = name.strip() or set_name(rule, {})
        about = {"name": called[:100], "model": model, "weights_hash": weights}
        return self.store.create(rule, ids, **about, preset=preset, total=total, text=str(rule), hash=digest)

    def text(self, number: int) -> str:
        """The text form: a remark, then one id per line."""
        neuron_set = self.store.get(number)
        return f"# {neuron_set.name}: {neuron_set.text}; {neuron_set.model}\n" + "\n".join(neuron_set.members) + "\n"

    def json(self, number: int) -> dict[str, Any]:
        """The JSON form, with the model and its weights."""
        neuron_set = self.store.get(number)
        return {
            "name": neuron_set.name,
            "model": neuron_set.model,
            "weights_hash": neuron_set.weights_hash,
            "preset": neuron_set.preset,
            "rule": neuron_set.rule.model_dump(mode="json"),
            "text": neuron_set.text,
            "of": neuron_set.total,
            "neurons": list(neuron_set.members),
        }

    def change(self, number: int, **values: Any) -> None:
        """Rename, delete or restore a set."""
        self.store.get(number)
        self.store.change(number, **values)

    def _run(self, fingerprint: str) -> Run:
        run = self.runs.by_fingerprint(fingerprint)
        if run is None:
            raise NotFound("a run in this database", fingerprint, "Import its bundle first.", "runs")
        return run


def _one_space(runs: Sequence[Run], scores: Mapping[str, NeuronScores]) -> NeuronSpace:
    """The neuron space that all runs share.

    Raises:
        BadInput: several models or spaces.
    """
    spaces = {ranking.space for ranking in scores.values()}
    if len(spaces) != 1 or len({run.spec.weights_hash for run in runs}) != 1:
        models = ", ".join(sorted({run.spec.model for run in runs}))
        raise BadInput("runs of one model and one preset", models, "Choose runs that rank the same neurons.", "runs")
    return spaces.pop()


def _members(rule: Rule, given: tuple[NeuronSpace, Mapping[str, NeuronScores]]) -> Members:
    """Neurons of a rule, flat and ascending."""
    space, scores = given
    return evaluate(rule, space, scores, _fusions(rule, scores))


def _fusions(rule: Rule, scores: Mapping[str, NeuronScores]) -> dict[str, Members]:
    """Text form of every fusion in a rule to its ranking."""
    if isinstance(rule, Fused):
        values = fused(np.stack([scores[run].of("all") for run in rule.runs]), rule.how)
        return {str(rule): np.argsort(-values, kind="stable").astype(np.int64)}
    fusions: dict[str, Members] = {}
    for part in rule.of if isinstance(rule, Combined) else ():
        fusions |= _fusions(part, scores)
    return fusions


def _preset(members: Sequence[str]) -> str:
    """The first preset that has the kinds of these neurons."""
    kinds = {NeuronIndex.parse(member).kind for member in members}
    fits = [name for name, has in PRESETS.items() if kinds <= set(has)]
    if not fits:
        raise BadInput(
            "neurons of one preset", ", ".join(sorted(kind.value for kind in kinds)), "Split the list.", "neurons"
        )
    return fits[0]


def _json(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise BadInput("a set as JSON, or one id per line", str(error), "Correct the text.", "neurons") from error
    if not isinstance(values, dict) or not isinstance(values.get("neurons"), list):
        raise BadInput('JSON with a list "neurons"', "none", "Export a set to see the form.", "neurons")
    return values
