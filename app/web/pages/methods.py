"""Methods: what each computes, the identity that is tested, its limits."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.bounds import Word
from app.services.method_view import method_page
from app.web.page import render, services

router = APIRouter(include_in_schema=False)


@router.get("/methods", name="methods")
@router.get("/methods.json", name="methods_json")
def methods(request: Request) -> Response:
    """Every method."""
    return render(request, "methods", services(request).catalogue.methods())


@router.get("/methods/{key}", name="method")
@router.get("/methods/{key}.json", name="methods_one_json")
def method(request: Request, key: Word) -> Response:
    """One method."""
    return render(request, "method", method_page(services(request).catalogue, key))
