"""Ablate neuron sets on whole candidate lists of a dataset, beside controls (``nig.md`` sections 10, 11, 18).

A shard is one query: its candidates are encoded once and answered under every setting.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from app.analysis.outcomes import lists_of, measured, references
from app.data.samples import DatasetReader
from app.domain.datasets import Dataset
from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import Members, random_global, random_matched
from app.domain.results import ArrayRow, ResponseRow
from app.domain.runs import Lane
from app.domain.scores import NeuronScores, RunningScores
from app.domain.sites import NeuronIndex, NeuronSpace
from app.domain.studying import StudySettings
from app.interventions.responses import OUTPUTS, responses, sources_for
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.jobs.kinds.base import dataset_of, described
from app.models.host import ModelHost

TOKENS_PER_PASS = {"cpu": 4096, "cuda": 65536}
CANDIDATES_AT_ONCE = 10


class Study:
    """The kind of run that ablates over a dataset."""

    key: ClassVar[str] = "study"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Ablation study"
    Settings: ClassVar[type[BaseModel]] = StudySettings

    def lane(self, settings: BaseModel) -> Lane:
        """Batch work."""
        return Lane.BATCH

    def plan(self, settings: BaseModel, given: Inputs, host: ModelHost) -> dict[str, Any]:
        """Queries, candidates and the number of settings.

        Raises:
            BadInput: no query fits. NotFound: the dataset is not in this database.
        """
        assert isinstance(settings, StudySettings)
        dataset = dataset_of(settings.evaluation, given)
        lists = candidate_lists(settings, given.data, dataset)
        if not lists:
            part = settings.evaluation.part
            raise BadInput(
                f"queries of the part {part} with candidates and a relevant judgement",
                "none",
                "Choose another part or threshold.",
            )
        grades = given.data.judgements(dataset.id, set(lists))
        first = next(iter(lists))
        batch = host.encode(_examples(first, lists[first][:1], given, dataset), max_length=settings.max_length)
        everything = settings_of(settings, _rankings(given), _space(settings, given, host))
        return {
            "items": len(lists),
            "queries": [[query, len(passages)] for query, passages in lists.items()],
            "pairs": [[q, p, grades.get(q, {}).get(p)] for q, passages in lists.items() for p in passages],
            "settings": len(everything),
            "tokens": TOKENS_PER_PASS.get(host.device.type, 4096),
            "neurons": len(_space(settings, given, host)),
            "target": host.target(settings.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, settings: BaseModel, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One query per shard; its work is candidates times settings."""
        found, first = [], 0
        for number, (_, count) in enumerate(plan["queries"]):
            found.append(Shard(number, first, count, count * plan["settings"]))
            first += count
        return tuple(found)

    def work(
        self, settings: BaseModel, plan: Mapping[str, Any], shard: Shard, given: Inputs, host: ModelHost
    ) -> Partial:
        """Answers for one query's candidates under every setting."""
        assert isinstance(settings, StudySettings)
        space = _space(settings, given, host)
        everything = settings_of(settings, _rankings(given), space)
        pairs = plan["pairs"][shard.first : shard.first + shard.count]
        examples = _examples(pairs[0][0], [pair[1] for pair in pairs], given, dataset_of(settings.evaluation, given))
        answers = _answers(settings, plan, examples, everything, space, host)
        rows = tuple(ResponseRow(number, shard.first, answers[number]) for number in range(len(everything)))
        return Partial(None, (*(described(everything, space) if shard.number == 0 else ()), *rows))

    def finish(
        self,
        settings: BaseModel,
        plan: Mapping[str, Any],
        total: RunningScores | None,
        given: Inputs,
        host: ModelHost,
    ) -> Finished:
        """Every measure of every query under every setting, and reference orders of the same candidates."""
        assert isinstance(settings, StudySettings)
        answers, count = _stored(given, plan["settings"])
        facts: dict[str, Any] = {"outputs": list(OUTPUTS), "neurons": plan["neurons"], "pairs": count}
        if not count:
            return Finished((), {**facts, "n": 0}, ())
        lists, _ = lists_of(plan["pairs"], count)
        grades = given.data.judgements(dataset_of(settings.evaluation, given).id, set(lists))
        tau = settings.evaluation.threshold
        found = measured(answers, lists, grades, tau)
        rows = tuple(ArrayRow("metric", name, "all", "query", 0, len(lists), v) for name, v in found.items())
        facts |= {"n": len(lists), "measures": list(found), "anchors": references(lists, grades, tau)}
        few = () if len(lists) >= 30 else (f"Means over {len(lists)} queries are rough; see the intervals.",)
        return Finished(rows, facts, few)


def _stored(given: Inputs, settings: int) -> tuple[NDArray[np.float64], int]:
    """[S, P, Y] answers of the pairs that every setting has answered, and how many pairs those are."""
    answers = given.results.responses(given.own)
    count = min((len(answers.get(number, {})) for number in range(settings)), default=0)
    found = np.zeros((settings, count, len(OUTPUTS)))
    for number in range(settings):
        for item in range(count):
            found[number, item] = answers[number][item]
    return found, count


