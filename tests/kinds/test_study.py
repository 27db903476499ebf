"""Ablation over candidate lists against one candidate under one setting (nig.md sections 10 and 11)."""

from typing import Any

import numpy as np
import pytest
from memory import GRADES, PASSAGES, QUERIES, Memory
from tiny import tiny_host

from app.domain.errors import BadInput, NotFound
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.results import ResponseRow, SettingRow
from app.domain.scores import NeuronScores
from app.domain.sites import Site
from app.domain.studying import Evaluation, NamedSet
from app.domain.targets import TargetSpec
from app.interventions.responses import grid, responses, sources_for
from app.jobs.base import Inputs
from app.kinds.study.question import StudyQuestion
from app.kinds.study.work import StudyWork, settings_count, settings_of
from app.models.host import ModelHost


class Ranked:
    """Made-up rankings of a model's neurons, by run number."""

    def __init__(self, host: ModelHost) -> None:
        self.space = host.space("ffn")
        self.answers: dict[int, dict[int, np.ndarray]] = {}

    def scores(self, number: int, name: str = "mean") -> NeuronScores:
        values = np.random.default_rng(number).normal(size=(1, len(self.space)))
        flat = np.zeros(len(self.space))
        return NeuronScores(self.space, ("all",), values, flat, flat, 1)

    def responses(self, number: int) -> dict[int, dict[int, np.ndarray]]:
        return self.answers


class Run:
    """As much of a run as a kind reads of an input."""

    def __init__(self, number: int) -> None:
        self.id = number


def asked(**changes: Any) -> StudyQuestion:
    evaluation = {"dataset": "abc", "part": "all", "depth": 5, **changes.pop("evaluation", {})}
    values = {"fractions": (0.05, 0.2), "seeds": 2, **changes}
    return StudyQuestion(evaluation=Evaluation(**evaluation), **values)


def given_for(host: ModelHost, **roles: int) -> Inputs:
    return Inputs({role: Run(n) for role, n in roles.items()}, Ranked(host), Memory())  # type: ignore[misc,arg-type]


def ran(host: ModelHost, settings: StudyQuestion, given: Inputs, tokens: int = 300) -> tuple[dict[str, Any], Any, Any]:
    doing = StudyWork(settings, given, host)
    plan = doing.plan() | {"tokens": tokens}
    answers: dict[tuple[int, int], np.ndarray] = {}
    rows: list[SettingRow] = []
    for shard in doing.shards(plan):
        for row in doing.work(plan, shard).rows:
            if isinstance(row, ResponseRow):
                answers |= {(row.ordinal, row.first_item + at): values for at, values in enumerate(row.values)}
            else:
                rows.append(row)
    for (ordinal, at), value in answers.items():
        given.results.answers.setdefault(ordinal, {})[at] = value
    done = doing.finish(plan, None)
    assert done.facts["pairs"] == len(plan["pairs"]) and {row.name for row in done.rows} >= {"nDCG@10", "accuracy"}
    return plan, rows, answers


@pytest.mark.parametrize("op", [Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE])
@pytest.mark.parametrize("tokens", [40, 4096])
def test_every_answer_is_that_of_one_candidate_alone(bert: ModelHost, op: Op, tokens: int) -> None:
    settings = asked(op=op, amount=1.5, evaluation={"queries": 2}, doses=(0.5,))
    given = given_for(bert, source0=1, weights=2)
    plan, _, answers = ran(bert, settings, given, tokens)
    everything = settings_of(
        settings, {"source0": Ranked(bert).scores(1), "weights": Ranked(bert).scores(2)}, bert.space("ffn")
    )
    assert len(answers) == len(everything) * len(plan["pairs"]) == plan["settings"] * 2 * 5
    for item in (0, 4, 7):
        query, passage, grade = plan["pairs"][item]
        assert grade == GRADES[query].get(passage)
        batch = bert.encode([Example("0", QUERIES[query], PASSAGES[passage])])
        target = bert.target(TargetSpec(), batch)
        for number in range(0, len(everything), 3):
            one = [everything[number]]
            sources = sources_for(bert, batch, one, bert.space("ffn"), "pad_query_and_passage")
            slow = responses(bert, batch, target, grid(one, 1), bert.space("ffn"), sources, rows=1, reuse=False)
            np.testing.assert_allclose(answers[number, item], slow[0], atol=1e-10)


