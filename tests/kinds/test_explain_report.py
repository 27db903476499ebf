"""The remainder of a headline is the worst of the places that are shown below it."""

from typing import Any

import pytest

from app.domain.results import ItemRow
from app.kinds.explain.report import ExplainReport
from app.main import Golgi

ASKED = {"model": "tiny-bert", "query": "what causes rain", "passages": ["rain falls because clouds", "a lazy dog"]}


def item(number: int, target: float, residual: dict[str, float]) -> ItemRow:
    values = {"target": target, "baseline": 0.0, "score": target, "probability": 0.5, "remainder": 0.0}
    return ItemRow(number, "explain", [], values, {"residual": residual})


@pytest.fixture
def report(golgi: Golgi) -> ExplainReport:
    run = golgi.services.requests.start("explain", {**ASKED, "params": {"steps": 4, "adaptive": False}})
    golgi.worker.run_once()
    found: Any = golgi.services.pages.report(run.id)
    return found


def test_the_headline_is_the_worst_place_that_is_shown(report: ExplainReport) -> None:
    shares = [place.share for place in report.view.completeness]
    assert len(shares) > 2 and report.view.remainder == max(shares) > 0
    assert f"unexplained remainder at most {100 * max(shares):.2g} %" in report.sentences[0]
    slow = max(
        abs(miss) / abs(row.values["target"] - row.values["baseline"])
        for row in report.items
        for miss in row.notes["residual"].values()
    )
    assert report.view.remainder == pytest.approx(slow)
    assert max(row.remainder for row in report.view.items) == report.view.remainder


def test_the_largest_share_is_not_that_of_the_largest_remainder(report: ExplainReport) -> None:
    report.items = (item(0, 100.0, {"words@0": 2.0, "resid@1": 0.1}), item(1, 1.0, {"words@0": 0.5, "resid@1": 0.001}))
    words, resid = report.completeness
    assert (words.remainder, words.share, words.above) == (2.0, 0.5, True)
    assert (resid.remainder, resid.share, resid.above) == (0.1, 0.001, False)
    assert report.remainder == 0.5


def test_a_target_that_does_not_change_has_no_share(report: ExplainReport) -> None:
    report.items = (item(0, 0.0, {"words@0": 0.4}),)
    assert report.completeness[0].share is None and report.completeness[0].above
    assert report.remainder is None and "no remainder can be told" in report.sentences[0]
    report.items = (item(0, 1.0, {}),)
    del report.completeness  # a report reads its items once
    assert report.remainder is None and "remainder" not in report.sentences[0]
