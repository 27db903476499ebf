"""The library: models, datasets, question sets and methods."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.page import render, services

router = APIRouter(include_in_schema=False)


@router.get("/library", name="library")
@router.get("/library.json", name="library_json")
def library(request: Request) -> Response:
    """What there is, with counts."""
    return render(request, "library", services(request).overview.library())
