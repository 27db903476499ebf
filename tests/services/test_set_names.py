"""Sets without a name get one that a person would give; the rule stays beside it."""

from datetime import datetime

import pytest

from app.domain.neuron_sets import Selection
from app.domain.runs import Run, RunSpec, RunState
from app.domain.set_rules import Combined, Fused, Listed, Rule, Top
from app.services.set_names import set_name


def run(number: int, title: str) -> Run:
    spec = RunSpec(kind="kind", version=1, model="m", weights_hash="w", settings={"number": number})
    about = {"fingerprint": spec.fingerprint, "title": title, "state": RunState.DONE, "created": datetime.now()}
    return Run(id=number, spec=spec, **about)


DATASETS = [run(n, f"{name}: relevant pairs, attribution") for n, name in enumerate(("selqa", "tatqa", "scifact"), 5)]
SAME = [run(8, "what causes rain"), run(9, "what causes rain")]
LONG = [run(n, "a very long question about what it is that causes rain and snow " * 2) for n in (11, 12)]


def top(one: Run, **selection: object) -> Top:
    return Top(run=one.fingerprint, selection=Selection.model_validate(selection))


TOPS = tuple(map(top, DATASETS))
A, B, C = TOPS
COUNTED = (top(DATASETS[0], rank="bottom", count=5), top(DATASETS[1], rank="abs", layers=(0, 2), part="query"))


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (A, "Top 1 % of selqa: relevant pairs, attribution"),
        (Combined(op="all", of=(A,)), "Top 1 % of selqa: relevant pairs, attribution"),
        (Combined(op="all", of=(A, B)), "In the top 1 % of both selqa and tatqa"),
        (Combined(op="all", of=TOPS), "In the top 1 % of all of selqa, tatqa and scifact"),
        (Combined(op="any", of=TOPS), "In the top 1 % of selqa, tatqa or scifact"),
        (Combined(op="at_least", of=TOPS, k=2), "In the top 1 % of at least 2 of selqa, tatqa and scifact"),
        (Combined(op="minus", of=TOPS), "Top 1 % of selqa, not of tatqa or scifact"),
        (
            Combined(op="minus", of=(Combined(op="all", of=(A, B)), C)),
            "In the top 1 % of both selqa and tatqa, not of scifact",
        ),
        (Fused(how="z", runs=tuple(t.run for t in (A, B))), "Top 1 % by the mean z-score of selqa and tatqa"),
        (COUNTED[0], "Most negative 5 of selqa: relevant pairs, attribution"),
        (
            Combined(op="any", of=COUNTED),
            "In most negative 5 of selqa or largest 1 % by magnitude of layers L0 and L2 by query of tatqa",
        ),
        (Listed(neurons=("L0.mid.1",)), "1 listed neuron"),
        (Combined(op="all", of=tuple(map(top, SAME))), "In the top 1 % of both run 8 and run 9"),
        (Combined(op="all", of=tuple(map(top, LONG))), "In the top 1 % of both run 11 and run 12"),
    ],
)
def test_a_rule_in_words(rule: Rule, name: str) -> None:
    known = {one.fingerprint: one for one in (*DATASETS, *SAME, *LONG)}
    assert set_name(rule, known) == name and len(name) <= 100


def test_a_name_beyond_reason_is_cut_where_it_is_seen() -> None:
    many = [run(number, "question " * 20) for number in range(100, 140)]
    name = set_name(Combined(op="any", of=tuple(map(top, many))), {one.fingerprint: one for one in many})
    assert len(name) == 100 and name.endswith("…")
