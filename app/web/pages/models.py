"""Models: the list, one model, load and unload."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.bounds import Place
from app.web.page import away, render, services

router = APIRouter(include_in_schema=False)


@router.get("/models", name="models")
@router.get("/models.json", name="models_json")
def models(request: Request) -> Response:
    """Every model at hand."""
    return render(request, "models", services(request).catalogue.models())


@router.get("/models/{name}", name="model")
@router.get("/models/{name}.json", name="models_one_json")
def model(request: Request, name: Place) -> Response:
    """One model: card, self-check, memory."""
    return render(request, "model", services(request).catalogue.model(name))


@router.post("/models/{name}/load", name="load_model")
def load(request: Request, name: Place) -> Response:
    """Load it and run the self-checks."""
    job = services(request).catalogue.load(name)
    return away(request, "job", number=job.id)


@router.post("/models/{name}/unload", name="unload_model")
def unload(request: Request, name: Place) -> Response:
    """Give its memory back."""
    job = services(request).catalogue.unload(name)
    return away(request, "job", number=job.id)
