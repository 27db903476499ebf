"""Errors as pages: what was expected, what was found, what to do next; never a trace."""

import logging
from html import escape
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from app.domain.bounds import readable
from app.domain.errors import BadInput, GolgiError, NotFound
from app.web.page import FRONTEND, fragment, render, settings

log = logging.getLogger(__name__)


def as_json(error: GolgiError) -> dict[str, Any]:
    """The fields of an error."""
    texts = {"expected": error.expected, "found": error.found, "remedy": error.remedy, "field": error.field}
    return {name: None if text is None else readable(text, 2000) for name, text in texts.items()}


def _for_programs(request: Request) -> bool:
    """Whether JSON was asked for. The path is that of the request's first line; an address is made of the host, too,
    which anybody may write."""
    path: str = request.scope["path"]
    return path.endswith(".json") or "/api/" in path


def shown(request: Request, error: GolgiError) -> Response:
    """An error as the kind of answer that was asked for."""
    if _for_programs(request):
        return JSONResponse({"error": as_json(error)}, status_code=error.status)
    if request.headers.get("hx-request") == "true":
        answer = fragment(request, "fault", error=error)
        answer.status_code = error.status
        answer.headers.update({"HX-Retarget": "#toast", "HX-Reswap": "innerHTML", "HX-Reselect": "*"})
        return answer
    return render(request, "error", error, status=error.status, ignored=())


def crashed(request: Request, error: Exception) -> Response:
    """The answer to an error in the program: it asks neither the database nor a template, which may be what failed."""
    log.error("request failed", exc_info=error)
    way = "Try again; if it happens again, the log of the server has the details."
    failure = GolgiError("an answer", "an error in the program", way)
    if _for_programs(request):
        return JSONResponse({"error": as_json(failure)}, status_code=500)
    page = (FRONTEND / "layout" / "crash.html").read_text(encoding="utf-8")
    home = escape(f"{settings(request).root_path}/")
    piece = {"HX-Retarget": "#toast", "HX-Reswap": "innerHTML", "HX-Reselect": "#crash"}
    return HTMLResponse(page.replace("{home}", home), status_code=500, headers=piece)


def _refused(error: RequestValidationError) -> GolgiError:
    """What is wrong with a request: an address that names nothing, or a value that is none of its field."""
    first = error.errors()[0]
    name = str(first["loc"][-1]) if first["loc"] else "request"
    problem = f"{name} = '{readable(str(first.get('input')), 60)}'"
    if first["loc"][:1] == ("path",) and not first["type"].endswith("_parsing"):
        return NotFound(
            f"the {name} of something that is stored here", problem.partition(" = ")[2], "Look it up in its list.", name
        )
    wanted = str(first["msg"]).removeprefix("Value error, ")
    return BadInput(f"{name}: {readable(wanted)}", problem, f"Correct {name}.", name)


def install(app: FastAPI) -> None:
    """Handlers for every kind of error but those in the program, which :func:`crashed` answers."""

    @app.exception_handler(GolgiError)
    async def golgi_error(request: Request, error: GolgiError) -> Response:
        return shown(request, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        found = readable(request.scope["path"])
        if error.status_code == 404:
            return shown(request, NotFound("an address of this site", found, "Go back, or start from the first page."))
        other = BadInput("a request this page answers", str(error.detail), "Go back and use the page's buttons.")
        other.status = error.status_code
        answer = shown(request, other)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return shown(request, _refused(error))
