"""The JSON interface, and its page of documentation (no outside assets)."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from app.domain.attributing import AttributeSettings
from app.domain.explaining import ExplainSettings
from app.domain.studying import StudySettings
from app.jobs.kinds.ablate import AblateSettings
from app.web.page import plain, render, services

router = APIRouter(prefix="/api/v1", tags=["golgi"])


class ExplainBody(ExplainSettings):
    """What to explain, and with which model."""

    model: str = Field("golgi-demo-reranker", description="folder name, alias or hub id of a model")


@router.post("/explain", status_code=202, name="api_explain")
def explain(request: Request, body: ExplainBody) -> dict[str, Any]:
    """Start (or find) an explanation; answers its run."""
    values = body.model_dump(exclude={"model"})
    return plain(services(request).requests.explain(body.model, values))  # type: ignore[no-any-return]


@router.post("/runs/{number}/ablate", status_code=202, name="api_ablate")
def ablate(request: Request, number: int, body: Annotated[AblateSettings, Body()]) -> dict[str, Any]:
    """Start (or find) an ablation of neurons of an explained run; answers its run."""
    asked = services(request)
    return plain(asked.requests.ablate(asked.runs.get(number), body.model_dump()))  # type: ignore[no-any-return]


class AttributeBody(AttributeSettings):
    """Which neurons matter over a dataset; ``sample.dataset`` may be a name."""

    model: str = Field("golgi-demo-reranker", description="folder name, alias or hub id of a model")


@router.post("/attribute", status_code=202, name="api_attribute")
def attribute(request: Request, body: AttributeBody) -> dict[str, Any]:
    """Start (or find) an attribution over a dataset; answers its run."""
    values = body.model_dump(exclude={"model"})
    return plain(services(request).measures.attribute(body.model, values))  # type: ignore[no-any-return]


class StudyBody(StudySettings):
    """Neuron sets switched off on a dataset; ``evaluation.dataset`` may be a name."""

    model: str = Field("golgi-demo-reranker", description="folder name, alias or hub id of a model")
    sources: tuple[int, ...] = Field((), description="numbers of runs whose rankings are cut at every size")
    saved: tuple[int, ...] = Field((), description="numbers of saved neuron sets")
    controls: bool = Field(True, description="also rank by activation, gradient × activation and weight norm")


@router.post("/study", status_code=202, name="api_study")
def study(request: Request, body: StudyBody) -> dict[str, Any]:
    """Start (or find) an ablation study; answers its run."""
    asked = services(request)
    values = body.model_dump(exclude={"model", "sources", "saved", "controls"})
    values["sets"] = [*values["sets"], *body.saved]
    sources = [asked.runs.get(number) for number in body.sources]
    return plain(asked.measures.study(body.model, values, sources, body.controls))  # type: ignore[no-any-return]


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
    asked = services(request).datasets
    token = asked.stage((file.filename or "", file.file) for file in files)
    return plain(asked.start({"name": name}, token))  # type: ignore[no-any-return]


@router.get("/sets/{number}", name="api_set")
def one_set(request: Request, number: int) -> dict[str, Any]:
    """One neuron set with its model and rule."""
    return services(request).sets.json(number)


@router.post("/sets", status_code=201, name="api_make_set")
def make_set(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Save a set: ``{"name": ..., "rule": {...}}``, or an exported one with its ``neurons`` and ``model``."""
    asked, name = services(request).sets, str(body.get("name") or "")
    if "neurons" in body:
        return asked.json(asked.bring(name, json.dumps(body), str(body.get("model") or "")).id)
    return asked.json(asked.make(name, body.get("rule") or {}).id)


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
