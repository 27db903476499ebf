"""Errors as pages: what was expected, what was found, what to do next; never a trace."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app.domain.errors import BadInput, GolgiError, NotFound
from app.web.page import fragment, render

log = logging.getLogger(__name__)


def as_json(error: GolgiError) -> dict[str, Any]:
    """The fields of an error."""
    return {"expected": error.expected, "found": error.found, "remedy": error.remedy, "field": error.field}


def shown(request: Request, error: GolgiError) -> Response:
    """An error as the kind of answer that was asked for."""
    path = request.url.path
    if path.endswith(".json") or "/api/" in path:
        return JSONResponse({"error": as_json(error)}, status_code=error.status)
    if request.headers.get("hx-request") == "true":
        answer = fragment(request, "fault", error=error)
        answer.status_code = error.status
        answer.headers.update({"HX-Retarget": "#toast", "HX-Reswap": "innerHTML", "HX-Reselect": "*"})
        return answer
    return render(request, "error", error, status=error.status, ignored=())


def install(app: FastAPI) -> None:
    """Handlers for every kind of error."""

    @app.exception_handler(GolgiError)
    async def golgi_error(request: Request, error: GolgiError) -> Response:
        return shown(request, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        not_found = NotFound("an address of this site", request.url.path, "Go back, or start from the first page.")
        if error.status_code == 404:
            return shown(request, not_found)
        other = BadInput("a request this page answers", str(error.detail), "Go back and use the page's buttons.")
        other.status = error.status_code
        return shown(request, other)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        problem = f"{name} = '{str(first.get('input'))[:60]}'"
        return shown(request, BadInput(f"{name}: {first['msg']}", problem, f"Correct {name}.", name))

    @app.exception_handler(Exception)
    async def crash(request: Request, error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        failure = GolgiError(
            "an answer", "an error in the program", "Try again; the log of the server has the details."
        )
        failure.status = 500
        return shown(request, failure)
