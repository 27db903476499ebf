"""What a run over a dataset will take, told before it is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.data.samples import DatasetReader
from app.domain.attributing import AttributeSettings
from app.domain.datasets import Dataset
from app.domain.runs import Run
from app.domain.studying import StudySettings
from app.jobs.kinds.study import candidate_lists, settings_count
from app.jobs.sampling import fitting
from app.store.runs import Runs


@dataclass(frozen=True)
class Cost:
    """How much work it is at most, and how long that took before.

    Args:
        unit: what is counted: ``pairs`` or ``queries``. fitting: how many there are. taken: how many of them at most.
        passes: rows that go through the model (and back, for an attribution).
        seconds: by the speed of ``run``; None where the model has no timed run.
        run, device: the run that tells the speed, and where it ran.
    """

    unit: str
    fitting: int
    taken: int
    passes: int
    seconds: float | None = None
    run: int | None = None
    device: str = ""


def of_attribution(
    asked: AttributeSettings, passes: int, data: DatasetReader, dataset: Dataset, timed: Sequence[Run]
) -> Cost:
    """Cost of an attribution at ``passes`` rows a pair; pairs that the model classes otherwise come off it."""
    pairs = fitting(asked, data, dataset)
    taken = min(len(pairs), asked.sample.limit)
    each = passes * (2 if asked.target.name == "pairwise" else 1)
    return _timed("pairs", len(pairs), taken, taken * each, timed)


def of_study(
    asked: StudySettings, sources: int, controls: int, data: DatasetReader, dataset: Dataset, timed: Sequence[Run]
) -> Cost:
    """Cost of a study, its control rankings left out."""
    most = asked.model_copy(update={"evaluation": asked.evaluation.model_copy(update={"queries": 100_000})})
    lists = list(candidate_lists(asked, data, dataset).values())
    found = len(candidate_lists(most, data, dataset))
    count = settings_count(asked, sources, controls)
    return _timed("queries", found, len(lists), count * sum(map(len, lists)), timed)


def newest(runs: Runs, model: str, kinds: Sequence[str]) -> tuple[Run, ...]:
    """Finished runs of a model that were computed here, kind by kind, the newest first."""
    filters: Mapping[str, str] = {"model": model, "state": "done"}
    found = [run for kind in kinds for run in runs.find(filters={**filters, "kind": kind}, limit=20)[0]]
    return tuple(run for run in found if run.seconds and not run.recorded)


def _timed(unit: str, found: int, taken: int, passes: int, timed: Sequence[Run]) -> Cost:
    for run in timed:
        done = _passes(run)
        if done and run.seconds:
            device = str(run.environment.get("device", ""))
            return Cost(unit, found, taken, passes, run.seconds / done * passes, run.id, device)
    return Cost(unit, found, taken, passes)


def _passes(run: Run) -> int:
    """Rows that a finished run put through the model."""
    if run.spec.kind == "study":
        return int(run.plan.get("settings", 0)) * len(run.plan.get("pairs", ()))
    return int(run.plan.get("passes", 0)) * int(run.plan.get("items", 0))
