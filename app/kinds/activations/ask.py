"""From a form, a command line or an API body to the question of neurons over texts."""

from app.domain.counting import counted
from app.domain.errors import BadInput, Missing, Unsupported
from app.domain.examples import Example
from app.domain.model_at_hand import Model
from app.domain.model_card import ModelInfo
from app.domain.sites import NeuronIndex, SiteKind
from app.forms.read import Given
from app.kinds.activations.question import KEY, MOST, PASSAGES, ActivationsForm, ActivationsQuestion
from app.kinds.activations.texts import pairs_of_question, reads_pairs
from app.kinds.asking import Ask, Asked, Cost, Values
from app.kinds.desk import Desk

SEPARATOR = "---"
SOURCES = {"dataset": "a dataset", "questions": "a question set", "texts": "pasted texts"}


class ActivationsAsk(Ask[ActivationsQuestion, ActivationsForm]):
    """Asks what neurons do in texts."""

    Question = ActivationsQuestion
    Form = ActivationsForm

    def parts(self, text: str) -> list[str]:
        """Texts, with lines of ``---`` between them."""
        return texts_of(text)

    def browser(self, given: Given) -> Given:
        """One text area holds all pasted texts."""
        cut = {"texts": texts_of(given["texts"][-1])} if given.get("texts") else {}
        return {**super().browser(given), **cut}

    def complete(self, values: Values, desk: Desk) -> Asked[ActivationsQuestion]:
        """The question over stored or pasted texts, with the members of saved sets.

        Raises:
            BadInput, Missing, NotFound, Unsupported: what is wrong, with the field's name.
        """
        form = self.form(values)
        model = desk.model(form.model)
        names = _neurons(form, model, desk)
        where, named = self._texts(form, model, desk)
        question = self.question(
            form,
            **named,
            neurons=names,
            max_length=desk.length(model, form.max_length if "max_length" in form.model_fields_set else None),
        )
        for at, text in enumerate(question.texts):
            pair = reads_pairs(model.info.tasks) and bool(question.query)
            desk.seen(model, Example(str(at), *((question.query, text) if pair else (text,))), question.max_length)
        told = names[0] if len(names) == 1 else counted(len(names), "neuron")
        return Asked(question, model, f"{told} in {where}", " ".join((where, *names))[:5000], rows=question.limit)

    def _texts(self, form: ActivationsForm, model: Model, desk: Desk) -> tuple[str, dict[str, str]]:
        """Where the texts come from, in words, and the fields that name it.

        Raises:
            Missing: nothing was named. BadInput: several, or none fits. Unsupported: texts that it cannot read.
        """
        sources = [name for name in SOURCES if getattr(form, name)]
        if not sources:
            raise Missing("texts to read", "none", "Choose a dataset or a question set, or paste texts.", "dataset")
        if len(sources) > 1:
            found = " and ".join(SOURCES[name] for name in sources)
            raise BadInput("one source of texts", found, "Leave all but one empty.", sources[-1])
        if form.dataset:
            return _of_dataset(form, desk)
        if not form.questions:
            _check_pasted(form, model)
            return counted(len(form.texts), "pasted text"), {}
        if not reads_pairs(model.info.tasks, "prompt"):
            way = "Choose a dataset, or a model that reads one text."
            found = f"{model.info.slug}, which reads pairs"
            raise Unsupported("a model that reads prompts", found, way, "questions")
        known = desk.question_set(form.questions)
        return known.name, {"questions": known.hash, "questions_name": known.name}

    def text(self, question: ActivationsQuestion) -> str:
        """The dataset and the neurons."""
        return " ".join((question.dataset_name or question.questions_name, *question.neurons))

    def cost(self, values: Values, desk: Desk) -> Cost:
        """Forward passes, a text a row."""
        asked = self.complete(values, desk)
        question = asked.question
        if question.dataset:
            fitting = len(pairs_of_question(question, desk.data, desk.dataset(question.dataset)))
        elif question.questions:
            fitting = desk.question_set(question.questions).prompts
        else:
            fitting = len(question.texts)
        taken = min(fitting, question.limit)
        return Cost("texts", fitting, taken, taken).timed(desk.rough_speed(asked.model.info, KEY))

    def fits(self, info: ModelInfo) -> bool:
        """Every model: the texts go by what it reads."""
        return True


