"""Measure: questions about many inputs, as cards."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.page import render, services

router = APIRouter(include_in_schema=False)


@router.get("/measure", name="measure")
@router.get("/measure.json", name="measure_json")
def measure(request: Request) -> Response:
    """The questions, the kinds of runs that answer them, and what each needs first."""
    return render(request, "measure", services(request).overview.measure())
