"""Measuring on datasets: the forms of attributions and studies, and one query of a study."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import FormData

from app.domain.errors import GolgiError
from app.domain.interventions import OP_TITLES
from app.domain.runs import Run
from app.services.costs import Cost
from app.services.demo import MODEL
from app.web.forms import attribute_values, study_values
from app.web.page import Sent, away, fragment, render, services

router = APIRouter(include_in_schema=False)


def _numbers(sent: FormData, name: str) -> list[int]:
    """Ticked numbers."""
    return [int(text) for text in sent.getlist(name) if isinstance(text, str) and text.isdigit()]


@router.get("/attribute", name="attribute_form")
def attribute_form(request: Request, dataset: str = "", model: str = "", method: str = "nig") -> Response:
    """The form of an attribution over a dataset."""
    return _attribute(request, {"dataset": dataset, "model": model or MODEL, "method": method})


def _attribute(request: Request, sent: Any, error: GolgiError | None = None) -> Response:
    asked = services(request)
    view = {
        "methods": asked.catalogue.methods(),
        "method": asked.catalogue.method(str(sent.get("method") or "nig")),
        "models": [one.info for one in asked.catalogue.models().models],
        "datasets": asked.datasets.list().datasets,
    }
    return render(request, "attribute", view, status=error.status if error else 200, sent=dict(sent), error=error)


@router.post("/attribute", name="attribute")
def attribute(request: Request, sent: Sent) -> Response:
    """Start it, and go to the run."""
    asked = services(request)
    try:
        fields = asked.catalogue.method(str(sent.get("method") or "nig")).fields
        run = asked.measures.attribute(str(sent.get("model") or ""), attribute_values(sent, fields))
    except GolgiError as error:
        return _attribute(request, sent, error)
    return away(request, "run", number=run.id)


@router.post("/attribute/cost", name="attribute_cost")
def attribute_cost(request: Request, sent: Sent) -> Response:
    """What the filled form would take."""
    asked = services(request)

    def told() -> Cost:
        fields = asked.catalogue.method(str(sent.get("method") or "nig")).fields
        return asked.measures.cost_of_attribution(str(sent.get("model") or ""), attribute_values(sent, fields))

    return _cost(request, told)


def _cost(request: Request, told: Callable[[], Cost]) -> Response:
    try:
        return fragment(request, "cost", cost=told(), problem=None)
    except GolgiError as error:
        return fragment(request, "cost", cost=None, problem=error)


@router.post("/runs/{number}/baselines", name="baselines")
def baselines(request: Request, number: int) -> Response:
    """The same attribution from other baselines, side by side."""
    asked = services(request)
    runs = asked.measures.baselines(asked.runs.get(number))
    return away(request, "compare", "?" + "&".join(f"run={run.id}" for run in runs))


@router.post("/runs/{number}/confirm", name="confirm")
def confirm(request: Request, number: int) -> Response:
    """The sizes that a study chose, measured on the test part."""
    asked = services(request)
    run = asked.measures.confirm(asked.runs.get(number), asked.pages.picked(number))
    return away(request, "run", number=run.id)


@router.get("/study", name="study_form")
def study_form(request: Request, run: int | None = None, dataset: str = "", set: int | None = None) -> Response:
    """The form of a study; ``run`` and ``set`` tick what it takes neurons from."""
    sent = {"dataset": dataset, "source": [str(run)] if run else [], "set": [str(set)] if set else []}
    return _study(request, sent)


def _study(request: Request, sent: dict[str, Any], error: GolgiError | None = None) -> Response:
    asked = services(request)
    view = {
        "runs": asked.pages.rankings(),
        "sets": asked.sets.list().sets,
        "datasets": asked.datasets.list().datasets,
        "ops": {op.value: title for op, title in OP_TITLES.items()},
    }
    return render(request, "study", view, status=error.status if error else 200, sent=sent, error=error)


def _of_study(request: Request, sent: FormData) -> tuple[str, list[Run]]:
    """The model of what is ticked, and the ticked runs."""
    asked = services(request)
    sources = [asked.runs.get(number) for number in _numbers(sent, "source")]
    sets = [asked.sets.get(number) for number in _numbers(sent, "set")]
    found = next((run.spec.source or run.spec.model for run in sources), next((s.model for s in sets), MODEL))
    return found, sources


@router.post("/study/cost", name="study_cost")
def study_cost(request: Request, sent: Sent) -> Response:
    """What the filled form would take."""

    def told() -> Cost:
        model, sources = _of_study(request, sent)
        return services(request).measures.cost_of_study(model, study_values(sent), sources, "controls" in sent)

    return _cost(request, told)


@router.post("/study", name="study")
def study(request: Request, sent: Sent) -> Response:
    """Start it, and go to the run."""
    asked = services(request)
    try:
        model, sources = _of_study(request, sent)
        run = asked.measures.study(model, study_values(sent), sources, controls="controls" in sent)
    except GolgiError as error:
        kept = {**dict(sent), "source": sent.getlist("source"), "set": sent.getlist("set")}
        return _study(request, kept, error)
    return away(request, "run", number=run.id)


@router.get("/runs/{number}/queries/{key:path}", name="study_query")
def query(request: Request, number: int, key: str, set: int = 1) -> Response:
    """One query of a study: before, after, and who moved."""
    return render(request, "study_query", services(request).pages.moves(number, key, set))


@router.get("/runs/{number}/trec/{ordinal}", name="trec")
def trec(request: Request, number: int, ordinal: int) -> Response:
    """The rankings under one setting as a TREC run."""
    body = services(request).pages.trec(number, ordinal)
    name = f'attachment; filename="golgi-run-{number}-setting-{ordinal}.run"'
    return PlainTextResponse(body, headers={"Content-Disposition": name})
