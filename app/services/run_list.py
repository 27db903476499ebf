"""The list of runs: a page of it, what it can be filtered by, and what its further columns hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.runs import Run
from app.domain.targets import TITLES
from app.methods.base import methods
from app.store.runs import Runs

PAGE = 50
CHOSEN = ("model", "dataset", "method", "target")
"""What is chosen among the values that stored runs have."""
MORE = {"dataset": "Dataset", "method": "Method", "target": "Target"}
"""Columns that are shown on demand, with their titles."""
SECTIONS = ("sample", "evaluation")
"""Settings that name the dataset or question set of a run."""


@dataclass(frozen=True)
class RunsView:
    """A page of the list of runs.

    Args:
        runs: those of the page. total: how many match.
        filters, sort: what the address asks. cells: of each run's number, what its further columns hold.
        choices: filter to the values that stored runs have, each with its words.
    """

    runs: tuple[Run, ...]
    total: int
    offset: int
    size: int
    filters: Mapping[str, str]
    sort: str
    choices: Mapping[str, tuple[tuple[str, str], ...]]
    cells: Mapping[int, Mapping[str, str]]

    @property
    def narrowed(self) -> tuple[tuple[str, str], ...]:
        """Filters that are set, and their values in words."""
        return tuple((name, _words(name, value)) for name, value in self.filters.items() if value)


def listed(runs: Runs, filters: Mapping[str, str], sort: str, offset: int) -> RunsView:
    """A page of the runs that match."""
    found, total = runs.find(filters=filters, sort=sort, offset=offset, limit=PAGE)
    choices = {name: tuple((value, _words(name, value)) for value in runs.values(name)) for name in CHOSEN}
    cells = {run.id: _cells(run) for run in found}
    return RunsView(found, total, offset, PAGE, dict(filters), sort, choices, cells)


def _cells(run: Run) -> Mapping[str, str]:
    settings = run.spec.settings
    target = settings.get("target")
    values = {
        "dataset": next((name for key in SECTIONS if (name := _named(settings.get(key)))), ""),
        "method": str(settings.get("method", settings.get("op", ""))),
        "target": _named(target),
    }
    told = {name: _words(name, value) for name, value in values.items()}
    sentence = str(run.plan.get("target", {}).get("sentence", ""))
    return {**told, "target": sentence or told["target"]}


def _named(section: Any) -> str:
    return str(section.get("name", "")) if isinstance(section, Mapping) else ""


def _words(name: str, value: str) -> str:
    """A value as people call it."""
    if name == "method" and value in methods():
        return methods()[value].title
    return TITLES.get(value, value) if name == "target" else value
