"""The study of query-relevant neurons: a real language model on facts that it knows, and the demo one with letters.

Run: ``python -m app.demo.query_neurons --models-dir FOLDER --data-dir FOLDER`` with the folder that
``golgi get-model smollm2-135m`` wrote. Every step is a stored run, so a second call goes on where the first one ended;
the report is written from what is stored.
"""

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.query_neurons_part import Study
from app.demo.query_neurons_report import report
from app.domain.runs import Run, RunState
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.effects.question import KEY as EFFECTS
from app.kinds.locators.question import KEY as LOCATORS
from app.kinds.predict.question import KEY as PREDICT
from app.main import Golgi, build
from app.settings import Settings

log = logging.getLogger(__name__)
REAL, DEMO = "smollm2-135m", "golgi-demo-lm"
UNFINISHED = (RunState.WAITING, RunState.RUNNING)
FACTS, LETTERS = "cloze-facts", "school-questions"


@dataclass(frozen=True)
class Part:
    """One model on one question set.

    Args:
        key: of the part. model, questions: what is asked, and of which model.
        domains: of these only; all where empty.
        limit: queries of a domain. wordings: so many find neurons, the others are left for measuring.
        known: answered right in at least so many of these.
        more: whether doses, new questions and other locators follow, and a smaller search with other numbers of points.
    """

    key: str
    model: str
    questions: str
    limit: int
    wordings: int
    known: int
    domains: tuple[str, ...] = ()
    more: bool = True


RELATIONS = ("capital", "language", "continent", "symbol", "animal_class", "opposite", "past", "next_month", "currency")
PARTS = (
    Part("facts", REAL, FACTS, 10, 3, 2, RELATIONS),
    Part("letters", DEMO, LETTERS, 10, 2, 2),
    Part("demo facts", DEMO, FACTS, 10, 3, 2, RELATIONS, more=False),
)
DOSES: Mapping[str, Any] = {"factors": [0.0, 0.5, 1.5, 2.0, 3.0], "sizes": [1, 2, 5, 10], "seeds": 2, "negative": False}
"""A test at several factors and numbers of neurons; with fewer random sets, since each is tested at every dose."""


@dataclass(frozen=True)
class Size:
    """How much is computed: points of a path, random sets a query; ``limit`` of queries a domain, 0 for the part's;
    ``new`` queries of a domain that are predicted, ``located`` queries on which locators are compared;
    ``steady`` queries of a domain that are scored with other numbers of points, too."""

    steps: int = 16
    seeds: int = 10
    limit: int = 0
    new: int = 10
    located: int = 18
    steady: int = 2


def asked(golgi: Golgi, kind: str, values: Mapping[str, Any]) -> Run:
    """A run that is done, started where it is not there yet. One that a killed worker has held is waited for.

    Raises:
        SystemExit: it failed.
    """
    done = golgi.services.requests.start(kind, values)
    while done.state in UNFINISHED:
        golgi.services.jobs.requeue_stalled()
        if not golgi.worker.run_once():
            time.sleep(1)
        log.info("jobs: %s", golgi.services.pages.pill())
        done = golgi.services.runs.get(done.id)
    if done.state is not RunState.DONE:
        raise SystemExit(f"Expected run {done.id} ({done.title}) to be done, found {done.state}.")
    return done


def imported(golgi: Golgi, names: Sequence[str]) -> None:
    """The question sets, where they are not there yet."""
    known = {one.name for one in golgi.services.questions.list().sets}
    for name in names:
        if name not in known:
            golgi.services.questions.built_in(name)


def searched(golgi: Golgi, part: Part, size: Size, steady: int = 0) -> Run:
    """The search of a part; ``steady`` queries of a domain alone, with half and twice the points besides."""
    sample = {
        "questions": part.questions,
        "domains": part.domains,
        "limit": steady or size.limit or part.limit,
        "wordings": part.wordings,
        "known": part.known,
    }
    values = {"model": part.model, "sample": sample, "params": {"steps": size.steps}}
    return asked(golgi, SEARCH, {**values, "stability": True} if steady else values)


def tested(golgi: Golgi, search: Run, size: Size) -> Run:
    """What the neurons of a search do, in wordings that found none."""
    return asked(golgi, EFFECTS, {"source": search.fingerprint, "seeds": size.seeds})


def followed(golgi: Golgi, part: Part, search: Run, size: Size) -> tuple[Run, ...]:
    """Doses, new questions, other ways to find neurons, other numbers of points."""
    if not part.more:
        return ()
    source = {"source": search.fingerprint}
    doses = asked(golgi, EFFECTS, {**source, **DOSES})
    predicted = asked(golgi, PREDICT, {**source, "limit": size.new, "seeds": size.seeds})
    located = asked(golgi, LOCATORS, {**source, "queries": size.located, "steps": size.steps, "seeds": size.seeds})
    return doses, predicted, located, searched(golgi, part, size, size.steady)


def study(golgi: Golgi, size: Size, parts: Sequence[Part] = PARTS) -> Study:
    """Every part: its search, its test, and what follows."""
    imported(golgi, sorted({part.questions for part in parts}))
    searches = {part.key: searched(golgi, part, size) for part in parts}
    effects = {key: tested(golgi, search, size) for key, search in searches.items()}
    further = {part.key: followed(golgi, part, searches[part.key], size) for part in parts}
    return Study(golgi.services.pages, searches, effects, further)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models-dir", type=Path, default=Path("models_cache"))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the database")
    parser.add_argument("--out", type=Path, default=Path("docs/query_neurons.md"))
    for name, value in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = Settings(data_dir=args.data_dir, models_dir=args.models_dir, offline=True)
    golgi = build(settings, recorded=None)
    size = Size(**{name: getattr(args, name) for name in vars(Size())})
    args.out.write_text(report(study(golgi, size)), encoding="utf-8")


if __name__ == "__main__":
    main()
