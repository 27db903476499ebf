"""What turning a request into a question may ask: models at hand, stored runs, datasets, sets, and other questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.data.demo import Demo
from app.domain.bounds import at_home, is_key, is_path, readable
from app.domain.datasets import Dataset
from app.domain.errors import Missing, NotFound, Unsupported
from app.domain.examples import Example, Seen
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.domain.question_sets import QuestionSet
from app.domain.runs import Run
from app.domain.set_rules import NeuronSet
from app.domain.targets import TargetSpec
from app.domain.variants import Variant
from app.forms.fields import validated
from app.kinds.timings import Speed, rough_of, speed_of, weight_of
from app.methods.base import Method, methods
from app.models.loading import Hosts
from app.models.places import is_place, whole_path
from app.models.targets import check_inner
from app.models.tasks import task_for, tasks
from app.models.tasks.base import Task
from app.store.datasets import Datasets
from app.store.question_sets import QuestionSets
from app.store.registry import Registry
from app.store.results import Results
from app.store.runs import Runs
from app.store.sets import Sets


@dataclass(frozen=True)
class Desk:
    """Reads what is stored; ``start`` starts, or finds, a run of another question (kind, values)."""

    hosts: Hosts
    registry: Registry
    runs: Runs
    results: Results
    data: Datasets
    sets: Sets
    questions: QuestionSets
    demo: Demo
    start: Callable[[str, Mapping[str, Any]], Run]

    def place(self, name: str) -> str:
        """The name under which every process finds a model: full paths for folders outside the models folder.

        The slug of such a folder is known after its first load, by its card.

        Raises:
            NotFound: no folder can be called so.
        """
        if not is_path(name):
            way = "Choose a model from the list."
            raise NotFound("the name of a model", f"'{readable(name, 60)}'", way, "model")
        inside = (self.hosts.root / name, self.hosts.root / name.replace("/", "--"))
        if not name.strip() or name in self.hosts.aliases or any(is_place(folder) for folder in inside):
            return name
        folder = at_home(name)
        if is_place(folder):
            return whole_path(folder)
        card = self.registry.card(name)
        return card.source if card is not None and is_place(Path(card.source)) else name

    def inspect(self, name: str) -> ModelInfo:
        """What can be told of a model without loading it.

        Raises:
            NotFound: nothing of that name can be reached.
        """
        return self.hosts.inspect(self.place(name))

    def named(self, name: str, slug: str) -> ModelInfo:
        """The same where it can be reached; else its name alone, for runs whose model is not on this machine."""
        try:
            return self.inspect(name)
        except NotFound:
            return ModelInfo(slug=slug, source=name)

    def model(self, name: str) -> Model:
        """A model that can be loaded.

        Raises:
            NotFound: nothing of that name can be reached. Unsupported: it cannot be loaded.
        """
        model = self.described(name)
        return replace(model, weights=self.hosts.hash(model.place), identity=self.hosts.identity(model.place))

    def described(self, name: str) -> Model:
        """A model that can be loaded, without the hash of its weights, which are not read.

        Raises:
            NotFound: nothing of that name can be reached. Unsupported: it cannot be loaded.
        """
        place = self.place(name)
        info = self.hosts.inspect(place)
        if info.problem:
            raise Unsupported("a model that can be loaded", f"'{info.slug}', which cannot be", info.problem, "model")
        return Model(info, place, "", None)

    def model_of(self, run: Run) -> Model:
        """The model of a run that is asked about further; as it was then, as far as the run tells.

        A run of an older version tells the weights only, so that the model's other parts are taken as they are now.
        """
        place = run.spec.source or run.spec.model
        info, identity = self.named(place, run.spec.model), run.spec.identity
        if identity is None and info.folder is not None and not info.problem:
            identity = self.hosts.identity(place)
        return Model(info, place, run.spec.weights_hash, identity)

    def ranker(self, name: str) -> Model:
        """A model that scores pairs.

        Raises:
            Unsupported: it does not.
        """
        model = self.model(name)
        if not any("pairwise" in tasks()[key].targets for key in model.info.tasks):
            found = f"{model.info.slug}: {'; '.join(tasks()[key].title for key in model.info.tasks)}"
            raise Unsupported("a re-ranker", found, "Choose a model that scores a query with a passage.", "model")
        return model

    def generator(self, name: str) -> Model:
        """A model that predicts the next token of a prompt.

        Raises:
            Unsupported: it does not.
        """
        model = self.model(name)
        if not any(tasks()[key].continues for key in model.info.tasks):
            found = f"{model.info.slug}: {'; '.join(tasks()[key].title for key in model.info.tasks)}"
            way = "Choose a model that predicts the next token of a prompt."
            raise Unsupported("a causal language model", found, way, "model")
        return model

    def question_set(self, text: str) -> QuestionSet:
        """A stored question set by its name or the hash of its content.

        Raises:
            Missing: nothing was named. NotFound: there is no such set.
        """
        if not text:
            raise Missing("a question set", "none", "Choose one, or import one first.", "questions")
        return self.questions.question_set(text)

    def method(self, key: str, params: Mapping[str, Any], model: Model) -> Method:
        """A method with its settings, which can explain a model as far as that is known without loading it.

        Raises:
            NotFound: no such method. BadInput: settings that it does not have.
            Unsupported: it cannot explain the model.
        """
        known = methods()
        if key not in known:
            raise NotFound(f"one of the methods {', '.join(known)}", f"'{key}'", "Choose one.", "method")
        method = validated(known[key], params)
        card = self.registry.card(model.info.slug)
        refused = None if card is None else method.refuses(card)
        if refused:
            way = "Choose another model or preset."
            raise Unsupported("a model that this method can explain", refused, way, "model")
        return method

    def length(self, model: Model, wanted: int | None) -> int:
        """The limit in tokens: what is wanted, the model's own at most; that one where nothing is wanted."""
        longest = self.hosts.encoder(model.place).max_length
        return longest if wanted is None else min(wanted, longest)

    def target(self, model: Model, wanted: TargetSpec, form: str = "pair") -> TargetSpec:
        """A target with what the model decides filled in, and what it does not read left out.

        Args:
            model: the model. wanted: what is asked. form: of the input, ``pair`` or ``prompt``.

        Raises:
            BadInput: the model has no such target.
        """
        self.target_sentence(model.info, wanted, form)
        if wanted.name != "activation":
            wanted = wanted.model_copy(update={"neuron": None, "tokens": None})
        reading = self.reading(model.info, form)
        spec = reading.complete(wanted, model.info)
        reading.check_words(spec, model.info, self.hosts.encoder(model.place).tokenizer)
        return spec

    def target_sentence(self, info: ModelInfo, spec: TargetSpec, form: str) -> str:
        """The line 'explaining ...' as far as it can be told before the model runs.

        Raises:
            BadInput: the model has no such target, with the field's name.
        """
        card = self.registry.card(info.slug)
        if spec.inner is not None and card is not None:
            check_inner(card, spec.inner)
        return self.reading(info, form).sentence(spec, info)

    @staticmethod
    def reading(info: ModelInfo, form: str) -> Task:
        """The way in which a model reads a form of input, ``pair`` or ``prompt``.

        Raises:
            Unsupported: there is none.
        """
        task = task_for(info.tasks, form)
        if task is None:
            ways = "; ".join(tasks()[key].title for key in info.tasks) or info.problem or "unknown"
            wanted = "a query with a passage" if form == "pair" else "one text"
            raise Unsupported(f"a model that reads {wanted}", f"{info.slug}: {ways}", "Choose another model.", "model")
        return task

    def seen(self, model: Model, example: Example, length: int) -> Seen:
        """What the model would read of an example; no weights are read.

        Raises:
            BadInput: a text that it cannot read.
        """
        return self.hosts.seen(model.place, example, length)

    def asked_tokens(self, model: Model, target: TargetSpec, examples: Sequence[Example]) -> tuple[str, ...]:
        """The tokens of an answer that is asked for by its text, of which the first is explained; no weights are read.

        Raises:
            BadInput: a text that the vocabulary does not have.
        """
        return self.hosts.encoder(model.place).asked(target, examples)

    def variants(self, model: Model, example: Example, text: str) -> tuple[Variant, ...]:
        """The tokens that a text adds behind a prompt, with a blank in front and without; no weights are read.

        Raises:
            BadInput: a prompt that it cannot read.
        """
        return self.hosts.encoder(model.place).variants(example, text.strip()) if text.strip() else ()

    def dataset(self, text: str) -> Dataset:
        """A stored dataset by its name or the hash of its content.

        Raises:
            Missing: nothing was named. NotFound: there is no such dataset.
        """
        if not text:
            raise Missing("a dataset", "none", "Choose a dataset, or import one first.", "dataset")
        known = self.data.by_hash(text)
        if known is not None:
            return known
        try:
            return self.data.named(text)
        except NotFound as error:
            way = "Look it up in the list of datasets."
            raise NotFound("the name of a stored dataset", f"'{text}'", way, "dataset") from error

    def run(self, text: str) -> Run:
        """A stored run by its fingerprint or number.

        Raises:
            NotFound: there is none.
        """
        run = self.runs.by_fingerprint(text)
        if run is None and is_key(text):
            run = self.runs.get(int(text))
        if run is None:
            way = "Look it up on the page of runs."
            raise NotFound("the number or fingerprint of a stored run", f"'{readable(text, 60)}'", way)
        return run

    def finished(self, kind: str) -> tuple[Run, ...]:
        """Finished runs of a kind, the newest first."""
        return tuple(self.runs.find(filters={"kind": kind, "state": "done"}, limit=50)[0]) if kind else ()

    def saved(self, number: int) -> NeuronSet:
        """A saved set.

        Raises:
            NotFound: there is none of that number.
        """
        return self.sets.get(number)

    def speed(self, model: str, kind: str, method: str = "") -> Speed | None:
        """How fast a model was on this machine, by all of its finished runs; None before the first one."""
        return speed_of(self.runs.timed(model), weight_of, kind, method)

    def rough_speed(self, info: ModelInfo, kind: str, method: str = "") -> Speed | None:
        """The same; for a model that was never timed here a rough guess by another one of a known shape that was timed
        for the same kind and method, the largest of them. None where there is none."""
        known, shape = self.speed(info.slug, kind, method), info.shape
        if known is not None or shape is None:
            return known
        at_hand = [slug for slug in self.runs.values("model") if self.hosts.at_hand(slug)]
        others = [(self.named(slug, slug).shape, slug, self.speed(slug, kind, method)) for slug in at_hand]
        return rough_of(shape.weights, [(of.weights, slug, speed) for of, slug, speed in others if of and speed])