def candidate_lists(settings: StudySettings, data: DatasetReader, dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Query to its candidates in first-stage order; a larger study contains the smaller one."""
    asked = settings.evaluation
    judged = data.judgements(dataset.id)
    fitting = [
        query
        for query in data.query_keys(dataset.id)
        if (asked.part == "all" or asked.split.part(query) == asked.part)
        and any(grade >= asked.threshold for grade in judged.get(query, {}).values())
    ]
    drawn = sorted(fitting, key=lambda query: hashlib.sha256(f"{asked.seed}:{query}".encode()).digest())
    hits = data.candidates(dataset.id, set(drawn), asked.depth)
    listed = [query for query in drawn if len(hits.get(query, {})) > 1][: asked.queries]
    return {query: tuple(hits[query]) for query in sorted(listed)}


def _examples(query: str, passages: Sequence[str], given: Inputs, dataset: Dataset) -> list[Example]:
    asked = given.data.texts(dataset.id, "query", {query})[query]
    texts = given.data.texts(dataset.id, "passage", set(passages))
    return [Example(f"{query} {passage}", asked, texts[passage]) for passage in passages]


def _rankings(given: Inputs) -> dict[str, NeuronScores]:
    """Role to scores; all of one neuron space.

    Raises:
        BadInput: rankings of different spaces.
    """
    found = {role: given.results.scores(run.id) for role, run in sorted(given.runs.items())}
    spaces = {scores.space for scores in found.values()}
    if len(spaces) > 1:
        raise BadInput("rankings of the same neurons", f"{len(spaces)} different spaces", "Choose runs of one preset.")
    return found


def _space(settings: StudySettings, given: Inputs, host: ModelHost) -> NeuronSpace:
    rankings = _rankings(given)
    return next(iter(rankings.values())).space if rankings else host.space(settings.preset)


def _answers(
    settings: StudySettings,
    plan: Mapping[str, Any],
    examples: list[Example],
    everything: Sequence[Setting],
    space: NeuronSpace,
    host: ModelHost,
) -> NDArray[np.float64]:
    """[S, C, Y], candidates of similar length together; resampling needs all candidates at once."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].passage or ""))
    size = len(order) if settings.op is Op.RESAMPLE else CANDIDATES_AT_ONCE
    order = list(range(len(examples))) if settings.op is Op.RESAMPLE else order
    found = np.zeros((len(everything), len(examples), len(OUTPUTS)))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        batch = host.encode([examples[row] for row in rows], max_length=settings.max_length)
        target = host.target(settings.target, batch)
        sources = sources_for(host, batch, everything, space, "pad_query_and_passage")
        room = max(1, int(host.room * plan["tokens"]) // batch.mask.shape[1])
        found[:, rows] = responses(host, batch, target, everything, space, sources, rows=room)
    return found


def settings_count(asked: StudySettings, sources: int, controls: int) -> int:
    """How many states :func:`settings_of` gives with so many tested and control rankings."""
    one = 1 + asked.seeds
    cut = sources * (one + (2 if asked.ends else 0)) + controls + (asked.seeds if asked.everywhere else 0)
    return 1 + len(set(asked.fractions)) * cut + one * (len(asked.sets) + len(asked.doses) * sources)


def settings_of(asked: StudySettings, rankings: Mapping[str, NeuronScores], space: NeuronSpace) -> list[Setting]:
    """Every state under test, the intact model first; the same question and scores give the same list."""
    how: dict[str, Any] = {"op": asked.op, "amount": asked.amount, "segments": asked.segments}
    found = [Setting()]
    for share in sorted(set(asked.fractions)):
        count = max(1, round(share * len(space)))
        for role, scores in rankings.items():
            found += _cut(asked, role, scores, count, {**how, "axis": "curve", "count": count})
        if asked.everywhere:
            for seed in range(asked.seed, asked.seed + asked.seeds):
                members = random_global(count, space, seed)
                found.append(Setting("global", members, seed=seed, axis="curve", count=count, **how))
    for named in asked.sets:
        members = np.asarray(sorted(space.flat(NeuronIndex.parse(text)) for text in named.neurons), dtype=np.int64)
        found += _with_random(asked, named.name, members, space, {**how, "axis": "chosen", "count": len(members)})
    return [*found, *_doses(asked, rankings, space)]


def _cut(
    asked: StudySettings, role: str, scores: NeuronScores, count: int, how: Mapping[str, Any]
) -> Iterator[Setting]:
    """A ranking at one size: a tested one with its random sets and ends, or a control."""
    members = np.sort(scores.order()[:count])
    if not role.startswith("source"):
        yield Setting("control", members, label=role, **how)
        return
    yield from _with_random(asked, role, members, scores.space, how)
    for end in ("bottom", "small") if asked.ends else ():
        yield Setting(end, np.sort(scores.order("all", end)[:count]), label=role, **how)


def _with_random(
    asked: StudySettings, label: str, members: Members, space: NeuronSpace, how: Mapping[str, Any]
) -> Iterator[Setting]:
    """A set, and random sets with as many neurons of each site."""
    yield Setting("target", members, label=label, **how)
    for seed in range(asked.seed, asked.seed + asked.seeds):
        yield Setting("random", random_matched(members, space, seed), seed=seed, label=label, **how)


def _doses(asked: StudySettings, rankings: Mapping[str, NeuronScores], space: NeuronSpace) -> Iterator[Setting]:
    """Dose-response of each tested ranking at one size."""
    count = max(1, round(asked.dose_fraction * len(space)))
    for dose in asked.doses:
        how: dict[str, Any] = {
            "op": Op.SCALE,
            "amount": dose,
            "segments": asked.segments,
            "axis": "dose",
            "count": count,
        }
        for role, scores in rankings.items():
            if role.startswith("source"):
                yield from _with_random(asked, role, np.sort(scores.order()[:count]), space, how)
