"""Runs: the list, one run, its parts, its exports, and what can be done with it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.errors import GolgiError, NotFound
from app.services.exports import FORMATS, SUFFIX, as_csv
from app.web.forms import ablate_values
from app.web.page import fragment, render, services

router = APIRouter(include_in_schema=False)
FILTERS = ("model", "kind", "method", "state", "q")


@router.get("/runs", name="runs")
@router.get("/runs.json")
def run_list(request: Request, sort: str = "new", offset: int = 0) -> Response:
    """The list; filters stand in the address."""
    filters = {name: request.query_params.get(name, "") for name in FILTERS}
    return render(request, "runs", services(request).pages.list(filters, sort, max(0, offset)))


@router.get("/runs/{number}", name="run")
@router.get("/runs/{number}.json")
def run_page(request: Request, number: int, part: str = "all") -> Response:
    """One run."""
    return render(request, "run", services(request).pages.run(number, part), error=None, sent={})


@router.get("/ablations/{number}")
def ablation_page(request: Request, number: int) -> Response:
    """The same under its kind's name."""
    return RedirectResponse(request.url_for("run", number=number), status_code=303)


@router.get("/r/{fingerprint}", name="permalink")
def permalink(request: Request, fingerprint: str) -> Response:
    """A run by what it asked."""
    found = services(request).runs.by_fingerprint(fingerprint)
    if found is None:
        raise NotFound("a run that this copy of Golgi has", fingerprint, "Ask its owner for the bundle and import it.")
    return RedirectResponse(request.url_for("run", number=found.id), status_code=303)


@router.get("/runs/{number}/progress", name="progress")
def progress(request: Request, number: int) -> Response:
    """The progress element; when the run has ended it asks the page to reload itself."""
    view = services(request).pages.progress(number)
    answer = fragment(request, "progress", view=view)
    if not view.moving:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/runs/{number}/ablate", name="ablate")
async def ablate(request: Request, number: int) -> Response:
    """Switch neurons of this run off."""
    sent = await request.form()
    asked = services(request)
    try:
        run = asked.requests.ablate(asked.runs.get(number), ablate_values(sent))
    except GolgiError as error:
        return render(request, "run", asked.pages.run(number), error=error, sent=dict(sent), status=error.status)
    return RedirectResponse(request.url_for("run", number=run.id), status_code=303)


@router.post("/runs/{number}/edit", name="edit_run")
def edit(
    request: Request, number: int, title: Annotated[str, Form()] = "", note: Annotated[str, Form()] = ""
) -> Response:
    """Rename and note."""
    run = services(request).runs.get(number)
    services(request).runs.change(number, title=title.strip()[:200] or run.title, note=note)
    return RedirectResponse(request.url_for("run", number=number), status_code=303)


@router.post("/runs/{number}/{action}", name="act")
def act(request: Request, number: int, action: str) -> Response:
    """Pin, delete, restore, stop, or resume."""
    asked = services(request)
    asked.runs.get(number)
    if action in ("pin", "unpin"):
        asked.runs.change(number, pinned=action == "pin")
    elif action in ("delete", "restore"):
        asked.runs.change(number, deleted=action == "delete")
    elif action == "resume":
        asked.requests.resume(number)
    elif action == "stop" and (job := asked.jobs.of_run(number)) is not None:
        asked.jobs.ask_stop(job.id)
    target = (
        request.url_for("runs").include_query_params(undo=number)
        if action == "delete"
        else request.url_for("run", number=number)
    )
    return RedirectResponse(target, status_code=303)


@router.get("/runs/{number}/export/{form}", name="export")
def export(request: Request, number: int, form: str) -> Response:
    """The run in another format."""
    body = services(request).exports.export(number, form)
    name = f"golgi-run-{number}.{SUFFIX[form]}"
    return Response(body, media_type=FORMATS[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/runs/{number}/figures/{name}.csv", name="figure_csv")
def figure_csv(request: Request, number: int, name: str, part: str = "all") -> Response:
    """The table of a figure."""
    view = services(request).pages.run(number, part)
    inner = view.explain or view.ablate
    if inner is None or name not in inner.figures:
        raise NotFound("a figure of this run", f"'{name}'", "Go back to the run's page.")
    figure = inner.figures[name]
    return Response(as_csv(list(figure.columns), iter(figure.rows)), media_type="text/csv")


@router.get("/runs/{number}/layers/{layer}", name="layer")
@router.get("/runs/{number}/layers/{layer}.json")
def layer_page(
    request: Request, number: int, layer: int, kind: str = "", part: str = "all", sort: str = "signed", offset: int = 0
) -> Response:
    """All units of a layer."""
    return render(request, "layer", services(request).pages.layer(number, layer, kind, part, sort, max(0, offset)))


@router.get("/neurons/{model}/{text}", name="neuron")
@router.get("/neurons/{model}/{text}.json")
def neuron_page(request: Request, model: str, text: str) -> Response:
    """One unit over all runs."""
    return render(request, "neuron", services(request).pages.neuron(model, text))
