"""From a question about a dataset to a stored run: attributions and ablation studies."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.attributing import AttributeSettings
from app.domain.datasets import Dataset
from app.domain.errors import BadInput, Conflict, NotFound, Unsupported
from app.domain.interventions import Op
from app.domain.model_card import ModelInfo
from app.domain.runs import Run, RunSpec, RunState
from app.domain.studying import NamedSet, StudySettings
from app.domain.targets import OF_THE_SCORE, TargetSpec
from app.jobs.base import kinds
from app.methods.base import methods
from app.services.costs import Cost, newest, of_attribution, of_study
from app.services.forms import validated
from app.services.requests import Requests
from app.store.datasets import Datasets
from app.store.sets import Sets

CONTROLS = ("activation", "grad_x_act", "weight_norm")
RANKED = ("explain", "attribute")
BASELINES = ("pad_query_and_passage", "pad_query", "unk_query_and_passage")


class Measures:
    """Starts runs over datasets. The same question gives the same stored run."""

    def __init__(self, requests: Requests, data: Datasets, sets: Sets) -> None:
        self.requests, self.data, self.sets = requests, data, sets

    def attribute(self, model: str, values: Mapping[str, Any]) -> Run:
        """Start, or find, the attribution over a sample of a dataset.

        ``values`` are those of :class:`AttributeSettings`; a dataset may be given by its name.

        Raises:
            BadInput, Unsupported, NotFound: what is wrong, with the field's name.
        """
        info, place, settings = self._attribution(model, values)
        kind, method = kinds()["attribute"], methods()[settings.method]
        spec = RunSpec(
            kind=kind.key,
            version=1000 * kind.version + method.version,
            model=info.slug,
            weights_hash=self.requests.hosts.hash(place),
            settings=settings.model_dump(mode="json"),
            source=self.requests.outside(place),
        )
        sample = settings.sample
        wanted = "relevant" if sample.relevance == "relevant" else "not relevant"
        title = f"{sample.name}: {wanted} pairs, {sample.part}"
        title += f", {method.title.lower()}" if settings.method != "nig" else ""
        other = settings.params.get("baseline", BASELINES[0])
        title += f", baseline {other}" if other != BASELINES[0] else ""
        return self.requests.started(spec, title, sample.name, settings)

    def cost_of_attribution(self, model: str, values: Mapping[str, Any]) -> Cost:
        """What :meth:`attribute` would take at most; the same values, the same errors."""
        info, _, settings = self._attribution(model, values)
        method = methods()[settings.method]
        passes = method.passes(method.Params.model_validate(settings.params))
        timed = newest(self.requests.runs, info.slug, ("attribute", "explain"))
        timed = tuple(run for run in timed if run.spec.settings["method"] == settings.method)
        return of_attribution(settings, passes, self.data, self._dataset(settings.sample.dataset), timed)

    def cost_of_study(self, model: str, values: Mapping[str, Any], sources: Sequence[Run], controls: bool) -> Cost:
        """What :meth:`study` would take at most, its control rankings left out; the same values, the same errors."""
        info, _, settings = self._study(model, values, sources)
        others = len(CONTROLS) if controls and sources and sources[0].spec.kind == "attribute" else 0
        timed = newest(self.requests.runs, info.slug, ("study",))
        where = self._dataset(settings.evaluation.dataset)
        return of_study(settings, len(sources), others, self.data, where, timed)

    def _dataset(self, digest: str) -> Dataset:
        found = self.data.by_hash(digest)
        assert found is not None, "named before"
        return found

    def _attribution(self, model: str, values: Mapping[str, Any]) -> tuple[ModelInfo, str, AttributeSettings]:
        """The model, where it is, and the settings with nothing left open."""
        info, place = self._ranker(model)
        given = {"max_length": min(256, info.max_length), **values}
        given["sample"] = self._with_hash(given.get("sample", {}))
        asked = validated(AttributeSettings, given)
        if asked.target.name == "pairwise" and asked.sample.relevance != "relevant":
            way = "Choose relevant pairs: each is set against a non-relevant one."
            raise BadInput("relevant pairs for the target pairwise", "non-relevant ones", way, "relevance")
        params, target, length = self.requests.complete(
            info, place, asked.method, asked.params, asked.target, asked.max_length
        )
        return info, place, asked.model_copy(update={"params": params, "target": target, "max_length": length})

    def baselines(self, run: Run) -> tuple[Run, ...]:
        """The same attribution from other baselines, the given one first (``nig.md`` section 18-5).

        Raises:
            Conflict: a run that has no baseline.
        """
        if run.spec.kind != "attribute" or "baseline" not in run.spec.settings.get("params", {}):
            raise Conflict("an attribution with a baseline", f"run {run.id}, {run.spec.kind}", "Choose another run.")
        place, asked = run.spec.source or run.spec.model, run.spec.settings
        others = [name for name in BASELINES if name != asked["params"]["baseline"]][:2]
        more = [self.attribute(place, {**asked, "params": {**asked["params"], "baseline": name}}) for name in others]
        return (run, *more)

    def study(self, model: str, values: Mapping[str, Any], sources: Sequence[Run], controls: bool = True) -> Run:
        """Start, or find, the ablation of neuron sets on a dataset's candidate lists.

        Args:
            model: the model; that of the sources where there are any.
            values: those of :class:`StudySettings`; ``sets`` may name saved sets by their numbers.
            sources: finished runs whose rankings are cut at every size.
            controls: also rank by activation, gradient × activation and weight norm, over the first source's sample.

        Raises:
            BadInput, Conflict, NotFound, Unsupported: what is wrong, with the field's name.
        """
        info, place, settings = self._study(model, values, sources)
        roles = {f"source{at or ''}": run for at, run in enumerate(sources)}
        if controls and sources:
            roles |= self._controls(place, sources[0])
        kind = kinds()["study"]
        spec = RunSpec(
            kind=kind.key,
            version=1000 * kind.version,
            model=info.slug,
            weights_hash=self.requests.hosts.hash(place),
            settings=settings.model_dump(mode="json"),
            inputs={role: run.fingerprint for role, run in roles.items()},
            source=self.requests.outside(place),
        )
        names = [run.title for run in sources] + [one.name for one in settings.sets]
        title = f"{settings.evaluation.name}: {settings.op.value} of {names[0]}"
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        more += ", size chosen before" if settings.chosen_on else ""
        return self.requests.started(spec, title + more, " ".join(names), settings)

    def _study(
        self, model: str, values: Mapping[str, Any], sources: Sequence[Run]
    ) -> tuple[ModelInfo, str, StudySettings]:
        """The model, where it is, and the settings with nothing left open."""
        if not sources and not values.get("sets"):
            raise BadInput("a run to take neurons from, or a saved set", "neither", "Choose at least one.", "sources")
        info, place = self._ranker(model)
        weights = self.requests.hosts.hash(place)
        _check_sources(sources, weights)
        given = {"max_length": min(256, info.max_length), **values}
        given["evaluation"] = self._with_hash(given.get("evaluation", {}))
        given["sets"] = [self._named(one, weights) for one in given.get("sets", ())]
        asked = validated(StudySettings, given)
        _check_target(asked.target, OF_THE_SCORE)
        _, target, length = self.requests.complete(info, place, "nig", {}, asked.target, asked.max_length)
        changes: dict[str, Any] = {"target": target, "max_length": length}
        if asked.op is not Op.SCALE:
            changes["amount"] = 0.0
        return info, place, asked.model_copy(update=changes)

    def confirm(self, run: Run, shares: Sequence[float]) -> Run:
        """The same study on the test part, at sizes that were chosen on the selection part (``nig.md`` section 18-4).

        Raises:
            Conflict: no finished study on the selection part, or one that chose no size.
        """
        part = run.spec.settings.get("evaluation", {}).get("part")
        if part != "selection" or not shares:
            found = f"run {run.id}, {run.spec.kind}, part {part}"
            raise Conflict("a finished study of rankings on the part selection", found, "Make one first.")
        inputs = self.requests.runs.inputs(run.id)
        sources = [one for role, one in sorted(inputs.items()) if role.startswith("source")]
        asked = {**run.spec.settings, "fractions": list(shares), "chosen_on": run.fingerprint}
        asked["evaluation"] = {**asked["evaluation"], "part": "test"}
        return self.study(run.spec.source or run.spec.model, asked, sources, len(inputs) > len(sources))

    def _ranker(self, model: str) -> tuple[ModelInfo, str]:
        """A model that scores pairs.

        Raises:
            Unsupported: it does not.
        """
        info, place = self.requests.model_of(model)
        if info.task == "causal_lm":
            found = f"{info.slug}, a causal language model"
            raise Unsupported("a re-ranker", found, "Choose a model that scores a query with a passage.", "model")
        return info, place

    def _controls(self, place: str, source: Run) -> dict[str, Run]:
        """Rankings of the same neurons by other means, over the same sample; none for one input's explanation."""
        if source.spec.kind != "attribute":
            return {}
        asked = AttributeSettings.model_validate(source.spec.settings)
        preset = asked.params.get("preset", "ffn")
        found = {}
        for key in CONTROLS:
            if key == "weight_norm" and preset != "ffn":
                continue
            values = asked.model_dump(mode="json") | {"method": key, "params": {"preset": preset}}
            if key == "weight_norm":
                values["sample"] |= {"limit": 1, "correct": False}
            found[key] = self.attribute(place, values)
        return found

    def _with_hash(self, asked: Any) -> dict[str, Any]:
        """The dataset by content, whether its name or its hash was given.

        Raises:
            NotFound: there is no such dataset.
        """
        given = dict(asked) if isinstance(asked, Mapping) else {}
        text = str(given.get("dataset") or "")
        if not text:
            raise BadInput("a dataset", "none", "Choose one, or import one first.", "dataset")
        found = self.data.by_hash(text)
        if found is None:
            try:
                found = self.data.named(text)
            except NotFound as error:
                raise NotFound(
                    "the name of a stored dataset", f"'{text}'", "Look it up in the list of datasets.", "dataset"
                ) from error
        return given | {"dataset": found.hash, "name": found.name}

    def _named(self, one: Any, weights: str) -> Any:
        """A saved set by its number, as its members.

        Raises:
            BadInput: a set of another model.
        """
        if isinstance(one, Mapping | NamedSet):
            return one
        found = self.sets.get(int(one))
        if found.weights_hash != weights:
            raise BadInput("sets of this model", f"'{found.name}' of {found.model}", "Leave it out.", "sets")
        return NamedSet(name=found.name, neurons=found.members)


def _check_target(asked: TargetSpec, known: tuple[str, ...]) -> None:
    """See that a target is a number of one pair's answer.

    Raises:
        BadInput: it is not.
    """
    if asked.name not in known:
        way = "Choose one of them."
        raise BadInput(f"one of the targets {', '.join(known)}", f"'{asked.name}'", way, "target")


def _check_sources(sources: Sequence[Run], weights: str) -> None:
    """See that rankings are there, of this model and of one neuron space.

    Raises:
        Conflict: a run without a ranking. BadInput: other weights or other neurons.
    """
    for run in sources:
        if run.spec.kind not in RANKED or run.state not in (RunState.DONE, RunState.PARTIAL):
            found = f"run {run.id}, {run.spec.kind}, {run.state}"
            raise Conflict("finished runs that rank neurons", found, "Wait for it.", "sources")
        if run.spec.weights_hash != weights:
            raise BadInput("runs of this model", f"run {run.id} of {run.spec.model}", "Leave it out.", "sources")
    presets = {run.spec.settings.get("params", {}).get("preset", "ffn") for run in sources}
    if len(presets) > 1:
        found = f"presets {', '.join(sorted(presets))}"
        raise BadInput("runs of the same neurons", found, "Take one preset.", "sources")
