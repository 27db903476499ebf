"""Switch neurons of an explained run off, beside controls (``nig.md`` sections 10, 11, 18).

A shard is one example under a slice of the settings, so a stopped run keeps whole answers.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import Members, Selection, random_matched, ranked, select
from app.domain.results import ResponseRow
from app.domain.runs import Lane
from app.domain.scores import NeuronScores, RunningScores
from app.interventions.responses import OUTPUTS, responses, sources_for
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.jobs.kinds.base import described, explained
from app.models.host import ModelHost

SETTINGS_PER_SHARD = 64
TOKENS_PER_PASS = {"cpu": 4096, "cuda": 65536}


class AblateSettings(BaseModel):
    """What is switched off, and what stands beside it.

    Args:
        selection: rule that takes neurons from the source run.
        op, amount: what happens to them (``amount`` is λ of ``scale``).
        segments: only at tokens of these parts; None for all tokens.
        curve: shares of all neurons for the curve over k.
        seeds: random sets matched per layer; ``seed`` is the first of them.
        doses: λ values of the dose-response curve for the selection.
        patched: neurons of each kind (top, random, bottom) that get their baseline value back one by one, and their
            real value in the baseline input, to compare what that does with their scores (section 18-6); 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selection: Selection = Selection()
    op: Literal[Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE] = Op.ZERO
    amount: float = Field(0.0, ge=-10, le=10, allow_inf_nan=False)
    segments: tuple[str, ...] | None = None
    curve: tuple[float, ...] = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    seeds: int = Field(10, ge=1, le=100)
    seed: int = Field(0, ge=0)
    doses: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
    patched: int = Field(0, ge=0, le=1000)


