"""Which texts neurons are looked at in, in an order that only the seed decides."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.data.samples import DatasetReader, Pair
from app.domain.datasets import Dataset
from app.domain.errors import NotFound
from app.domain.examples import Example
from app.domain.question_sets import QuestionReader
from app.kinds.activations.question import ActivationsQuestion
from app.models.tasks import task_for


@dataclass(frozen=True)
class Read:
    """One text that is read. ``key`` names it; ``query`` is the key of its query, empty without one; ``grade`` is None
    where nobody judged it."""

    key: str
    query: str
    example: Example
    grade: int | None = None


def reads_pairs(tasks: Collection[str], form: str = "pair") -> bool:
    """Whether a model of these ways of reading reads pairs, or another form."""
    return task_for(tuple(tasks), form) is not None


def pairs_of_question(question: ActivationsQuestion, data: DatasetReader, dataset: Dataset) -> list[Pair]:
    """Every pair of a dataset that is asked for and has both texts, in the seed's order."""
    queries = data.query_keys(dataset.id)
    judged = data.judgements(dataset.id)
    if question.passages == "judged":
        pairs = [Pair(query, key, grade) for query in queries for key, grade in judged.get(query, {}).items()]
    else:
        hits = data.candidates(dataset.id, depth=question.depth)
        pairs = [
            Pair(query, key, judged.get(query, {}).get(key))
            for query in queries
            for key in list(hits.get(query, {}))[: question.depth]
        ]
    mute = data.without_text(dataset.id, "query"), data.without_text(dataset.id, "passage")
    known = [pair for pair in pairs if pair.query not in mute[0] and pair.passage not in mute[1]]
    return sorted(known, key=lambda pair: _place(question.seed, pair.query, pair.passage))


def texts_of_pairs(pairs: Sequence[Pair], data: DatasetReader, dataset: Dataset, both: bool) -> list[Read]:
    """The texts of some pairs; the passage alone where the model does not read pairs."""
    queries = data.texts(dataset.id, "query", {pair.query for pair in pairs})
    passages = data.texts(dataset.id, "passage", {pair.passage for pair in pairs})
    return [
        Read(
            pair.passage,
            pair.query,
            Example(pair.passage, queries[pair.query], passages[pair.passage])
            if both
            else Example(pair.passage, passages[pair.passage]),
            pair.grade,
        )
        for pair in pairs
    ]


def prompts_of(question: ActivationsQuestion, reader: QuestionReader) -> list[Read]:
    """Prompts of a question set, every wording, in the seed's order.

    Raises:
        NotFound: it is not in this database.
    """
    try:
        found = reader.question_set(question.questions)
    except NotFound as error:
        wanted = f"the question set '{question.questions_name}' in this database"
        way = "Import it again, then resume the run."
        raise NotFound(wanted, f"none with the content {question.questions[:12]}", way, "questions") from error
    reads = [
        Read(f"{query.key} {at}", query.key, Example(query.key, wording.prompt))
        for query in reader.queries(found.id)
        for at, wording in enumerate(query.wordings)
    ]
    return sorted(reads, key=lambda read: _place(question.seed, read.key, ""))


def pasted(question: ActivationsQuestion) -> list[Read]:
    """Pasted texts in their order, behind their query where there is one."""
    return [
        Read(
            f"text {at}",
            "",
            Example(str(at), question.query, text) if question.query.strip() else Example(str(at), text),
        )
        for at, text in enumerate(question.texts, start=1)
    ]


def _place(seed: int, *names: str) -> bytes:
    return hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
