"""Heads: runs whose neurons are attention heads."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.page import render, services

router = APIRouter(include_in_schema=False)


@router.get("/heads", name="heads")
@router.get("/heads.json", name="heads_json")
def heads(request: Request) -> Response:
    """Rankings of heads with their strongest, and saved sets of heads."""
    return render(request, "heads", services(request).overview.heads())