def test_settings_hold_every_control(bert: ModelHost) -> None:
    space = bert.space("ffn")
    named = NamedSet(name="mine", neurons=("L0.mid.3", "L2.mid.1"))
    rankings = {"source0": Ranked(bert).scores(1), "activation": Ranked(bert).scores(2)}
    found = settings_of(asked(sets=(named,), doses=(0.5, 2.0)), rankings, space)
    assert found[0] == found[0] and found[0].family == "base"
    curve = [s for s in found if s.axis == "curve" and s.count == round(0.2 * len(space))]
    families = [s.family for s in curve]
    assert {name: families.count(name) for name in set(families)} == {
        "target": 1,
        "random": 2,
        "bottom": 1,
        "small": 1,
        "control": 1,
        "global": 2,
    }
    target = next(s for s in curve if s.family == "target")

    def layers(setting: Setting) -> dict[Site, int]:
        return {site: len(units) for site, units in space.split(setting.members).items()}

    scores = rankings["source0"].of("all")
    assert set(target.members) == set(np.argsort(-scores, kind="stable")[: target.count])
    for drawn in (s for s in curve if s.family == "random"):
        assert layers(drawn) == layers(target)
        assert len(set(drawn.members)) == target.count
    chosen = [s for s in found if s.label == "set 1: mine"]
    assert [s.family for s in chosen] == ["target", "random", "random"]
    assert [s.amount for s in found if s.axis == "dose" and s.family == "target"] == [0.5, 2.0]
    again = settings_of(asked(sets=(named,), doses=(0.5, 2.0)), rankings, space)
    assert all(np.array_equal(a.members, b.members) and a.text == b.text for a, b in zip(found, again, strict=True))


def test_a_larger_study_contains_the_smaller_one(bert: ModelHost) -> None:
    given = given_for(bert, source0=1)
    small, _, first = ran(bert, asked(evaluation={"queries": 2}), given)
    large, _, second = ran(bert, asked(evaluation={"queries": 5}), given)
    assert {q for q, _ in small["queries"]} < {q for q, _ in large["queries"]}
    place = {tuple(pair[:2]): number for number, pair in enumerate(large["pairs"])}
    for number, pair in enumerate(small["pairs"]):
        np.testing.assert_allclose(first[3, number], second[3, place[tuple(pair[:2])]], atol=1e-10)


def test_resampling_does_not_depend_on_the_size_of_a_pass(bert: ModelHost) -> None:
    settings = asked(op=Op.RESAMPLE, evaluation={"queries": 1})
    given = given_for(bert, source0=1)
    _, _, first = ran(bert, settings, given, 40)
    _, _, second = ran(bert, settings, given, 4096)
    for key, values in first.items():
        np.testing.assert_allclose(values, second[key], atol=1e-10)


def test_refusals(bert: ModelHost) -> None:
    with pytest.raises(NotFound, match="dataset"):
        ran(bert, asked(evaluation={"dataset": "other"}), given_for(bert, source0=1))
    with pytest.raises(BadInput, match="queries"):
        ran(bert, asked(evaluation={"threshold": 7}), given_for(bert, source0=1))
    other = tiny_host("BERT", seed=4)
    mixed = given_for(bert, source0=1, source1=2)

    class Two(Ranked):
        def scores(self, number: int, name: str = "mean") -> NeuronScores:
            self.space = other.space("heads") if number == 2 else bert.space("ffn")
            return super().scores(number, name)

    with pytest.raises(BadInput, match="same neurons"):
        ran(bert, asked(), Inputs(mixed.runs, Two(bert), Memory()))  # type: ignore[arg-type]


def test_the_intact_model_has_no_members() -> None:
    assert len(Setting().members) == 0


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("doses", [(), (0.0, 0.5)])
def test_settings_are_counted_without_making_them(bert: ModelHost, ends: bool, doses: tuple[float, ...]) -> None:
    given = given_for(bert, source=1, source1=2, activation=3)
    named = NamedSet(name="mine", neurons=("L0.mid.1", "L1.mid.2"))
    settings = asked(ends=ends, doses=doses, sets=(named,), everywhere=not ends)
    rankings = {role: given.results.scores(run.id) for role, run in given.runs.items()}
    made = settings_of(settings, rankings, bert.space("ffn"))
    assert settings_count(settings, sources=2, controls=1) == len(made)
