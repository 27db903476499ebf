"""From a question to a stored run: validated, fingerprinted, queued."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from app.domain.errors import BadInput, Conflict, NotFound, Unsupported
from app.domain.explaining import BRANCHES, ExplainSettings
from app.domain.interventions import Op
from app.domain.model_card import ModelInfo
from app.domain.neuron_sets import Selection, ranked
from app.domain.runs import Job, Run, RunSpec, RunState, data_hash
from app.domain.sites import NeuronIndex
from app.domain.targets import TargetSpec
from app.jobs.base import kinds
from app.jobs.kinds.ablate import AblateSettings
from app.methods.base import methods
from app.models.loading import Hosts
from app.services.catalogue import Catalogue
from app.services.forms import validated
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.runs import Runs

LONGEST = 200_000


class Requests:
    """Starts runs. The same question gives the same stored run."""

    def __init__(self, catalogue: Catalogue, hosts: Hosts, runs: Runs, results: Results, jobs: Jobs) -> None:
        self.catalogue, self.hosts = catalogue, hosts
        self.runs, self.results, self.jobs = runs, results, jobs

    def explain(self, model: str, values: Mapping[str, Any]) -> Run:
        """Start, or find, the explanation of an input.

        ``values`` are those of :class:`ExplainSettings`; missing ones take their defaults.

        Raises:
            BadInput, Unsupported, NotFound: what is wrong, with the field's name.
        """
        info, place = self.model_of(model)
        values = {"max_length": min(256, info.max_length), **values}
        settings = self._complete(info, place, validated(ExplainSettings, values))
        kind = kinds()["explain"]
        method = methods()[settings.method]
        spec = RunSpec(
            kind=kind.key,
            version=1000 * kind.version + method.version,
            model=info.slug,
            weights_hash=self.hosts.hash(place),
            settings=settings.model_dump(mode="json"),
            source=self.outside(place),
        )
        text = "\n".join([settings.query, *settings.passages])
        return self.started(spec, settings.query.strip().replace("\n", " ")[:90], text, settings)

    def ablate(self, source: Run, values: Mapping[str, Any]) -> Run:
        """Start, or find, the ablation of neurons of an explained run.

        Raises:
            BadInput, Conflict: what is wrong, with the field's name.
        """
        if source.spec.kind != "explain" or source.state not in (RunState.DONE, RunState.PARTIAL):
            raise Conflict(
                "a finished explanation to take neurons from",
                f"run {source.id}, {source.state}",
                "Wait for it to finish.",
            )
        settings = _plain(validated(AblateSettings, values))
        scores = self.results.scores(source.id)
        ranked(settings.selection, scores)
        known = [part for part in scores.parts[1:] if part not in BRANCHES]
        unknown = sorted(set(settings.segments or ()) - set(known))
        if unknown:
            raise BadInput(f"parts among {', '.join(known)}", ", ".join(unknown), "Choose one of them.", "segments")
        kind = kinds()["ablate"]
        spec = RunSpec(
            kind=kind.key,
            version=1000 * kind.version,
            model=source.spec.model,
            weights_hash=source.spec.weights_hash,
            settings=settings.model_dump(mode="json"),
            inputs={"source": source.fingerprint},
            source=source.spec.source,
        )
        title = f"{settings.selection} of run {source.id}: {settings.op.value}"
        return self.started(spec, title, source.title, settings)

    def resume(self, number: int) -> Job:
        """Go on with a stopped or failed run behind its checkpoint."""
        run = self.runs.get(number)
        if run.state not in (RunState.PARTIAL, RunState.FAILED):
            raise Conflict("a stopped or failed run", f"run {number}, {run.state}", "Open its page instead.")
        return self._queued(run)

    def model_of(self, model: str) -> tuple[ModelInfo, str]:
        """What can be told of a model, and the name under which a worker finds it."""
        place = self.catalogue.place(model)
        info = self.hosts.inspect(place)
        if info.problem:
            raise Unsupported("a model that can be loaded", f"'{info.slug}', which cannot be", info.problem, "model")
        return info, place

    def _complete(self, info: ModelInfo, model: str, asked: ExplainSettings) -> ExplainSettings:
        """The settings with nothing left open, after every check that needs no weights."""
        _check_texts(info, asked)
        if asked.method in methods() and methods()[asked.method].control:
            raise BadInput(
                "a method that explains", f"'{asked.method}', a control for rankings", "Use it on a dataset.", "method"
            )
        if asked.target.name == "pairwise" and len(asked.passages) != 2:
            way = "Give two passages, the one that should win first; or choose another target."
            raise BadInput("two passages for the target pairwise", str(len(asked.passages)), way, "passages")
        params, target, length = self.complete(info, model, asked.method, asked.params, asked.target, asked.max_length)
        return asked.model_copy(update={"params": params, "target": target, "max_length": length})

    def complete(
        self, info: ModelInfo, model: str, key: str, params: Mapping[str, Any], target: TargetSpec, length: int
    ) -> tuple[dict[str, Any], TargetSpec, int]:
        """Settings of the method, target and length with nothing left open.

        Raises:
            BadInput, Unsupported, NotFound: what is wrong, with the field's name.
        """
        known = methods()
        if key not in known:
            raise NotFound(f"one of the methods {', '.join(known)}", f"'{key}'", "Choose one.", "method")
        whole: BaseModel = validated(known[key].Params, params)
        refused = self.catalogue.refusal(model, key, whole)
        if refused:
            way = "Choose another model or preset."
            raise Unsupported("a model that this method can explain", refused, way, "model")
        limit = self.hosts.encoder(model).max_length
        return whole.model_dump(mode="json"), self._target(info, model, target), min(length, limit)

    @staticmethod
    def outside(place: str) -> str:
        """The full path of a model's folder where it lies outside the models folder; else empty."""
        return place if Path(place).is_absolute() else ""

    def _target(self, info: ModelInfo, model: str, asked: TargetSpec) -> TargetSpec:
        self.catalogue.target_sentence(model, asked)
        if asked.name != "activation":
            asked = asked.model_copy(update={"neuron": None, "tokens": None})
        if info.task == "ranker":
            label = asked.label if asked.label is not None else info.relevant_label
            return asked.model_copy(update={"label": label, "token": None})
        return asked.model_copy(update={"label": None})

    def started(self, spec: RunSpec, title: str, text: str, settings: BaseModel) -> Run:
        """The stored run of a question, queued where it has to be computed."""
        run, new = self.runs.create(spec, title, text)
        if not new and run.deleted:
            self.runs.change(run.id, deleted=False)
        if new or run.state in (RunState.PARTIAL, RunState.FAILED, RunState.WAITING):
            self.runs.change(run.id, spec=spec.model_dump(mode="json"), model=spec.model)
            self._queued(run)
        return self.runs.get(run.id)

    def _queued(self, run: Run) -> Job:
        kind = kinds()[run.spec.kind]
        lane = kind.lane(kind.Settings.model_validate(run.spec.settings))
        self.runs.change(run.id, state=RunState.WAITING.value, error=None)
        return self.jobs.enqueue("run", lane, run.id)


