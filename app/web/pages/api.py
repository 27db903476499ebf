"""The JSON interface, and its page of documentation (no outside assets)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from app.domain.bounds import Count, Filter, Key, Note, Offset, Place, Seed, Share, Word
from app.domain.errors import BadInput
from app.domain.questions import Question
from app.domain.texts import half_in
from app.kinds import kinds
from app.kinds.base import Kind
from app.web.page import plain, render, services


async def whole_texts(request: Request) -> None:
    """See that no text of a JSON body was cut inside a character.

    Raises:
        BadInput: half of a surrogate pair, with its place.
    """
    if "json" not in request.headers.get("content-type", ""):
        return
    try:
        place = half_in(await request.json())
    except ValueError:
        return
    if place is not None:
        found = f"half of a surrogate pair in {place or 'the body'}"
        raise BadInput(
            "texts of whole characters", found, "Send the text whole, or with U+FFFD there.", place.split(".")[0]
        )


class Problem(BaseModel):
    """What was expected, what was found, what to do next, and the field at fault, if one is."""

    expected: str
    found: str
    remedy: str
    field: str | None


class Refusal(BaseModel):
    """The answer to a request that cannot be answered."""

    error: Problem


REFUSED: dict[int | str, dict[str, Any]] = {"4XX": {"model": Refusal, "description": "What is wrong with the request"}}
router = APIRouter(prefix="/api/v1", tags=["golgi"], responses=REFUSED, dependencies=[Depends(whole_texts)])


def _add(kind: Kind[Any, Any, Any]) -> None:
    """The route that starts a kind's runs; one that is asked on the page of another run stands below that run."""

    def start(request: Request, body: Question) -> Any:
        return plain(services(request).requests.start(kind.key, body.model_dump(exclude_unset=True)))

    def start_below(request: Request, number: Key, body: Question) -> Any:
        values = {**body.model_dump(exclude_unset=True), "source": str(number)}
        return plain(services(request).requests.start(kind.key, values))

    handler = start if kind.address else start_below
    handler.__annotations__["body"] = kind.ask.Form if kind.address else kind.ask.Question
    handler.__doc__ = f"Start (or find): {kind.about}; answers its run. Datasets may be given by name."
    path = kind.address or f"/runs/{{number}}/{kind.key}"
    router.post(path, status_code=202, name=f"api_{kind.key}")(handler)


for known in kinds().values():
    _add(known)


class QuestionBody(BaseModel):
    """A file of questions, and how it is read."""

    file: UploadFile
    name: Word
    licence: Note = ""
    source: Note = ""
    layout: Word = "auto"
    domain_by: Word = "subject"
    seed: Word = "0"
    columns: Note = ""


@router.get("/datasets", name="api_datasets")
def datasets(request: Request) -> Response:
    """Stored datasets."""
    return JSONResponse(plain(services(request).datasets.list()))


class ImportBody(BaseModel):
    """A folder to import, or an ir_datasets id; ``model`` counts tokens for the report."""

    name: Word
    folder: Place = ""
    ir_dataset: Word = ""
    domain: Word = ""
    licence: Word = ""
    source: Word = ""
    model: Place = ""
    depth: Count = 100


@router.post("/datasets", status_code=202, name="api_import")
def import_dataset(request: Request, body: ImportBody) -> dict[str, Any]:
    """Import a folder below the import folder, its columns guessed, or an ir_datasets id; answers the job."""
    return plain(services(request).datasets.start(body.model_dump()))  # type: ignore[no-any-return]


@router.post("/datasets/files", status_code=202, name="api_upload")
def upload(request: Request, name: Annotated[Word, Form()], files: list[UploadFile]) -> dict[str, Any]:
    """Import uploaded files, their columns guessed; answers the job."""
    dataset_service = services(request).datasets
    token = dataset_service.stage((file.filename or "", file.file) for file in files)
    return plain(dataset_service.start({"name": name}, token))  # type: ignore[no-any-return]


