"""The study of query-relevant neurons, small: on the demo language model with letters."""

from collections.abc import Iterator

import pytest

from app.demo.query_neurons import DEMO, LETTERS, Part, Size, study
from app.demo.query_neurons_report import PUBLISHED, report
from app.main import Golgi, build
from app.settings import Settings

SMALL = Part("letters", DEMO, LETTERS, 2, 2, 2, ("biology", "chemistry", "geography"))
SIZE = Size(steps=4, seeds=2, new=2, located=4, steady=2)


@pytest.fixture(scope="module")
def golgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golgi]:
    """An instance over the embedded models, without recorded runs."""
    folder = tmp_path_factory.mktemp("study")
    built = build(Settings(data_dir=folder, offline=True, device="cpu"), recorded=None)
    yield built
    built.db.close()


def test_a_small_study_is_reported_from_what_is_stored(golgi: Golgi) -> None:
    done = study(golgi, SIZE, [SMALL])
    text = report(done)
    search, effect = done.search("letters"), done.effect("letters")
    assert len(search.sets.queries) == 6 and effect.run.plan["items"] == 6
    for title in PUBLISHED.values():
        assert f"| {title} |" in text
    for domain in SMALL.domains:
        assert f"| {domain} | 2 |" in text
    assert "nan" not in text and "None" not in text
    assert search.sentences[0] in text and "## What holds, and what does not" in text
    again = study(golgi, SIZE, [SMALL])
    assert [run.id for run in again.searches.values()] == [run.id for run in done.searches.values()]


def test_what_holds_is_said_by_the_numbers(golgi: Golgi) -> None:
    done = study(golgi, SIZE, [SMALL])
    line = done.effect("letters").by_factor[0.0][0]
    own = f"{100 * line.own.mean:+.0f} %".replace("-", "−")
    assert f"suppressing: own answer {own}" in report(done)