def _check_texts(info: ModelInfo, asked: ExplainSettings) -> None:
    """Texts that the model's form needs, none empty, none beyond reason.

    Raises:
        BadInput: with the field ``query`` or ``passages``.
    """
    if not asked.query.strip():
        name = "prompt" if info.task == "causal_lm" else "query"
        raise BadInput(f"some text as the {name}", "an empty text", f"Type or paste the {name}.", "query")
    if info.task == "causal_lm" and asked.passages:
        raise BadInput(
            "a prompt alone for a causal model",
            "text as a passage, too",
            "Leave the passages empty.",
            "passages",
        )
    if info.task != "causal_lm" and not asked.passages:
        raise BadInput("1 to 50 passages", "none", "Type or paste the passage.", "passages")
    for number, text in enumerate(asked.passages, start=1):
        if not text.strip():
            raise BadInput("some text in every passage", f"passage {number} is empty", "Fill or remove it.", "passages")
    for name, text in (("query", asked.query), *(("passages", text) for text in asked.passages)):
        if len(text) > LONGEST:
            raise BadInput(f"at most {LONGEST:,} characters", f"{len(text):,} characters", "Shorten the text.", name)


def _plain(asked: AblateSettings) -> AblateSettings:
    """The same question in one spelling, so that it has one fingerprint: what the rule does not read takes its default,
    and what has no order is sorted."""
    rule, plain = asked.selection, Selection()
    changes: dict[str, Any] = {}
    if rule.rank == "hand":
        picked = sorted({NeuronIndex.parse(text) for text in rule.neurons})
        changes = {"neurons": tuple(map(str, picked)), "fraction": plain.fraction, "count": None, "part": plain.part}
    else:
        changes = {"neurons": (), "fraction": plain.fraction if rule.count is not None else rule.fraction}
    if rule.layers is not None:
        changes["layers"] = tuple(sorted(set(rule.layers)))
    whole: dict[str, Any] = {"selection": rule.model_copy(update=changes)}
    if asked.op is not Op.SCALE:
        whole["amount"] = 0.0
    if asked.segments is not None:
        whole["segments"] = tuple(sorted(set(asked.segments)))
    return asked.model_copy(update=whole)


def texts_hash(settings: ExplainSettings) -> str:
    """Hash of the exact texts of a question."""
    return data_hash([settings.query, *settings.passages])
