"""What is there to ask with: models, methods, families."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.data.demo import MODEL
from app.domain.errors import NotFound
from app.domain.model_card import ModelCard, ModelInfo
from app.domain.runs import Job, Lane
from app.forms.fields import Field, fields_of
from app.kinds.desk import Desk
from app.methods.base import Method, methods
from app.models.architectures import architectures
from app.models.getting import GETTABLE
from app.models.tasks import readings, tasks
from app.store.jobs import Jobs

ALIVE_WITHIN = 10.0


@dataclass(frozen=True)
class ModelView:
    """A model as its page shows it; ``card`` is as last loaded, ``loaded`` says whether a worker holds it now,
    ``failed`` is what was wrong when it was loaded last, if something was (expected, found, remedy)."""

    info: ModelInfo
    card: ModelCard | None
    loaded: bool
    held_bytes: int
    failed: Mapping[str, str] | None = None

    @property
    def reads_pairs(self) -> bool:
        """Whether it reads a query with a passage."""
        return any(tasks()[key].form == "pair" for key in self.info.tasks)


@dataclass(frozen=True)
class MethodView:
    """A method with its settings; ``reasons`` tells why a setting has its default."""

    key: str
    version: int
    title: str
    about: str
    identity: str
    limits: str
    citation: str
    fields: tuple[Field, ...]
    control: bool
    of_prompts: bool
    fits: str
    reasons: Mapping[str, str]


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

    def __init__(self, desk: Desk, jobs: Jobs) -> None:
        self.desk, self.hosts, self.registry, self.jobs = desk, desk.hosts, desk.registry, jobs

    def models(self) -> ModelsView:
        """Every model at hand."""
        alive = self.registry.alive(ALIVE_WITHIN)
        families = tuple(
            {
                "family": family.family,
                "types": ", ".join(family.claims),
                "heads": "; ".join(task.title for task in readings(family)),
            }
            for family in architectures()
        )
        views = tuple(self._view(info, alive) for info in self.hosts.available())
        return ModelsView(views, alive, str(self.hosts.root), families, self.hosts.offline)

    def rankers(self) -> tuple[str, ...]:
        """Slugs of models that set passages against each other, the embedded one first."""
        found = [view.info for view in self.models().models if not view.info.problem]
        slugs = [info.slug for info in found if any("pairwise" in tasks()[key].targets for key in info.tasks)]
        return tuple(sorted(slugs, key=lambda slug: slug != MODEL))

    def model(self, name: str) -> ModelView:
        """One model, by slug, folder, GGUF file, alias or hub id; one that only stored runs know is told as away.

        Raises:
            NotFound: nothing of that name can be reached, and no run is of it.
        """
        place = self.desk.place(name)
        try:
            info = self.hosts.inspect(place)
        except NotFound:
            if name not in self.desk.runs.values("model"):
                raise
            return self._view(away(name), ())
        if not info.problem:
            info = info.model_copy(update={"problem": self.hosts.problem(place)})
        view = self._view(info, self.registry.alive(ALIVE_WITHIN))
        return replace(view, failed=self._failed({info.slug, place}))

    def _failed(self, names: Collection[str]) -> Mapping[str, str] | None:
        """What was wrong when a model was loaded last."""
        loads = (job for job in self.jobs.all() if job.what == "load" and job.payload.get("model") in names)
        last = max(loads, key=lambda job: job.id, default=None)
        return None if last is None else last.error

    def _view(self, info: ModelInfo, alive: tuple[dict[str, Any], ...]) -> ModelView:
        held = [worker["loaded"][info.slug] for worker in alive if info.slug in worker.get("loaded", {})]
        return ModelView(info, self.registry.card(info.slug), bool(held), max(held, default=0))

    def load(self, name: str) -> Job:
        """Ask a worker to load a model and run its self-checks."""
        return self.jobs.enqueue("load", Lane.INTERACTIVE, payload=self._asked(name))

    def unload(self, name: str) -> Job:
        """Ask the workers to drop a model."""
        return self.jobs.enqueue("unload", Lane.INTERACTIVE, payload=self._asked(name))

    def _asked(self, name: str) -> dict[str, str]:
        """What a worker is told: a slug, or the full path of a folder elsewhere; and the folder, as it is seen here."""
        place = self.desk.place(name)
        slug = self.hosts.inspect(place).slug
        told = place if Path(place).is_absolute() else slug
        return {"model": told, "model_folder": str(self.hosts.folder(place).resolve())}

    def method(self, key: str) -> MethodView:
        """One method.

        Raises:
            NotFound: no such method.
        """
        method = methods().get(key)
        if method is None:
            raise NotFound(f"one of the methods {', '.join(methods())}", f"'{key}'", "Choose one of them.", "method")
        return _method_view(method)

    def methods(self, *, controls: bool = True) -> tuple[MethodView, ...]:
        """Every method, or only those that explain."""
        return tuple(_method_view(method) for method in methods().values() if controls or not method.control)


def _method_view(method: type[Method]) -> MethodView:
    return MethodView(
        method.key,
        method.version,
        method.title,
        method.about,
        method.identity,
        method.limits,
        method.citation,
        fields_of(method),
        method.control,
        method.of_prompts,
        method.fits,
        method.reasons,
    )


def away(name: str) -> ModelInfo:
    """A model that stored runs are of and that is not on this machine."""
    known = {row.name: row for row in GETTABLE}
    way = f"Fetch it with: golgi get-model {name}." if name in known else "Put its folder into the models folder."
    told = f"it is not on this machine. Runs of it can be read, but not asked anew. {way}"
    return ModelInfo(slug=name, source=name, problem=told)
