"""The work of an ablation study: neuron sets switched off on whole candidate lists of a dataset, beside controls
(``nig.md`` sections 10, 11, 18).

A shard is one query: its candidates are encoded once and answered under every setting.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.outcomes import lists_of, measured, references
from app.data.samples import stored_dataset
from app.domain.datasets import Dataset
from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.interventions import Axis, Family, Op, Setting
from app.domain.neuron_sets import Members, random_global, random_matched
from app.domain.results import ArrayRow, ResponseRow
from app.domain.roles import is_source, set_label
from app.domain.scores import NeuronScores, RunningScores
from app.domain.sites import NeuronIndex, NeuronSpace
from app.domain.targets import OUTPUTS
from app.interventions.responses import grid, responses, sources_for
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.answers import TOKENS_PER_PASS, described
from app.kinds.study.lists import candidate_lists, lacks
from app.kinds.study.question import StudyQuestion
from app.kinds.study.wording import told
from app.models.host import ModelHost

CANDIDATES_AT_ONCE = 10
NO_STAGE = "ids (no first stage)"
"""What the order of candidates is called whose scores say nothing."""
ORIGIN = "pad_query_and_passage"
"""The baseline whose values an edit restores."""


class StudyWork:
    """The work of one study: rankings are decoded, and random sets are drawn, once."""

    def __init__(self, question: StudyQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host

    @cached_property
    def dataset(self) -> Dataset:
        """The stored dataset."""
        return stored_dataset(self.question.evaluation, self.given.data)

    @cached_property
    def rankings(self) -> dict[str, NeuronScores]:
        """Role to scores; all of one neuron space.

        Raises:
            BadInput: rankings of different spaces.
        """
        by_role = {role: self.given.results.scores(run.id) for role, run in sorted(self.given.runs.items())}
        spaces = {scores.space for scores in by_role.values()}
        if len(spaces) > 1:
            way = "Choose runs of one preset."
            raise BadInput("rankings of the same neurons", f"{len(spaces)} different spaces", way)
        return by_role

    @cached_property
    def space(self) -> NeuronSpace:
        """The neurons of the rankings, or of the preset where there are none."""
        first = next(iter(self.rankings.values()), None)
        return self.host.space(self.question.preset) if first is None else first.space

    @cached_property
    def settings(self) -> list[Setting]:
        """Every state under test, the intact model first."""
        return settings_of(self.question, self.rankings, self.space)

    def plan(self) -> dict[str, Any]:
        """Queries, candidates and the number of settings.

        Raises:
            BadInput: no query fits. NotFound: the dataset is not in this database.
        """
        found = candidate_lists(self.question, self.given.data, self.dataset)
        lists, threshold = found.read, self.question.evaluation.threshold
        grades = self.given.data.judgements(self.dataset.id, set(lists))
        relevant = any(grade >= threshold for query in lists for grade in grades[query].values())
        first = next((query for query, passages in lists.items() if passages), None)
        if first is None or not relevant:
            part = self.question.evaluation.part
            raise BadInput(
                f"queries of the part {part} with candidates, and some relevant judgement",
                "none",
                "Choose another part or threshold.",
            )
        batch = self.host.encode(self._examples(first, lists[first][:1]), max_length=self.question.max_length)
        return {
            "items": len(lists),
            "queries": [[query, len(passages)] for query, passages in lists.items()],
            "pairs": [[q, p, grades.get(q, {}).get(p)] for q, passages in lists.items() for p in passages],
            "whole": found.kept,
            "level": found.level == found.several > 0,
            "settings": len(self.settings),
            "tokens": TOKENS_PER_PASS.get(self.host.device.type, 2048),
            "neurons": len(self.space),
            "target": self.host.target(self.question.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """One query with something to read per shard; its work is candidates times settings."""
        shards, first = [], 0
        for number, count in enumerate(count for _, count in plan["queries"] if count):
            shards.append(Shard(number, first, count, count * plan["settings"]))
            first += count
        return tuple(shards)

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Answers for one query's candidates under every setting."""
        pairs = plan["pairs"][shard.first : shard.first + shard.count]
        answers = self._answers(self._examples(pairs[0][0], [pair[1] for pair in pairs]), plan["tokens"])
        head = tuple(described(self.settings, self.space)) if shard.number == 0 else ()
        rows = (ResponseRow(number, shard.first, answers[number]) for number in range(len(self.settings)))
        return Partial(None, (*head, *rows))

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Every measure of every query under every setting, and reference orders of the same candidates."""
        answers, count = _stored(self.given, plan["settings"])
        facts: dict[str, Any] = {"outputs": list(OUTPUTS), "neurons": plan["neurons"], "pairs": count}
        if not count:
            return Finished((), {**facts, "n": 0}, ())
        lists = lists_of(plan["queries"], plan["pairs"], count)
        kept = plan.get("whole", {})
        whole = {query: kept.get(query, passages) for query, passages in lists.items()}
        grades = self.given.data.judgements(self.dataset.id, set(lists))
        tau = self.question.evaluation.threshold
        by_measure = measured(answers, lists, grades, tau, whole, self.host.between)
        rows = tuple(ArrayRow("metric", name, "all", "query", 0, len(lists), v) for name, v in by_measure.items())
        anchors = references(whole, grades, tau)
        if plan.get("level"):
            anchors = {NO_STAGE: anchors.pop("first stage"), **anchors}
        left = lacks(whole, lists, grades, tau, self.given.data.without_text(self.dataset.id, "passage"))
        facts |= {"n": len(lists), "measures": list(by_measure), "anchors": anchors, "left": left}
        return Finished(rows, facts, tuple(self._warnings(plan, len(lists), left)))

    @staticmethod
    def _warnings(plan: Mapping[str, Any], n: int, left: Mapping[str, int]) -> Iterator[str]:
        if left:
            yield told(n, left)
        if plan.get("level"):
            yield "The first stage says nothing: all its scores of a query are equal, so candidates stood by their ids."
        if n < 30:
            yield f"Means over {n} queries are rough; see the intervals."

    def _examples(self, query: str, passages: Sequence[str]) -> list[Example]:
        """A query with each of these passages."""
        text = self.given.data.texts(self.dataset.id, "query", {query})[query]
        texts = self.given.data.texts(self.dataset.id, "passage", set(passages))
        return [Example(f"{query} {passage}", text, texts[passage]) for passage in passages]

    def _answers(self, examples: list[Example], tokens: int) -> NDArray[np.float64]:
        """[S, C, Y], candidates of similar length together; resampling needs all candidates at once."""
        whole = self.question.op is Op.RESAMPLE
        order = list(range(len(examples)))
        if not whole:
            order.sort(key=lambda at: len(examples[at].passage or ""))
        size = len(order) if whole else CANDIDATES_AT_ONCE
        answers = np.zeros((len(self.settings), len(examples), len(OUTPUTS)))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = self.host.encode([examples[row] for row in rows], max_length=self.question.max_length)
            target = self.host.target(self.question.target, batch)
            sources = sources_for(self.host, batch, self.settings, self.space, ORIGIN)
            room = max(1, int(self.host.room * tokens) // batch.mask.shape[1])
            cells = grid(self.settings, len(rows))
            flat = responses(self.host, batch, target, cells, self.space, sources, rows=room)
            answers[:, rows] = flat.reshape(len(self.settings), len(rows), -1)
        return answers


def _stored(given: Inputs, settings: int) -> tuple[NDArray[np.float64], int]:
    """[S, P, Y] answers of the pairs that every setting has answered, and how many pairs those are."""
    answers = given.results.responses(given.own)
    count = min((len(answers.get(number, {})) for number in range(settings)), default=0)
    stored = np.zeros((settings, count, len(OUTPUTS)))
    for number in range(settings):
        for item in range(count):
            stored[number, item] = answers[number][item]
    return stored, count


def settings_count(question: StudyQuestion, sources: int, controls: int) -> int:
    """How many states :func:`settings_of` gives with so many tested and control rankings."""
    with_random = 1 + question.seeds
    cut = (
        sources * (with_random + (2 if question.ends else 0))
        + controls
        + (question.seeds if question.everywhere else 0)
    )
    return 1 + len(set(question.fractions)) * cut + with_random * (len(question.sets) + len(question.doses) * sources)


def settings_of(question: StudyQuestion, rankings: Mapping[str, NeuronScores], space: NeuronSpace) -> list[Setting]:
    """Every state under test, the intact model first; the same question and scores give the same list."""
    how: dict[str, Any] = {"op": question.op, "amount": question.amount, "segments": question.segments}
    settings = [Setting()]
    for share in sorted(set(question.fractions)):
        count = max(1, round(share * len(space)))
        for role, scores in rankings.items():
            settings += _cut(question, role, scores, count, {**how, "axis": Axis.CURVE, "count": count})
        if question.everywhere:
            for seed in range(question.seed, question.seed + question.seeds):
                members = random_global(count, space, seed)
                settings.append(Setting(Family.GLOBAL, members, seed=seed, axis=Axis.CURVE, count=count, **how))
    for place, named in enumerate(question.sets, start=1):
        members = np.asarray(sorted(space.flat(NeuronIndex.parse(text)) for text in named.neurons), dtype=np.int64)
        label = set_label(place, named.name)
        settings += _with_random(question, label, members, space, {**how, "axis": Axis.CHOSEN, "count": len(members)})
    return [*settings, *_doses(question, rankings, space)]


def _cut(
    question: StudyQuestion, role: str, scores: NeuronScores, count: int, how: Mapping[str, Any]
) -> Iterator[Setting]:
    """A ranking at one size: a tested one with its random sets and ends, or a control."""
    members = np.sort(scores.order()[:count])
    if not is_source(role):
        yield Setting(Family.CONTROL, members, label=role, **how)
        return
    yield from _with_random(question, role, members, scores.space, how)
    for end in ("bottom", "small") if question.ends else ():
        yield Setting(end, np.sort(scores.order("all", end)[:count]), label=role, **how)


def _with_random(
    question: StudyQuestion, label: str, members: Members, space: NeuronSpace, how: Mapping[str, Any]
) -> Iterator[Setting]:
    """A set, and random sets with as many neurons of each site."""
    yield Setting(Family.TARGET, members, label=label, **how)
    for seed in range(question.seed, question.seed + question.seeds):
        yield Setting(Family.RANDOM, random_matched(members, space, seed), seed=seed, label=label, **how)


def _doses(question: StudyQuestion, rankings: Mapping[str, NeuronScores], space: NeuronSpace) -> Iterator[Setting]:
    """Dose-response of each tested ranking at one size."""
    count = max(1, round(question.dose_fraction * len(space)))
    for dose in question.doses:
        how: dict[str, Any] = {
            "op": Op.SCALE,
            "amount": dose,
            "segments": question.segments,
            "axis": Axis.DOSE,
            "count": count,
        }
        for role, scores in rankings.items():
            if is_source(role):
                yield from _with_random(question, role, np.sort(scores.order()[:count]), space, how)