@router.get("/question-sets", name="api_question_sets")
def question_sets(request: Request) -> Response:
    """Stored question sets."""
    return JSONResponse(plain(services(request).questions.list()))


@router.get("/question-sets/{name}", name="api_question_set")
def question_set(request: Request, name: Word, offset: Offset = 0, q: Filter = "", seed: Seed = 0) -> Response:
    """One question set: its report, domains, and a page of its queries, those with ``q`` in them."""
    return JSONResponse(plain(services(request).questions.page(name, offset, q, seed)))


@router.post("/question-sets", status_code=201, name="api_import_questions")
def import_questions(request: Request, about: Annotated[QuestionBody, Form()]) -> dict[str, Any]:
    """Import an uploaded file of questions; ``columns`` is a JSON object; answers the set with its report."""
    values = about.model_dump(exclude={"file"})
    stored = services(request).questions.take(about.file.file, about.file.filename or "", values)
    return plain(stored)  # type: ignore[no-any-return]


@router.get("/sets/{number}", name="api_set")
def one_set(request: Request, number: Key) -> dict[str, Any]:
    """One neuron set with its model and rule."""
    return services(request).sets.json(number)


class SetBody(BaseModel):
    """A set by its ``rule``, or an exported one with its ``neurons`` and ``model``."""

    name: Word = ""
    rule: dict[str, Any] = {}
    neurons: list[Word] | None = None
    model: Place = ""
    weights_hash: Word | None = None
    preset: Word | None = None


@router.post("/sets", status_code=201, name="api_make_set")
def make_set(request: Request, body: SetBody) -> dict[str, Any]:
    """Save a set: ``{"name": ..., "rule": {...}}``, or an exported one with its ``neurons`` and ``model``."""
    set_service = services(request).sets
    if body.neurons is not None:
        exported = body.model_dump_json(exclude_none=True)
        return set_service.json(set_service.bring(body.name, exported, body.model).id)
    return set_service.json(set_service.make(body.name, body.rule).id)


class KeptBody(BaseModel):
    """A group of a run's neurons: ``query:KEY`` or ``domain:NAME``; ``look`` is what of the run is looked at."""

    of: Word
    name: Word = ""
    look: dict[Word, Word | float] = {}


@router.post("/runs/{number}/sets", status_code=201, name="api_keep_set")
def keep_set(request: Request, number: Key, body: KeptBody) -> dict[str, Any]:
    """Save neurons that a run's page shows together, as those of a query, as a set."""
    look = {name: str(value) for name, value in body.look.items()}
    kept = services(request).keeping.keep(number, body.of, look, body.name)
    return services(request).sets.json(kept.id)


@router.get("/compare", name="api_compare")
def compare(request: Request, run: Annotated[list[Key], Query()], k: Share = 0.01) -> Response:
    """Two to six runs side by side at a share of all neurons."""
    return JSONResponse(plain(services(request).compare.view(run, [], k)))


@router.get("/runs", name="api_runs")
def runs(request: Request, q: Filter = "", model: Place = "", kind: Word = "", offset: Offset = 0) -> Response:
    """Stored runs, newest first."""
    view = services(request).pages.list({"q": q, "model": model, "kind": kind}, "new", offset)
    return JSONResponse(plain(view))


@router.get("/runs/{number}", name="api_run")
def run(request: Request, number: Key) -> Response:
    """One run with everything its page shows."""
    return JSONResponse(plain(services(request).pages.run(number)))


@router.get("/models", name="api_models")
def models(request: Request) -> Response:
    """Models at hand."""
    return JSONResponse(plain(services(request).catalogue.models()))


@router.get("/jobs", name="api_jobs")
def jobs(request: Request) -> Response:
    """Open jobs first, then the newest."""
    return JSONResponse(plain(services(request).queue.all()))


@router.get("/docs", include_in_schema=False, name="api_docs")
def docs(request: Request) -> Response:
    """Endpoints and schemas, read off the OpenAPI description."""
    return render(request, "api_docs", request.app.openapi())
