"""A small question set in memory, and the work of a search over it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from app.analysis.clusters import Strongest
from app.domain.errors import NotFound
from app.domain.query_sampling import QuerySample, Thresholds
from app.domain.question_sets import QuestionQuery, QuestionSet, Wording, content_hash
from app.domain.results import ArrayRow, ItemRow
from app.domain.sites import NeuronSpace
from app.jobs.base import Inputs
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.clusters.work import ClustersWork
from app.kinds.queries import NEGATIVE_NEURONS, NEGATIVE_SCORES, Prompt, Sets
from app.main import Golgi
from app.models.host import ModelHost

WORDS = ("rain", "water", "dog", "fox", "clouds", "plain")


def queries(number: int = 6, wordings: int = 3) -> tuple[QuestionQuery, ...]:
    starts = ("what causes", "the relevant document is", "because clouds hold")
    return tuple(
        QuestionQuery(
            f"q{at}",
            ("first", "second")[at % 2],
            tuple(Wording(f"{start} {WORDS[at]} a", WORDS[-at - 1]) for start in starts[:wordings]),
        )
        for at in range(number)
    )


def file_of(folder: Path) -> Path:
    """The same queries as a file that can be brought in."""
    path = folder / "questions.jsonl"
    rows = [
        {
            "key": query.key,
            "domain": query.domain,
            "wordings": [{"prompt": w.prompt, "target": w.target, "options": []} for w in query.wordings],
        }
        for query in queries()
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


class Memory:
    """A question set in memory."""

    def __init__(self, *stored: QuestionQuery) -> None:
        self.stored = stored

    def question_set(self, name: str) -> QuestionSet:
        if name != content_hash(self.stored):
            raise NotFound("a set", "none", "Import it.")
        return QuestionSet(1, "memory", name, 0, 0, {}, 0, False, "", "", {}, datetime.now(UTC), False)

    def queries(self, number: int, keys: Any = None) -> tuple[QuestionQuery, ...]:
        return self.stored


def work(host: ModelHost, stored: tuple[QuestionQuery, ...], **sample: Any) -> ClustersWork:
    values = {"known": 0, **sample}
    question = ClustersQuestion(
        sample=QuerySample(questions=content_hash(stored), name="memory", **values), params={"steps": 4}, max_length=64
    )
    return ClustersWork(question, Inputs({}, None, None, questions=Memory(*stored)), host)  # type: ignore[arg-type]


def ran(doing: ClustersWork) -> tuple[dict[str, Any], list[Any], Any]:
    """Plan, rows, and what it finishes with."""
    plan, rows, total = doing.plan(), [], None
    for shard in doing.shards(plan):
        partial = doing.work(plan, shard)
        rows += partial.rows
        total = partial.sums if total is None else total.add(partial.sums)
    return plan, rows, doing.finish(plan, total)


def sets_of(doing: ClustersWork, rows: list[Any], **look: Any) -> Sets:
    """As a report reads them."""
    arrays = {(row.name, row.part): row.values for row in rows if isinstance(row, ArrayRow)}
    prompts: dict[str, list[Prompt]] = {}
    domains = {}
    for row in rows:
        if isinstance(row, ItemRow) and row.label == "prompt":
            neurons = arrays[f"{row.item}", "neurons"].astype(np.int64)
            below = Strongest(
                arrays[f"{row.item}", NEGATIVE_NEURONS].astype(np.int64), -arrays[f"{row.item}", NEGATIVE_SCORES]
            )
            prompt = Prompt(row, Strongest(neurons, arrays[f"{row.item}", "scores"]), below)
            prompts.setdefault(row.notes["query"], []).append(prompt)
            domains[row.notes["query"]] = row.notes["domain"]
    return Sets(prompts, domains, doing.space, Thresholds(**look))


def search(golgi: Golgi, tmp_path: Path, limit: int = 20) -> int:
    """The number of a finished search over them."""
    if not golgi.services.questions.store.find():
        golgi.services.questions.bring(str(file_of(tmp_path)), {"name": "mine"})
    values = {"model": "tiny-gpt2", "sample": {"questions": "mine", "known": 0, "limit": limit}, "params": {"steps": 3}}
    run = golgi.services.requests.start("clusters", values)
    golgi.worker.run_once()
    done = golgi.services.runs.get(run.id)
    assert done.state.value == "done", done.error
    return run.id


class Stored:
    """Rows of a finished search in memory."""

    def __init__(self, rows: list[Any], space: NeuronSpace) -> None:
        self.rows, self.scored = rows, space

    def space(self, number: int) -> NeuronSpace:
        return self.scored

    def named(self, number: int, group: str) -> dict[tuple[str, str], Any]:
        return {(row.name, row.part): row.values for row in self.rows if isinstance(row, ArrayRow)}

    def items(self, number: int) -> tuple[ItemRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, ItemRow))


def searched(doing: ClustersWork) -> tuple[Any, Stored]:
    """A finished search and its stored rows."""
    plan, rows, finished = ran(doing)
    spec = SimpleNamespace(settings=doing.question.model_dump(mode="json"))
    run = SimpleNamespace(id=1, spec=spec, plan=plan, facts=finished.facts, created=datetime.now(UTC))
    return run, Stored(rows, doing.space)
