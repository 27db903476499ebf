"""The JSON interface, and its page of documentation (no outside assets)."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from app.domain.questions import Question
from app.kinds import kinds
from app.kinds.base import Kind
from app.web.page import plain, render, services

router = APIRouter(prefix="/api/v1", tags=["golgi"])


def _add(kind: Kind[Any, Any, Any]) -> None:
    """The route that starts a kind's runs; one that is asked on the page of another run stands below that run."""

    def start(request: Request, body: Question) -> Any:
        return plain(services(request).requests.start(kind.key, body.model_dump(exclude_unset=True)))

    def start_below(request: Request, number: int, body: Question) -> Any:
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
    name: str
    licence: str = ""
    source: str = ""
    layout: str = "auto"
    domain_by: str = "subject"
    seed: str = "0"
    columns: str = ""


@router.get("/datasets", name="api_datasets")
def datasets(request: Request) -> Response:
    """Stored datasets."""
    return JSONResponse(plain(services(request).datasets.list()))


class ImportBody(BaseModel):
    """A folder to import, or an ir_datasets id; ``model`` counts tokens for the report."""

    name: str
    folder: str = ""
    ir_dataset: str = ""
    domain: str = ""
    licence: str = ""
    source: str = ""
    model: str = ""
    depth: int = 100


@router.post("/datasets", status_code=202, name="api_import")
def import_dataset(request: Request, body: ImportBody) -> dict[str, Any]:
    """Import a folder below the import folder, its columns guessed, or an ir_datasets id; answers the job."""
    return plain(services(request).datasets.start(body.model_dump()))  # type: ignore[no-any-return]


@router.post("/datasets/files", status_code=202, name="api_upload")
def upload(request: Request, name: Annotated[str, Form()], files: list[UploadFile]) -> dict[str, Any]:
    """Import uploaded files, their columns guessed; answers the job."""
    dataset_service = services(request).datasets
    token = dataset_service.stage((file.filename or "", file.file) for file in files)
    return plain(dataset_service.start({"name": name}, token))  # type: ignore[no-any-return]


@router.get("/question-sets", name="api_question_sets")
def question_sets(request: Request) -> Response:
    """Stored question sets."""
    return JSONResponse(plain(services(request).questions.list()))


@router.get("/question-sets/{name}", name="api_question_set")
def question_set(request: Request, name: str, offset: int = 0, q: str = "", seed: int = 0) -> Response:
    """One question set: its report, domains, and a page of its queries, those with ``q`` in them."""
    return JSONResponse(plain(services(request).questions.page(name, offset, q, seed)))


@router.post("/question-sets", status_code=201, name="api_import_questions")
def import_questions(request: Request, about: Annotated[QuestionBody, Form()]) -> dict[str, Any]:
    """Import an uploaded file of questions; ``columns`` is a JSON object; answers the set with its report."""
    values = about.model_dump(exclude={"file"})
    stored = services(request).questions.take(about.file.file, about.file.filename or "", values)
    return plain(stored)  # type: ignore[no-any-return]


@router.get("/sets/{number}", name="api_set")
def one_set(request: Request, number: int) -> dict[str, Any]:
    """One neuron set with its model and rule."""
    return services(request).sets.json(number)


@router.post("/sets", status_code=201, name="api_make_set")
def make_set(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Save a set: ``{"name": ..., "rule": {...}}``, or an exported one with its ``neurons`` and ``model``."""
    set_service, name = services(request).sets, str(body.get("name") or "")
    if "neurons" in body:
        return set_service.json(set_service.bring(name, json.dumps(body), str(body.get("model") or "")).id)
    return set_service.json(set_service.make(name, body.get("rule") or {}).id)


@router.get("/compare", name="api_compare")
def compare(request: Request, run: Annotated[list[int], Query()], k: float = 0.01) -> Response:
    """Two to six runs side by side at a share of all neurons."""
    return JSONResponse(plain(services(request).compare.view(run, [], k)))


@router.get("/runs", name="api_runs")
def runs(request: Request, q: str = "", model: str = "", kind: str = "", offset: int = 0) -> Response:
    """Stored runs, newest first."""
    view = services(request).pages.list({"q": q, "model": model, "kind": kind}, "new", max(0, offset))
    return JSONResponse(plain(view))


@router.get("/runs/{number}", name="api_run")
def run(request: Request, number: int) -> Response:
    """One run with everything its page shows."""
    return JSONResponse(plain(services(request).pages.run(number)))


@router.get("/models", name="api_models")
def models(request: Request) -> Response:
    """Models at hand."""
    return JSONResponse(plain(services(request).catalogue.models()))


@router.get("/jobs", name="api_jobs")
def jobs(request: Request) -> Response:
    """Open jobs first, then the newest."""
    return JSONResponse(plain(services(request).pages.all_jobs()))


@router.get("/docs", include_in_schema=False, name="api_docs")
def docs(request: Request) -> Response:
    """Endpoints and schemas, read off the OpenAPI description."""
    return render(request, "api_docs", request.app.openapi())
