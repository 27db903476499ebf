"""What is there to ask with: models, methods, families."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.errors import BadInput, NotFound
from app.domain.examples import Example, Seen
from app.domain.model_card import ModelCard, ModelInfo
from app.domain.runs import Job, Lane
from app.domain.sites import NeuronIndex
from app.domain.targets import ResolvedTarget, TargetSpec
from app.methods.base import AttributionMethod, methods
from app.models.architectures import architectures
from app.models.encoding import SEGMENTS
from app.models.loading import Hosts
from app.models.targets import Target, check_inner, inner_target, label_target
from app.services.forms import Field, fields_of
from app.store.jobs import Jobs
from app.store.registry import Registry

ALIVE_WITHIN = 10.0


@dataclass(frozen=True)
class ModelView:
    """A model as its page shows it; ``card`` is as last loaded, ``loaded`` says whether a worker holds it now."""

    info: ModelInfo
    card: ModelCard | None
    loaded: bool
    held_bytes: int


@dataclass(frozen=True)
class MethodView:
    """A method with its settings."""

    key: str
    version: int
    title: str
    about: str
    identity: str
    limits: str
    citation: str
    fields: tuple[Field, ...]
    control: bool


@dataclass(frozen=True)
class ModelsView:
    """Every model at hand, the memory of the workers, and what families work."""

    models: tuple[ModelView, ...]
    workers: tuple[dict[str, Any], ...]
    folder: str
    families: tuple[dict[str, Any], ...]
    offline: bool


class Catalogue:
    """Models and methods."""

    def __init__(self, hosts: Hosts, registry: Registry, jobs: Jobs) -> None:
        self.hosts, self.registry, self.jobs = hosts, registry, jobs

    def models(self) -> ModelsView:
        """Every model at hand."""
        alive = self.registry.alive(ALIVE_WITHIN)
        families = tuple(
            {"family": a.family, "types": ", ".join(a.claims), "task": a.tasks[0]} for a in architectures()
        )
        views = tuple(self._view(info, alive) for info in self.hosts.available())
        return ModelsView(views, alive, str(self.hosts.root), families, self.hosts.offline)

    def model(self, name: str) -> ModelView:
        """One model, by slug, folder, alias or hub id.

        Raises:
            NotFound: nothing of that name can be reached.
        """
        return self._view(self.inspect(name), self.registry.alive(ALIVE_WITHIN))

    def inspect(self, name: str) -> ModelInfo:
        """What can be told of a model without loading it.

        Raises:
            NotFound: nothing of that name can be reached.
        """
        return self.hosts.inspect(self.place(name))

    def place(self, name: str) -> str:
        """The name under which every process finds the model: full paths for folders outside the models folder.

        The slug of such a folder is known after its first load, by its card.
        """
        inside = (self.hosts.root / name, self.hosts.root / name.replace("/", "--"))
        if not name.strip() or name in self.hosts.aliases or any(folder.is_dir() for folder in inside):
            return name
        folder = Path(name).expanduser()
        if folder.is_dir():
            return str(folder.resolve())
        card = self.registry.card(name)
        return card.source if card is not None and Path(card.source).is_dir() else name

    def _view(self, info: ModelInfo, alive: tuple[dict[str, Any], ...]) -> ModelView:
        held = [worker["loaded"][info.slug] for worker in alive if info.slug in worker.get("loaded", {})]
        return ModelView(info, self.registry.card(info.slug), bool(held), max(held, default=0))

    def load(self, name: str) -> Job:
        """Ask a worker to load a model and run its self-checks."""
        return self.jobs.enqueue("load", Lane.INTERACTIVE, payload={"model": self._asked(name)})

    def unload(self, name: str) -> Job:
        """Ask the workers to drop a model."""
        return self.jobs.enqueue("unload", Lane.INTERACTIVE, payload={"model": self._asked(name)})

    def _asked(self, name: str) -> str:
        """What a worker is told: a slug, or the full path of a folder elsewhere."""
        place = self.place(name)
        slug = self.hosts.inspect(place).slug
        return place if Path(place).is_absolute() else slug

    def method(self, key: str) -> MethodView:
        """One method.

        Raises:
            NotFound: no such method.
        """
        found = methods().get(key)
        if found is None:
            raise NotFound(f"one of the methods {', '.join(methods())}", f"'{key}'", "Choose one of them.", "method")
        return _method_view(found)

    def methods(self, *, controls: bool = True) -> tuple[MethodView, ...]:
        """Every method, or only those that explain."""
        return tuple(_method_view(method) for method in methods().values() if controls or not method.control)

    def refusal(self, model: str, method: str, params: Any) -> str | None:
        """Why a model and a method do not go together, as far as is known without loading."""
        card = self.registry.card(self.inspect(model).slug)
        return None if card is None else methods()[method].refuses(card, params)

    def seen(self, model: str, query: str, passage: str | None, max_length: int | None = None) -> Seen:
        """What the model would read; only the tokenizer is used."""
        return self.hosts.seen(self.place(model), Example("0", query, passage), max_length)

    def target_sentence(self, name: str, spec: TargetSpec) -> str:
        """The line 'explaining ...' as far as it can be told before the model runs."""
        info = self.inspect(name)
        if spec.inner is not None:
            return self._inner_sentence(info, spec, spec.inner)
        if info.task == "ranker":
            return label_target(spec.name, info.labels, spec.label, info.relevant_label).resolved.sentence
        if info.task == "yes_no":
            return "relevance of the token 'true' against 'false' at the first decoder step"
        return f"the token {spec.token!r}" if spec.token else "the next token that the model predicts"

    def _inner_sentence(self, info: ModelInfo, spec: TargetSpec, neuron: NeuronIndex) -> str:
        """The line of an inner target. Whether the model has the neuron is told by its card, after a first load."""
        card = self.registry.card(info.slug)
        if card is not None:
            check_inner(card, neuron)
        parts = SEGMENTS[info.task or "ranker"]
        if spec.tokens is not None and spec.tokens not in parts:
            raise BadInput(f"one of the parts {', '.join(parts)}", f"'{spec.tokens}'", "Choose one of them.", "tokens")
        answer = Target(ResolvedTarget(name="default", unit="", sentence=""), None, 0)
        return inner_target(answer, neuron, spec.tokens).resolved.sentence


def _method_view(method: AttributionMethod) -> MethodView:
    return MethodView(
        method.key,
        method.version,
        method.title,
        method.about,
        method.identity,
        method.limits,
        method.citation,
        fields_of(method.Params),
        method.control,
    )
