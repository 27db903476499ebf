"""The page of the demo study: its report, its cross test, its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.runs import Run
from app.figures.base import Figure
from app.services.cross_view import cross_view
from app.store.results import Results
from app.store.runs import Runs


@dataclass(frozen=True)
class ReportView:
    """A study's report as Markdown, its cross test, the attributions over relevant pairs it stands on, its curves."""

    report: str
    model: str
    cross: Figure | None
    found: tuple[Run, ...]
    curves: tuple[Run, ...]


def report_view(runs: Runs, results: Results, report: str, recorded: Sequence[Run]) -> ReportView:
    """The report beside those of its runs that are recorded."""
    studies = [run for run in recorded if run.spec.kind == "study"]
    found = [run for run in recorded if run.spec.kind == "attribute"]
    relevant = tuple(run for run in found if run.spec.settings["sample"]["relevance"] == "relevant")
    curves = tuple(run for run in studies if run.spec.settings["doses"])
    model = studies[0].spec.model if studies else ""
    cross = cross_view(runs, results, model=model).figure if studies else None
    return ReportView(report, model, cross, relevant, curves)
