"""The pages of studies: a report, its runs, and the cross test of the first one."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.data.demo import Study
from app.domain.runs import Run
from app.figures.base import Figure
from app.kinds import kind_of
from app.services.cross_view import cross_view
from app.services.pages import Pages, RunView


@dataclass(frozen=True)
class ReportView:
    """A study's report as Markdown, its cross test, the attributions over relevant pairs it stands on, its curves."""

    report: str
    model: str
    cross: Figure | None
    found: tuple[Run, ...]
    curves: tuple[Run, ...]


def report_view(pages: Pages, report: str, recorded: Sequence[Run]) -> ReportView:
    """The report beside those of its runs that are recorded."""
    studies = [run for run in recorded if "comparisons" in kind_of(run.spec.kind).gives]
    relevant = tuple(run for run in recorded if run.spec.settings.get("sample", {}).get("relevance") == "relevant")
    curves = tuple(run for run in studies if run.spec.settings["doses"])
    model = studies[0].spec.model if studies else ""
    cross = cross_view(pages, model=model).figure if studies else None
    return ReportView(report, model, cross, relevant, curves)


@dataclass(frozen=True)
class StudyView:
    """A study with those of its runs that are in this database."""

    study: Study
    runs: tuple[RunView, ...]


def study_view(pages: Pages, study: Study) -> StudyView:
    """The report beside its runs, in the order in which it tells of them."""
    known = (pages.runs.by_fingerprint(fingerprint) for fingerprint in study.runs)
    return StudyView(study, tuple(pages.run(run.id) for run in known if run is not None))
