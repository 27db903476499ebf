"""Single neurons patched back to their baseline value, against the edit written out."""

import numpy as np
import torch

from app.analysis.agreement import spearman
from app.domain.examples import Example
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.main import Golgi
from app.models.baselines import words


def test_each_patched_neuron_is_the_edit_by_hand(golgi: Golgi) -> None:
    asked = {"query": "what causes rain", "passages": ["rain falls because clouds hold water"], "params": {"steps": 8}}
    source = golgi.services.requests.start("explain", {**asked, "model": "tiny-bert"})
    golgi.worker.run_once()
    values = {"patched": 6, "curve": [], "doses": [], "seeds": 1}
    run = golgi.services.requests.start("ablate", {**values, "source": source.fingerprint})
    golgi.worker.run_once()
    host = golgi.worker.hosts.get("tiny-bert")
    batch = host.encode([Example("0", asked["query"], asked["passages"][0])])
    target = host.target(TargetSpec(), batch)
    start = words(host, batch, "pad_query_and_passage")
    sites = host.space("ffn").sites
    empty = host.run(batch, None, record=sites, edits={Site(0, SiteKind.WORDS): (lambda *_: start,)})
    base = float(host.run(batch, target).outputs[0, 0])
    rows = [row for row in golgi.worker.results.settings(run.id) if row.about["axis"] == "patched"]
    answers = golgi.worker.results.responses(run.id)
    assert [row.family for row in rows] == ["target"] * 6 + ["bottom"] * 6 + ["random"] * 6
    lost, scores = [], golgi.worker.results.scores(source.id)
    for row in rows:
        index = scores.space.index(int(row.members[0]))

        def patched(value: torch.Tensor, _: object, at: int = index.unit, site: Site = index.site) -> torch.Tensor:
            out = value.clone()
            out[:, :, at] = empty.value(site)[:, :, at]
            return out

        wanted = float(host.run(batch, target, edits={index.site: (patched,)}).outputs[0, 0])
        np.testing.assert_allclose(answers[row.ordinal][0][0], wanted, rtol=1e-5, atol=1e-6)
        lost.append(base - wanted)
    gained = []
    back = [row for row in golgi.worker.results.settings(run.id) if row.about["axis"] == "back"]
    assert [row.family for row in back] == ["start", *[row.family for row in rows]]
    own = host.run(batch, None, record=sites)
    begin = {Site(0, SiteKind.WORDS): (lambda *_: start,)}
    empty_score = float(host.run(batch, target, edits=begin).outputs[0, 0])
    np.testing.assert_allclose(answers[back[0].ordinal][0][0], empty_score, rtol=1e-5, atol=1e-6)
    for row in back[1:]:
        index = scores.space.index(int(row.members[0]))

        def turned(value: torch.Tensor, _: object, at: int = index.unit, site: Site = index.site) -> torch.Tensor:
            out = value.clone()
            out[:, :, at] = own.value(site)[:, :, at]
            return out

        wanted = float(host.run(batch, target, edits={**begin, index.site: (turned,)}).outputs[0, 0])
        np.testing.assert_allclose(answers[row.ordinal][0][0], wanted, rtol=1e-5, atol=1e-6)
        gained.append(wanted - empty_score)
    report = golgi.services.pages.report(run.id)
    view = report.view
    assert len(report.figures["patching"].rows) == 18
    rho = spearman(np.asarray([scores.of("all")[int(row.members[0])] for row in rows]), np.asarray(lost))
    assert f"{rho:+.3g}".replace("-", "−") in view.patching
    values = np.asarray([scores.of("all")[int(row.members[0])] for row in back[1:]])
    assert f"{spearman(values, np.asarray(gained)):+.3g}".replace("-", "−") in view.patching.split("baseline input")[1]
    assert len(report.figures["patching_back"].rows) == 18
