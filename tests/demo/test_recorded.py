"""The recorded runs tell the story that the first page promises."""

from pathlib import Path

from app.main import build
from app.settings import Settings


def test_removing_what_pushes_the_pair_up_lowers_its_score(tmp_path: Path) -> None:
    explained, ablated = 1, 2
    golgi = build(Settings(data_dir=tmp_path, offline=True, device="cpu"))
    best = golgi.worker.results.items(explained)[0].values
    assert best["baseline"] < best["target"], "the input that says nothing scores below the passage"
    report = golgi.services.pages.report(ablated)
    share = round(0.01 * golgi.worker.results.scores(explained).mean.shape[1])
    row = next(row for row in report.figures["removal"].rows if row[0] == share)
    assert row[1] < row[3], "below the lowest of the random sets"
    golgi.db.close()
