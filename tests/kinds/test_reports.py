"""A report makes only what is asked of it; names of sets and of runs do not mix; every kind has its own look."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.domain.errors import BadInput
from app.figures import layers, strongest
from app.kinds import kinds
from app.kinds.explain.report import ExplainReport
from app.kinds.study.report import StudyReport
from app.main import Golgi
from app.services.pages import looked

ASKED = {"model": "tiny-bert", "query": "what causes rain", "passages": ["rain falls because clouds hold water"]}


@pytest.fixture
def explained(golgi: Golgi) -> Golgi:
    golgi.services.requests.start("explain", {**ASKED, "params": {"steps": 4, "adaptive": False}})
    golgi.worker.run_once()
    return golgi


def test_a_figures_table_draws_that_figure_alone(explained: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> Any:
        raise AssertionError("not asked for")

    monkeypatch.setattr(strongest, "overview", never)
    monkeypatch.setattr(layers, "distribution", never)
    monkeypatch.setattr(ExplainReport, "view", property(never))
    answer = TestClient(explained.app()).get("/runs/1/figures/profile.csv")
    assert answer.status_code == 200 and answer.text.count("\n") == 4, "a head and three layers"
    report = explained.services.pages.report(1)
    assert set(report.figures) == {"overview", "profile", "distribution", "path"}
    with pytest.raises(AssertionError, match="not asked for"):
        report.figures["overview"]


def test_the_parts_side_by_side_build_no_page(explained: Golgi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ExplainReport, "view")
    page = TestClient(explained.app()).get("/runs/1/panels/parts").text
    assert page.count("<figure") == 5 and page.count("one scale for every part") >= 5


def test_a_kind_reads_only_its_own_look(explained: Golgi) -> None:
    looks = {kind.key: set(kind.Look.model_fields) for kind in kinds().values()}
    wanted = {"explain": {"part"}, "attribute": {"part"}, "ablate": set(), "study": {"measure", "set"}}
    sets = {"threshold", "common", "size", "how", "sign", "domain", "overlap", "query"}
    wanted |= {
        "clusters": sets,
        "effects": {"factor", "measure", "size", "known", "table"},
        "writing": {"factor", "text"},
    }
    wanted |= {key: set() for key in ("locators", "predict", "writes", "locate", "patch")} | {
        "readings": {"norm"},
        "activations": {"neuron"},
    }
    assert looks == wanted
    client = TestClient(explained.app())
    assert "Not used on this page" in client.get("/runs/1?measure=AP").text
    assert "Not used on this page" not in client.get("/runs/1?part=query").text
    with pytest.raises(BadInput) as caught:
        looked(kinds()["study"].Look, {"set": "many"})
    assert caught.value.field == "set"


@pytest.fixture
def named(golgi: Golgi) -> Golgi:
    """Run 1: an attribution. Run 2: a study of it with two sets of one name and one that is called like a role."""
    client = TestClient(golgi.app())
    client.post("/datasets/demo")
    golgi.worker.run_once()
    sample = {"dataset": "liveqa_med", "limit": 4, "part": "all", "correct": False}
    values = {"model": "tiny-bert", "sample": sample, "params": {"steps": 3, "adaptive": False}, "max_length": 48}
    golgi.services.requests.start("attribute", values)
    golgi.worker.run_once()
    sets = [("mine", "L0.mid.3"), ("mine", "L1.mid.4"), ("source", "L2.mid.5")]
    study = {
        "evaluation": {"dataset": "liveqa_med", "part": "all", "queries": 2, "depth": 4},
        "sets": [{"name": name, "neurons": [neuron]} for name, neuron in sets],
        "sources": ["1"],
        "fractions": [0.1],
        "seeds": 2,
        "controls": False,
        "max_length": 48,
    }
    golgi.services.requests.start("study", study)
    golgi.worker.run_once()
    return golgi


def test_two_sets_of_one_name_stay_two_and_no_set_takes_a_runs_title(named: Golgi) -> None:
    report = named.services.pages.report(2)
    assert isinstance(report, StudyReport)
    title = named.services.runs.get(1).title
    assert [row.name for row in report.comparisons] == [title, "set 1: mine", "set 2: mine", "source"]
    for row in report.comparisons[1:]:
        beside = [one for one in report.numbers.rows if one.about["label"] == _label(report, row.ordinal)]
        assert [one.family for one in beside] == ["target", "random", "random"], row.name
    assert TestClient(named.app()).get("/runs/2").status_code == 200


def _label(report: StudyReport, ordinal: int) -> str:
    return next(row.about["label"] for row in report.numbers.rows if row.ordinal == ordinal)