class Ablate:
    """The kind of run that switches neurons off."""

    key: ClassVar[str] = "ablate"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Ablation"
    Settings: ClassVar[type[BaseModel]] = AblateSettings

    def lane(self, settings: BaseModel) -> Lane:
        """Interactive: one or a few inputs under some hundred settings."""
        return Lane.INTERACTIVE

    def plan(self, settings: BaseModel, given: Inputs, host: ModelHost) -> dict[str, Any]:
        """What is fixed before the first shard: settings, rows of a pass, the selected neurons."""
        assert isinstance(settings, AblateSettings)
        source = explained(given)
        scores = given.results.scores(given.runs["source"].id)
        batch = host.encode(source.groups[0], max_length=source.max_length)
        tokens = max(host.encode([x], max_length=source.max_length).mask.shape[1] for x in source.examples)
        return {
            "items": len(source.examples),
            "groups": len(source.groups),
            "settings": len(settings_of(settings, scores)),
            "rows": max(1, min(SETTINGS_PER_SHARD, TOKENS_PER_PASS.get(host.device.type, 4096) // tokens)),
            "neurons": len(scores.space),
            "target": host.target(source.target, batch).resolved.model_dump(mode="json"),
        }

    def shards(self, settings: BaseModel, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Slices of the settings, all examples under the first slice before the next one."""
        starts = range(0, plan["settings"], SETTINGS_PER_SHARD)
        sizes = [min(SETTINGS_PER_SHARD, plan["settings"] - start) for start in starts]
        cells = [(group, size) for size in sizes for group in range(_groups(plan))]
        return tuple(Shard(number, group, 1, size) for number, (group, size) in enumerate(cells))

    def work(
        self, settings: BaseModel, plan: Mapping[str, Any], shard: Shard, given: Inputs, host: ModelHost
    ) -> Partial:
        """Answers of one example (of two for a pairwise target) under one slice of the settings."""
        assert isinstance(settings, AblateSettings)
        source = explained(given)
        scores = given.results.scores(given.runs["source"].id)
        everything = settings_of(settings, scores)
        first = shard.number // _groups(plan) * SETTINGS_PER_SHARD
        part = everything[first : first + shard.work]
        group = source.groups[shard.first]
        batch = host.encode(group, max_length=source.max_length)
        target = host.target(source.target, batch)
        baseline = str(source.params.get("baseline", "pad_query_and_passage"))
        found = sources_for(host, batch, part, scores.space, baseline)
        answers = responses(host, batch, target, part, scores.space, found, rows=plan["rows"])
        head = tuple(described(everything, scores.space)) if shard.number == 0 else ()
        rows = tuple(ResponseRow(first + at, shard.first, answers[at]) for at in range(len(part)))
        return Partial(None, head + rows)

    def finish(
        self,
        settings: BaseModel,
        plan: Mapping[str, Any],
        total: RunningScores | None,
        given: Inputs,
        host: ModelHost,
    ) -> Finished:
        """Names of the outputs and the size of the selection."""
        assert isinstance(settings, AblateSettings)
        scores = given.results.scores(given.runs["source"].id)
        facts = {
            "outputs": list(OUTPUTS),
            "count": len(select(settings.selection, scores)),
            "neurons": len(scores.space),
            "n": plan["items"],
        }
        return Finished((), facts, tuple(_warnings(settings, explained(given).params)))


def _groups(plan: Mapping[str, Any]) -> int:
    """Inputs that are answered one after the other; a pairwise target takes two at once."""
    return int(plan.get("groups", plan["items"]))


def _warnings(settings: AblateSettings, params: Mapping[str, Any]) -> Iterator[str]:
    if params.get("preset") in ("ffn_pre", "linear6") and settings.op is Op.SCALE:
        yield "Scaling before the non-linearity is not the same as scaling the neuron; compare with the preset ffn."


def settings_of(rule: AblateSettings, scores: NeuronScores) -> list[Setting]:
    """Every state under test, the intact model first; the same rule and scores give the same list."""
    how: dict[str, Any] = {"op": rule.op, "amount": rule.amount, "segments": rule.segments}
    order = ranked(rule.selection, scores)
    chosen = select(rule.selection, scores)
    found = [Setting(), *_beside(rule, chosen, scores, "chosen", how)]
    sizes = sorted({min(len(order), max(1, round(share * len(scores.space)))) for share in rule.curve})
    for size in sizes if len(order) > 1 else ():
        found += _beside(rule, order[:size], scores, "curve", how)
    for dose in rule.doses:
        scaled: dict[str, Any] = {
            "op": Op.SCALE,
            "amount": dose,
            "segments": rule.segments,
            "axis": "dose",
            "count": len(chosen),
        }
        found.append(Setting("target", chosen, **scaled))
        found += [Setting("random", members, seed=seed, **scaled) for seed, members in _random(rule, chosen, scores)]
    return [*found, *_one_by_one(rule, scores)]


def _one_by_one(rule: AblateSettings, scores: NeuronScores) -> Iterator[Setting]:
    """Single neurons with their baseline value, and in the baseline input with their real value: the top, the bottom,
    and as many drawn from the rest."""
    count = min(rule.patched, len(scores.space) // 3)
    ends = {"target": scores.order()[:count], "bottom": scores.order("all", "bottom")[:count]}
    rest = np.setdiff1d(np.arange(len(scores.space)), np.concatenate(list(ends.values())))
    drawn = np.random.default_rng(rule.seed).choice(rest, size=count, replace=False)
    if count:
        yield Setting("start", op=Op.INPUT, axis="back")
    for op, axis in ((Op.BASELINE, "patched"), (Op.INPUT, "back")):
        for family, members in (*ends.items(), ("random", np.sort(drawn))):
            for flat in members:
                one = np.asarray([flat], dtype=np.int64)
                yield Setting(family, one, op=op, segments=rule.segments, axis=axis, count=1)


def _beside(
    rule: AblateSettings, members: Members, scores: NeuronScores, axis: str, how: Mapping[str, Any]
) -> list[Setting]:
    """A set with its controls: bottom of the same size, its complement, and matched random sets."""
    count = len(members)
    same: dict[str, Any] = {**how, "axis": axis, "count": count}
    bottom = scores.order(rule.selection.part if rule.selection.rank != "hand" else "all", "bottom")[:count]
    rest = {**same, "count": len(scores.space) - count}
    return [
        Setting("target", members, **same),
        Setting("bottom", bottom, **same),
        Setting("complement", members, invert=True, **rest),
        *(Setting("random", drawn, seed=seed, **same) for seed, drawn in _random(rule, members, scores)),
    ]


def _random(rule: AblateSettings, members: Members, scores: NeuronScores) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for seed in range(rule.seed, rule.seed + rule.seeds):
        yield seed, random_matched(members, scores.space, seed)
