"""What the page of an ablation draws when few neurons are switched off."""

import pytest

from app.main import Golgi

ASKED = {"model": "tiny-bert", "query": "what causes rain", "passages": ["rain falls because clouds hold water"]}


@pytest.fixture
def explained(golgi: Golgi) -> Golgi:
    golgi.services.requests.start("explain", {**ASKED, "params": {"steps": 4, "adaptive": False}})
    golgi.worker.run_once()
    return golgi


@pytest.mark.parametrize("picked", [["L0.mid.3"], ["L0.mid.3", "L1.mid.4"]])
def test_neurons_picked_by_hand_have_no_curve_of_one_point(explained: Golgi, picked: list[str]) -> None:
    asked = {"source": "1", "selection": {"rank": "hand", "neurons": picked}, "seeds": 2, "curve": [0.5]}
    run = explained.services.requests.start("ablate", asked)
    explained.worker.run_once()
    report = explained.services.pages.report(run.id)
    assert "removal" not in report.figures and report.view.leaves == ""
    rows = dict(report.figures["beside"].rows)
    answers = explained.worker.results.responses(run.id)
    assert rows["intact"] == pytest.approx(answers[0][0][0])
    assert rows["chosen neurons"] == pytest.approx(answers[1][0][0])
    assert ("1 neuron " if len(picked) == 1 else "2 neurons ") in report.sentences[0]


def test_the_chosen_size_is_a_point_of_the_curve(explained: Golgi) -> None:
    asked = {"source": "1", "selection": {"count": 3}, "seeds": 2, "curve": [0.5]}
    run = explained.services.requests.start("ablate", asked)
    explained.worker.run_once()
    report = explained.services.pages.report(run.id)
    total = run.facts.get("neurons") or report.view.total
    assert [row[0] for row in report.figures["removal"].rows] == [3, round(0.5 * total)]
    assert "beside" not in report.figures
