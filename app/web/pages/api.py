"""The JSON interface, and its page of documentation (no outside assets)."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from app.domain.explaining import ExplainSettings
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
