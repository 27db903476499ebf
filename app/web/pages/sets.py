"""Neuron sets: saved, made, imported; and comparisons of rankings and sets."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from app.data.demo import MODEL
from app.domain.bounds import Key, Offset, Place, Share, Word, whole
from app.domain.errors import GolgiError
from app.forms.read import numbers
from app.forms.rules import set_rule
from app.services.compare import CompareView
from app.web.kept import kept
from app.web.page import Sent, away, figure_table, given_of, render, services

router = APIRouter(include_in_schema=False)


@router.get("/sets", name="sets")
@router.get("/sets.json", name="sets_json")
def sets(request: Request) -> Response:
    """Every set, and the ways to make one."""
    return _list(request, {})


def _list(request: Request, sent: dict[str, Any], error: GolgiError | None = None) -> Response:
    app_services = services(request)
    models = [model.info.slug for model in app_services.catalogue.models().models if not model.info.problem]
    more: dict[str, Any] = {"runs": app_services.pages.rankings(), "models": models, "sent": sent, "error": error}
    status = error.status if error else 200
    return render(request, "sets", app_services.sets.list(), status=status, reads=("run", "rank", "size"), **more)


@router.post("/sets", name="make_set")
def make(request: Request, sent: Sent) -> Response:
    """Save a set by rule, or from a pasted list."""
    app_services = services(request)
    name = str(sent.get("name") or "")
    try:
        if str(sent.get("neurons") or "").strip():
            neuron_set = app_services.sets.bring(name, str(sent["neurons"]), str(sent.get("model") or MODEL))
        else:
            runs = [app_services.runs.get(whole("run", text, 1)).fingerprint for text in sent.getlist("run")]
            neuron_set = app_services.sets.make(name, set_rule(given_of(sent), runs))
    except GolgiError as error:
        return _list(request, {**dict(sent), "run": sent.getlist("run")}, error)
    return away(request, "set", number=neuron_set.id)


@router.get("/sets/{number}.csv", name="set_csv")
def set_csv(request: Request, number: Key) -> Response:
    """Members by layer."""
    return figure_table({"layers": services(request).sets.page(number).figure}, "layers", f"golgi-set-{number}")


@router.get("/sets/{number}.txt", name="set_text")
def text(request: Request, number: Key) -> Response:
    """One id per line."""
    return PlainTextResponse(services(request).sets.text(number))


@router.get("/sets/{number}", name="set")
@router.get("/sets/{number}.json", name="sets_one_json")
def one(request: Request, number: Key, offset: Offset = 0) -> Response:
    """One set; its ``.json`` twin is the form that can be imported again."""
    if request.url.path.endswith(".json"):
        return JSONResponse(services(request).sets.json(number))
    view = services(request).sets.page(number, offset)
    found = view.found
    told = services(request).pages.members(found.model, found.weights_hash, view.shown)
    return render(request, "set", view, members=told)


@router.post("/sets/{number}/{action}", name="act_set")
def act(request: Request, number: Key, action: Word) -> Response:
    """Delete or restore."""
    services(request).sets.change(number, deleted=action == "delete")
    return away(request, "sets") if action == "delete" else away(request, "set", number=number)


def _compared(request: Request, k: str) -> CompareView:
    query = request.query_params
    runs, sets = ([whole(name, text, 1) for text in query.getlist(name) if text] for name in ("run", "set"))
    return services(request).compare.view(runs, sets, (numbers("k", k) or [0.01])[0])


@router.get("/compare", name="compare")
@router.get("/compare.json", name="compare_json")
def compare(request: Request, k: Word = "1%") -> Response:
    """Two to six runs or sets side by side; they stand in the address, in order."""

    def page() -> Response:
        return render(request, "compare", _compared(request, k), reads=("run", "set"), k=k)

    return kept(request, services(request).pages.library.stamp(), page)


@router.get("/compare/{figure}.csv", name="compare_csv")
def compare_csv(request: Request, figure: Word, k: Word = "1%") -> Response:
    """The table of a figure of a comparison."""

    def table() -> Response:
        return figure_table(_compared(request, k).figures, figure, f"golgi-compare-{figure}")

    return kept(request, services(request).pages.library.stamp(), table)


@router.get("/cross.csv", name="cross_csv")
def cross_csv(request: Request, measure: Word = "nDCG@10", fraction: Share = 0.0, model: Place = "") -> Response:
    """The table of the cross test."""

    def table() -> Response:
        view = services(request).compare.cross(measure, fraction, model)
        return figure_table({"cross": view.figure} if view.figure else {}, "cross", "golgi-cross")

    return kept(request, services(request).pages.library.stamp(), table)


@router.get("/cross", name="cross")
@router.get("/cross.json", name="cross_json")
def cross(request: Request, measure: Word = "nDCG@10", fraction: Share = 0.0, model: Place = "") -> Response:
    """Neurons found on one dataset, measured on the others."""

    def page() -> Response:
        return render(request, "cross", services(request).compare.cross(measure, fraction, model))

    return kept(request, services(request).pages.library.stamp(), page)