def texts_of(area: str) -> list[str]:
    """The texts between lines that hold only ``---``; each as it stands, line ends aside; empty ones are left out."""
    groups: list[list[str]] = [[]]
    for line in area.replace("\r\n", "\n").split("\n"):
        if line.strip() == SEPARATOR:
            groups.append([])
        else:
            groups[-1].append(line)
    return ["\n".join(group) for group in groups if any(line.strip() for line in group)]


def _neurons(form: ActivationsForm, model: Model, desk: Desk) -> tuple[str, ...]:
    """The ids that were written, and members of saved sets; each once.

    Raises:
        Missing: none. BadInput: too many, or a set of other weights. Unsupported: heads. NotFound: no such set.
    """
    saved = [desk.saved(number) for number in form.saved]
    for one in saved:
        if one.weights_hash != model.weights:
            found = f"'{one.name}' of {one.model}, weights {one.weights_hash[:12]}"
            raise BadInput(f"sets of {model.info.slug}, weights {model.weights[:12]}", found, "Leave it out.", "set")
    ids = dict.fromkeys(str(NeuronIndex.parse(text)) for text in form.neurons)
    ids |= dict.fromkeys(member for one in saved for member in one.members)
    if not ids:
        raise Missing("neurons to look at", "none", "Write their ids, or choose a saved set.", "neurons")
    if len(ids) > MOST:
        raise BadInput(
            f"at most {MOST} neurons", f"{len(ids):,}", "Look at a part of them.", "set" if saved else "neurons"
        )
    card = desk.registry.card(model.info.slug)
    for text in ids:
        index = NeuronIndex.parse(text)
        if index.kind in (SiteKind.HEAD, SiteKind.WORDS):
            raise Unsupported(
                "neurons, which have one activation a token", f"'{text}'", "Choose other units.", "neurons"
            )
        widths = None if card is None else card.widths.get(index.kind, ())
        if widths is not None and (index.layer >= len(widths) or index.unit >= widths[index.layer]):
            most = f"layers 0 to {len(widths) - 1}, units 0 to {max(widths) - 1}" if widths else "other kinds"
            raise BadInput(f"a neuron of {model.info.slug}: {most}", f"'{text}'", "Correct the id.", "neurons")
    return tuple(ids)


def _of_dataset(form: ActivationsForm, desk: Desk) -> tuple[str, dict[str, str]]:
    """A dataset's name, and the fields that name it.

    Raises:
        NotFound: no such dataset. BadInput: it has no such passages.
    """
    dataset = desk.dataset(form.dataset)
    if not pairs_of_question(form, desk.data, dataset):
        way = "Choose its candidates, or another dataset." if form.passages == "judged" else "Choose another one."
        raise BadInput(f"{PASSAGES[form.passages]} with texts in {dataset.name}", "none", way, "passages")
    return dataset.name, {"dataset": dataset.hash, "dataset_name": dataset.name}


def _check_pasted(form: ActivationsForm, model: Model) -> None:
    """See that no pasted text is empty, and that a query stands in front where the model reads pairs.

    Raises:
        Missing: with the field ``texts`` or ``query``. BadInput: a query for a model that reads one text.
    """
    for number, text in enumerate(form.texts, start=1):
        if not text.strip():
            raise Missing("some text in every text", f"text {number} is empty", "Fill it, or leave it out.", "texts")
    if not form.query.strip() and not reads_pairs(model.info.tasks, "prompt"):
        way = "Write a query, or choose a model that reads one text."
        raise Missing("a query in front of the texts for a model that reads pairs", "none", way, "query")
    if form.query.strip() and not reads_pairs(model.info.tasks):
        raise BadInput("no query for a model that reads one text", "a query", "Leave the query empty.", "query")
