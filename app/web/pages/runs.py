"""Runs: the list, one run, its parts, its exports, and what can be done with it."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import FormData, UploadFile

from app.domain.bounds import Count, Filter, Key, Note, Offset, Place, Word
from app.domain.errors import BadInput, GolgiError, NotFound
from app.services.exports import FORMATS, SUFFIX
from app.services.layer_view import LayerLook
from app.services.run_list import MORE
from app.web.kept import kept
from app.web.page import Sent, away, figure_table, fragment, given_of, render, render_piece, services

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Filters:
    """Which runs a list shows: exact values, and ``q``, a part of title, note or texts."""

    model: Place = ""
    kind: Word = ""
    dataset: Word = ""
    method: Word = ""
    target: Word = ""
    state: Word = ""
    q: Filter = ""


@router.get("/activity", name="activity")
@router.get("/runs", name="runs")
@router.get("/runs.json", name="runs_json")
def run_list(
    request: Request,
    filters: Annotated[Filters, Depends()],
    sort: Word = "new",
    offset: Offset = 0,
    cols: Annotated[tuple[Word, ...], Query()] = (),
) -> Response:
    """What runs and waits, and the list of runs; filters and further columns stand in the address."""
    view = services(request).pages.list(asdict(filters), sort, offset)
    return render(request, "runs", view, reads=("undo",), jobs=services(request).queue.all(), cols=cols, more=MORE)


@router.post("/bundle", name="open_bundle")
def open_bundle(request: Request, sent: Sent) -> Response:
    """Store the run of a bundle that is sent, and go to its page.

    Raises:
        BadInput: no file, or what is wrong with it.
    """
    file = sent.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise BadInput("a run bundle (.zip)", "none", "Choose one.", "file")
    return away(request, "run", number=services(request).exports.bring(file.file).id)


@router.get("/runs/{number}", name="run")
@router.get("/runs/{number}.json", name="runs_one_json")
def run_page(request: Request, number: Key) -> Response:
    """One run; what of it is looked at stands in the address, by the names that its kind reads."""

    def page() -> Response:
        view = services(request).pages.run(number, request.query_params)
        return render(request, "run", view, reads=tuple(view.kind.Look.model_fields), error=None, sent={})

    return kept(request, services(request).pages.stamp(number), page)


@router.get("/ablations/{number}")
def ablation_page(request: Request, number: Key) -> Response:
    """The same under its kind's name."""
    return away(request, "run", number=number)


@router.get("/r/{fingerprint}", name="permalink")
def permalink(request: Request, fingerprint: Word) -> Response:
    """A run by what it asked."""
    run = services(request).runs.by_fingerprint(fingerprint)
    if run is None:
        raise NotFound("a run that this copy of Golgi has", fingerprint, "Ask its owner for the bundle and import it.")
    return away(request, "run", number=run.id)


@router.get("/runs/{number}/progress", name="progress")
def progress(request: Request, number: Key, have: Offset = 0) -> Response:
    """The progress element; it tells the page when more inputs are there (``have`` counts the shown ones) or the run
    has ended."""
    view = services(request).pages.progress(number)
    answer = fragment(request, "progress", view=view)
    if not view.moving:
        answer.headers["HX-Trigger"] = "run-ended"
    elif view.grown > have:
        answer.headers["HX-Trigger"] = "run-grew"
    return answer


@router.post("/runs/{number}/edit", name="edit_run")
def edit(
    request: Request, number: Key, title: Annotated[Filter, Form()] = "", note: Annotated[Note, Form()] = ""
) -> Response:
    """Rename and note."""
    run = services(request).runs.get(number)
    services(request).runs.change(number, title=title.strip()[:200] or run.title, note=note)
    return away(request, "run", number=number)


@router.post("/runs/{number}/sets", name="keep_set")
def keep(request: Request, number: Key, of: Annotated[Word, Form()], sent: Sent) -> Response:
    """Save a group of a run's neurons, as its page shows them: ``of`` is ``query:KEY`` or ``domain:NAME``."""
    look = {name: texts[-1] for name, texts in given_of(sent).items()}
    return away(request, "set", number=services(request).keeping.keep(number, of, look).id)


@router.post("/runs/{number}/{action}", name="act")
def act(request: Request, number: Key, action: Word, sent: Sent) -> Response:
    """Pin, delete, restore, stop, resume, or ask further; ``back`` is ``runs`` where the list asked."""
    if not services(request).requests.change(number, action):
        return _further(request, number, action, sent)
    if action == "delete":
        return away(request, "runs", f"?undo={number}")
    return away(request, "runs") if sent.get("back") == "runs" else away(request, "run", number=number)


