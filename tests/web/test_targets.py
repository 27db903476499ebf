"""Inner neurons and pairs of passages as what is explained, from the form to the ablation."""

import shlex

import pytest
from fastapi.testclient import TestClient

from app.cli.parser import parser
from app.cli.values import values_of
from app.kinds import kind_of
from app.main import Golgi

FORM = {"model": "tiny-bert", "query": "what causes rain", "passages": "rain falls because clouds", "steps": "6"}
INNER = {**FORM, "target": "activation", "neuron": "L2.mid.5", "tokens": "passage"}
TWO = {**FORM, "target": "pairwise", "form": "ranking", "passages": "rain falls because clouds\n---\nthe lazy dog"}


def work(golgi: Golgi) -> None:
    while golgi.worker.run_once():
        pass


def worked(golgi: Golgi, form: dict[str, str]) -> TestClient:
    client = TestClient(golgi.app(), follow_redirects=False)
    assert client.post("/explain", data=form).status_code == 303
    client.post("/runs/1/ablate", data={"size": "5"})
    work(golgi)
    client.post("/runs/1/ablate", data={"size": "5"})
    work(golgi)
    return client


@pytest.mark.parametrize("form", [INNER, TWO])
def test_the_command_asks_the_same(golgi: Golgi, form: dict[str, str]) -> None:
    worked(golgi, form)
    words = shlex.split(golgi.services.pages.run(1).command)[1:]
    args = parser().parse_args(words)
    assert golgi.services.requests.start("explain", values_of(args, kind_of("explain"))).id == 1


def test_an_inner_neuron_is_explained_and_what_feeds_it_switched_off(golgi: Golgi) -> None:
    client = worked(golgi, INNER)
    page = client.get("/runs/1")
    assert page.status_code == 200 and "activation of L2.mid.5, summed over the tokens of the part passage" in page.text
    scores = golgi.worker.results.scores(1)
    assert sorted({site.layer for site in scores.space.sites}) == [0, 1]
    row = golgi.worker.results.items(1)[0]
    answers = golgi.worker.results.responses(2)
    assert answers[0][0][0] == pytest.approx(row.values["target"], rel=1e-4)
    assert answers[1][0][0] != pytest.approx(row.values["target"], rel=1e-6), "the activation moves"
    assert client.get("/runs/2").status_code == 200


def test_edit_and_run_again_keeps_the_explained_neuron(golgi: Golgi) -> None:
    page = worked(golgi, INNER).get("/runs/1").text
    form = page.split("/explain/form")[1].split("</form>")[0]
    for name, value in (("target", "activation"), ("neuron", "L2.mid.5"), ("tokens", "passage")):
        assert f'name="{name}" value="{value}"' in form


def test_two_passages_share_one_target(golgi: Golgi) -> None:
    client = worked(golgi, TWO)
    page = client.get("/runs/1?part=first+passage")
    assert page.status_code == 200 and "first passage beats the second" in page.text
    scores = golgi.worker.results.scores(1)
    both = scores.of("first passage") + scores.of("second passage")
    assert scores.of("all") == pytest.approx(both, abs=1e-7) and abs(both).max() > 0
    rows = golgi.worker.results.items(1)
    assert len(rows) == 2 and rows[0].values["target"] == rows[1].values["target"]
    answers = golgi.worker.results.responses(2)
    assert answers[0][0][0] == answers[0][1][0] == pytest.approx(rows[0].values["target"], rel=1e-4)
    assert client.get("/runs/2").status_code == 200


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({**INNER, "neuron": "L9"}, "L&lt;layer&gt;.&lt;kind&gt;.&lt;unit&gt;"),
        ({**INNER, "neuron": ""}, "Write the neuron that is explained"),
        ({**INNER, "tokens": "nowhere"}, "one of the parts"),
        ({**FORM, "target": "pairwise"}, "two passages"),
        ({**FORM, "target": "nonsense"}, "target"),
    ],
)
def test_what_is_wrong_is_said_and_the_text_kept(golgi: Golgi, form: dict[str, str], told: str) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    answer = client.post("/explain", data=form)
    assert answer.status_code in (400, 422) and told in answer.text and "rain falls because clouds" in answer.text
    assert client.post("/explain/seen", data=form).status_code == 200


def test_non_relevant_pairs_have_none_to_beat(golgi: Golgi) -> None:
    client = TestClient(golgi.app(), follow_redirects=False)
    client.post("/datasets/demo")
    work(golgi)
    asked = {"dataset": "liveqa_med", "model": "tiny-bert", "target": "pairwise", "part": "all", "limit": "3"}
    asked |= {"steps": "3", "max_length": "48"}
    refused = client.post("/attribute", data={**asked, "relevance": "non_relevant"})
    assert refused.status_code in (400, 422) and "relevant pairs for the target pairwise" in refused.text
    made = client.post("/attribute", data=asked)
    assert made.status_code == 303
    work(golgi)
    number = int(made.headers["location"].rsplit("/", 1)[1])
    page = client.get(f"/runs/{number}?part=second+passage")
    assert page.status_code == 200 and "first passage beats the second" in page.text
    assert golgi.worker.results.scores(number).parts[-2:] == ("first passage", "second passage")
    body = {"sources": [number], "evaluation": {"dataset": "liveqa_med"}, "model": "tiny-bert"}
    wrong = client.post("/api/v1/study", json={**body, "target": {"name": "pairwise"}})
    assert wrong.status_code in (400, 422) and "one of the targets default" in wrong.text
