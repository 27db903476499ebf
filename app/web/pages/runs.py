"""Runs: the list, one run, its parts, its exports, and what can be done with it."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from app.domain.errors import GolgiError, NotFound
from app.figures.base import Figure
from app.services.container import Services
from app.services.exports import FORMATS, SUFFIX
from app.services.layer_view import LayerLook
from app.web.forms import ablate_values
from app.web.page import Sent, away, figure_table, fragment, render, services

router = APIRouter(include_in_schema=False)
FILTERS = ("model", "kind", "method", "state", "q")


@router.get("/runs", name="runs")
@router.get("/runs.json", name="runs_json")
def run_list(request: Request, sort: str = "new", offset: int = 0) -> Response:
    """The list; filters stand in the address."""
    filters = {name: request.query_params.get(name, "") for name in FILTERS}
    view = services(request).pages.list(filters, sort, max(0, offset))
    return render(request, "runs", view, reads=(*FILTERS, "undo"))


@router.get("/runs/{number}", name="run")
@router.get("/runs/{number}.json", name="runs_one_json")
def run_page(request: Request, number: int, part: str = "all", measure: str = "", set: int = 0) -> Response:
    """One run; of a study, the measure and the set that is looked at by query."""
    return render(request, "run", services(request).pages.run(number, part, measure, set), error=None, sent={})


@router.get("/ablations/{number}")
def ablation_page(request: Request, number: int) -> Response:
    """The same under its kind's name."""
    return away(request, "run", number=number)


@router.get("/r/{fingerprint}", name="permalink")
def permalink(request: Request, fingerprint: str) -> Response:
    """A run by what it asked."""
    found = services(request).runs.by_fingerprint(fingerprint)
    if found is None:
        raise NotFound("a run that this copy of Golgi has", fingerprint, "Ask its owner for the bundle and import it.")
    return away(request, "run", number=found.id)


@router.get("/runs/{number}/progress", name="progress")
def progress(request: Request, number: int, have: int = 0) -> Response:
    """The progress element; it tells the page when more inputs are there (``have`` counts the shown ones) or the run
    has ended."""
    view = services(request).pages.progress(number)
    answer = fragment(request, "progress", view=view)
    if not view.moving:
        answer.headers["HX-Trigger"] = "run-ended"
    elif view.grown > have:
        answer.headers["HX-Trigger"] = "run-grew"
    return answer


@router.get("/runs/{number}/parts", name="parts")
def parts(request: Request, number: int) -> Response:
    """The layer overview of every part of the input, side by side."""
    pages = services(request).pages
    first = pages.run(number)
    names = [name for name in first.explain.parts if name != "all"] if first.explain and first.explain.figures else []
    views = [(name, pages.run(number, name).explain) for name in names]
    figures = [(name, _on_one_scale(view.figures["overview"], name)) for name, view in views if view is not None]
    return fragment(request, "parts", run=first.run, figures=figures)


def _on_one_scale(figure: Figure, part: str) -> Figure:
    """The figure without marks at the ends of its own scale."""
    plot = {"data": figure.plot["data"][:1], "layout": figure.plot["layout"]}
    caption = f"{figure.caption.split(' · each cell')[0]} · colours mean the same in every part"
    return replace(figure, title=f"{figure.title}, {part}", plot=plot, caption=caption)


@router.post("/runs/{number}/ablate", name="ablate")
def ablate(request: Request, number: int, sent: Sent) -> Response:
    """Switch neurons of this run off."""
    asked = services(request)
    try:
        run = asked.requests.ablate(asked.runs.get(number), ablate_values(sent))
    except GolgiError as error:
        return render(request, "run", asked.pages.run(number), error=error, sent=dict(sent), status=error.status)
    return away(request, "run", number=run.id)


@router.post("/runs/{number}/edit", name="edit_run")
def edit(
    request: Request, number: int, title: Annotated[str, Form()] = "", note: Annotated[str, Form()] = ""
) -> Response:
    """Rename and note."""
    run = services(request).runs.get(number)
    services(request).runs.change(number, title=title.strip()[:200] or run.title, note=note)
    return away(request, "run", number=number)


@router.post("/runs/{number}/{action}", name="act")
def act(request: Request, number: int, action: str, back: Annotated[str, Form()] = "") -> Response:
    """Pin, delete, restore, stop, or resume; ``back`` is ``runs`` where the list asked."""
    _do(services(request), number, action)
    if action == "delete":
        return away(request, "runs", f"?undo={number}")
    return away(request, "runs") if back == "runs" else away(request, "run", number=number)


def _do(asked: Services, number: int, action: str) -> None:
    """One of the actions.

    Raises:
        NotFound: no such run or action.
    """
    asked.runs.get(number)
    changes = {"pin": {"pinned": True}, "unpin": {"pinned": False}}
    changes |= {"delete": {"deleted": True}, "restore": {"deleted": False}}
    if action in changes:
        asked.runs.change(number, **changes[action])
    elif action == "resume":
        asked.requests.resume(number)
    elif action == "stop":
        job = asked.jobs.of_run(number)
        if job is not None:
            asked.jobs.ask_stop(job.id)
    else:
        raise NotFound("one of pin, unpin, delete, restore, stop, resume", f"'{action}'", "Use the page's buttons.")


@router.get("/runs/{number}/export/{form}", name="export")
def export(request: Request, number: int, form: str) -> Response:
    """The run in another format."""
    body = services(request).exports.export(number, form)
    name = f"golgi-run-{number}.{SUFFIX[form]}"
    return Response(body, media_type=FORMATS[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/runs/{number}/notebook.ipynb", name="notebook")
def notebook(request: Request, number: int) -> Response:
    """The run as a Jupyter notebook, which asks this server for the stored results."""
    bundle = lambda one: str(request.url_for("export", number=one, form="bundle"))  # noqa: E731
    body = services(request).notebooks.make(number, bundle)
    how = {"Content-Disposition": f'attachment; filename="golgi-run-{number}.ipynb"'}
    return Response(body, media_type="application/x-ipynb+json", headers=how)


@router.get("/runs/{number}/figures/{name}.csv", name="figure_csv")
def figure_csv(
    request: Request, number: int, name: str, part: str = "all", measure: str = "", set: int = 0
) -> Response:
    """The table of a figure."""
    inner = services(request).pages.run(number, part, measure, set).inner
    return figure_table(inner.figures, name, f"golgi-run-{number}-{name}")


@router.get("/runs/{number}/layers/{layer}.csv", name="layer_csv")
def layer_csv(request: Request, number: int, layer: int, kind: str = "", part: str = "all") -> Response:
    """The table of a layer's figure."""
    figure = services(request).pages.layer(number, layer, LayerLook(kind, part, "index")).figure
    return figure_table({"layer": figure}, "layer", f"golgi-run-{number}-layer-{layer}")


@router.get("/runs/{number}/layers/{layer}", name="layer")
@router.get("/runs/{number}/layers/{layer}.json", name="runs_layers_one_json")
def layer_page(request: Request, number: int, layer: int, look: Annotated[LayerLook, Depends()]) -> Response:
    """All units of a layer."""
    return render(request, "layer", services(request).pages.layer(number, layer, look))


@router.get("/neurons/{model}/{text}", name="neuron")
@router.get("/neurons/{model}/{text}.json", name="neurons_one_json")
def neuron_page(request: Request, model: str, text: str) -> Response:
    """One unit over all runs."""
    return render(request, "neuron", services(request).pages.neuron(model, text))