def _further(request: Request, number: Key, action: str, sent: FormData) -> Response:
    """Start what a button asks; to its page, or to all of them side by side. A wrong form comes back as it was sent."""
    app_services = services(request)
    try:
        runs = app_services.requests.further(number, action, given_of(sent))
    except GolgiError as error:
        if not sent:
            raise
        return render(request, "run", app_services.pages.run(number), error=error, sent=dict(sent), status=error.status)
    if len(runs) == 1:
        return away(request, "run", number=runs[0].id)
    return away(request, "compare", "?" + "&".join(f"run={run_id}" for run_id in (number, *(run.id for run in runs))))


@router.get("/runs/{number}/export/{form}", name="export")
def export(request: Request, number: Key, form: Word) -> Response:
    """The run in another format."""
    body = services(request).exports.export(number, form)
    name = f"golgi-run-{number}.{SUFFIX[form]}"
    return Response(body, media_type=FORMATS[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/runs/{number}/notebook.ipynb", name="notebook")
def notebook(request: Request, number: Key) -> Response:
    """The run as a Jupyter notebook, which asks this server for the stored results."""

    def bundle(run: int) -> str:
        return str(request.url_for("export", number=run, form="bundle"))

    body = services(request).notebooks.make(number, bundle)
    how = {"Content-Disposition": f'attachment; filename="golgi-run-{number}.ipynb"'}
    return Response(body, media_type="application/x-ipynb+json", headers=how)


@router.get("/runs/{number}/figures/{name}.csv", name="figure_csv")
def figure_csv(request: Request, number: Key, name: Word) -> Response:
    """The table of a figure."""

    def table() -> Response:
        report = services(request).pages.report(number, request.query_params)
        return figure_table(report.figures, name, f"golgi-run-{number}-{name}")

    return kept(request, services(request).pages.stamp(number), table)


@router.get("/runs/{number}/queries/{key:path}", name="run_query")
def query(request: Request, number: Key, key: Word) -> Response:
    """One query of a run over several; what of it is looked at stands in the address, as on the run's page."""
    pages = services(request).pages

    def build() -> Response:
        view = pages.query(number, key, request.query_params)
        return render(request, "run_query", view, reads=tuple(view.kind.Look.model_fields))

    return kept(request, pages.stamp(number), build)


@router.get("/runs/{number}/trec/{ordinal}", name="trec")
def trec(request: Request, number: Key, ordinal: Count) -> Response:
    """The rankings under one setting as a TREC run."""
    body = services(request).pages.report(number).trec(ordinal)
    name = f'attachment; filename="golgi-run-{number}-setting-{ordinal}.run"'
    return PlainTextResponse(body, headers={"Content-Disposition": name})


@router.get("/runs/{number}/layers/{layer}.csv", name="layer_csv")
def layer_csv(request: Request, number: Key, layer: Count, kind: Word = "", part: Word = "all") -> Response:
    """The table of a layer's figure."""
    figure = services(request).pages.layer(number, layer, LayerLook(kind, part, "index")).figure
    return figure_table({"layer": figure}, "layer", f"golgi-run-{number}-layer-{layer}")


@router.get("/runs/{number}/layers/{layer}", name="layer")
@router.get("/runs/{number}/layers/{layer}.json", name="runs_layers_one_json")
def layer_page(request: Request, number: Key, layer: Count, look: Annotated[LayerLook, Depends()]) -> Response:
    """All units of a layer."""
    pages = services(request).pages
    return kept(request, pages.stamp(number), lambda: render(request, "layer", pages.layer(number, layer, look)))


@router.get("/neurons/{model}/{text}", name="neuron")
@router.get("/neurons/{model}/{text}.json", name="neurons_one_json")
def neuron_page(request: Request, model: Place, text: Word, norm: Literal["without", "with"] = "without") -> Response:
    """One unit over all runs: scores, tokens, and where it matters."""
    return render(request, "neuron", services(request).pages.neuron(model, text, norm))


@router.get("/neurons/{model}/{text}/{figure}.csv", name="neuron_csv")
def neuron_csv(request: Request, model: Place, text: Word, figure: Word) -> Response:
    """The table of a figure of a neuron's page: ``scores`` or ``activation``."""
    view = services(request).pages.neuron(model, text)
    drawn = [view.figure, view.firing.figure if view.firing else None]
    figures = {one.name: one for one in drawn if one is not None}
    return figure_table(figures, figure, f"golgi-neuron-{text}")


@router.get("/runs/{number}/panels/{panel}", name="panel")
def panel(request: Request, number: Key, panel: Word) -> Response:
    """A panel of a run's page that is fetched when it is opened.

    Raises:
        NotFound: the kind has no such panel.
    """

    def piece() -> Response:
        report = services(request).pages.report(number)
        makers = report.panels()
        if panel not in makers:
            raise NotFound("a panel of this run's page", f"'{panel}'", "Open its page instead.", "panel")
        return render_piece(request, f"kinds/{report.run.spec.kind}/{panel}.html", run=report.run, view=makers[panel]())

    return kept(request, services(request).pages.stamp(number), piece)
