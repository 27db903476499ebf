"""The work of an ablation: neurons of an explained run switched off, beside controls (``nig.md`` sections 10, 11, 18).

A shard is one example under a slice of the settings, so a stopped run keeps whole answers.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from app.domain.interventions import Axis, Family, Op, Setting
from app.domain.neuron_sets import Members, random_matched, ranked, select
from app.domain.results import ResponseRow
from app.domain.roles import SOURCE
from app.domain.scores import NeuronScores, RunningScores
from app.domain.targets import OUTPUTS
from app.interventions.responses import grid, responses, sources_for
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.ablate.question import AblateQuestion
from app.kinds.answers import TOKENS_PER_PASS, described
from app.kinds.explain.question import ExplainQuestion
from app.methods.base import method_of
from app.models.host import ModelHost

SETTINGS_PER_SHARD = 64


class AblateWork:
    """The work of one ablation: the ranking is decoded, and random sets are drawn, once."""

    def __init__(self, question: AblateQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.run = given.runs[SOURCE]
        self.source = ExplainQuestion.model_validate(self.run.spec.settings)

    @cached_property
    def scores(self) -> NeuronScores:
        """The ranking that neurons are taken from."""
        return self.given.results.scores(self.run.id)

    @cached_property
    def settings(self) -> list[Setting]:
        """Every state under test."""
        return settings_of(self.question, self.scores)

    def plan(self) -> dict[str, Any]:
        """Settings, rows of a pass, the selected neurons."""
        length = self.source.max_length
        batch = self.host.encode(self.source.groups[0], max_length=length)
        tokens = max(self.host.encode([x], max_length=length).mask.shape[1] for x in self.source.examples)
        room = TOKENS_PER_PASS.get(self.host.device.type, 2048)
        return {
            "items": len(self.source.examples),
            "groups": len(self.source.groups),
            "settings": len(self.settings),
            "rows": max(1, min(SETTINGS_PER_SHARD, room // tokens)),
            "neurons": len(self.scores.space),
            "target": self.host.target(self.source.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Slices of the settings, all examples under the first slice before the next one."""
        starts = range(0, plan["settings"], SETTINGS_PER_SHARD)
        sizes = [min(SETTINGS_PER_SHARD, plan["settings"] - start) for start in starts]
        cells = [(group, size) for size in sizes for group in range(_groups(plan))]
        return tuple(Shard(number, group, 1, size) for number, (group, size) in enumerate(cells))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """Answers of one example (of two for a pairwise target) under one slice of the settings."""
        space = self.scores.space
        first = shard.number // _groups(plan) * SETTINGS_PER_SHARD
        part = self.settings[first : first + shard.work]
        batch = self.host.encode(self.source.groups[shard.first], max_length=self.source.max_length)
        target = self.host.target(self.source.target, batch)
        origin = method_of(self.source.method, self.source.params).origin
        sources = sources_for(self.host, batch, part, space, origin)
        examples = len(batch.examples)
        flat = responses(self.host, batch, target, grid(part, examples), space, sources, rows=plan["rows"])
        answers = flat.reshape(len(part), examples, -1)
        head = tuple(described(self.settings, space)) if shard.number == 0 else ()
        rows = tuple(ResponseRow(first + at, shard.first, answers[at]) for at in range(len(part)))
        return Partial(None, head + rows)

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Names of the outputs and the size of the selection; no input counts until all have answered a setting."""
        answers = self.given.results.responses(self.given.own)
        whole = sum(len(inputs) == plan["items"] for inputs in answers.values())
        facts = {
            "outputs": list(OUTPUTS),
            "count": len(select(self.question.selection, self.scores)),
            "neurons": len(self.scores.space),
            "n": plan["items"] if whole > 1 else 0,
        }
        return Finished((), facts, tuple(self._warnings()))

    def _warnings(self) -> Iterator[str]:
        if self.source.params.get("preset") in ("ffn_pre", "linear6") and self.question.op is Op.SCALE:
            yield "Scaling before the non-linearity is not the same as scaling the neuron; compare with the preset ffn."


def _groups(plan: Mapping[str, Any]) -> int:
    """Inputs that are answered one after the other; a pairwise target takes two at once."""
    return int(plan.get("groups", plan["items"]))


def settings_of(question: AblateQuestion, scores: NeuronScores) -> list[Setting]:
    """Every state under test, the intact model first; the same rule and scores give the same list."""
    how: dict[str, Any] = {"op": question.op, "amount": question.amount, "segments": question.segments}
    order = ranked(question.selection, scores)
    chosen = select(question.selection, scores)
    settings = [Setting(), *_beside(question, chosen, scores, Axis.CHOSEN, how)]
    sizes = sorted({min(len(order), max(1, round(share * len(scores.space)))) for share in question.curve})
    for size in sizes if len(order) > 1 else ():
        settings += _beside(question, order[:size], scores, Axis.CURVE, how)
    for dose in question.doses:
        scaled: dict[str, Any] = {
            "op": Op.SCALE,
            "amount": dose,
            "segments": question.segments,
            "axis": Axis.DOSE,
            "count": len(chosen),
        }
        settings.append(Setting(Family.TARGET, chosen, **scaled))
        settings += [
            Setting(Family.RANDOM, members, seed=seed, **scaled) for seed, members in _random(question, chosen, scores)
        ]
    return [*settings, *_one_by_one(question, scores)]


def _one_by_one(question: AblateQuestion, scores: NeuronScores) -> Iterator[Setting]:
    """Single neurons with their baseline value, and in the baseline input with their real value: the top, the bottom,
    and as many drawn from the rest."""
    count = min(question.patched, len(scores.space) // 3)
    ends = {"target": scores.order()[:count], "bottom": scores.order("all", "bottom")[:count]}
    rest = np.setdiff1d(np.arange(len(scores.space)), np.concatenate(list(ends.values())))
    drawn = np.random.default_rng(question.seed).choice(rest, size=count, replace=False)
    if count:
        yield Setting(Family.START, op=Op.INPUT, axis=Axis.BACK)
    for op, axis in ((Op.BASELINE, "patched"), (Op.INPUT, "back")):
        for family, members in (*ends.items(), ("random", np.sort(drawn))):
            for flat in members:
                single = np.asarray([flat], dtype=np.int64)
                yield Setting(family, single, op=op, segments=question.segments, axis=axis, count=1)


def _beside(
    question: AblateQuestion, members: Members, scores: NeuronScores, axis: Axis, how: Mapping[str, Any]
) -> list[Setting]:
    """A set with its controls: bottom of the same size, its complement, and matched random sets."""
    count = len(members)
    same: dict[str, Any] = {**how, "axis": axis, "count": count}
    bottom = scores.order(question.selection.part if question.selection.rank != "hand" else "all", "bottom")[:count]
    rest = {**same, "count": len(scores.space) - count}
    return [
        Setting(Family.TARGET, members, **same),
        Setting(Family.BOTTOM, bottom, **same),
        Setting(Family.COMPLEMENT, members, invert=True, **rest),
        *(Setting(Family.RANDOM, drawn, seed=seed, **same) for seed, drawn in _random(question, members, scores)),
    ]


def _random(question: AblateQuestion, members: Members, scores: NeuronScores) -> Iterator[tuple[int, Members]]:
    for seed in range(question.seed, question.seed + question.seeds):
        yield seed, random_matched(members, scores.space, seed)
