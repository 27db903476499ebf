"""Who may ask: no cross-site writes, a token off loopback, read-only mode, and strict headers."""

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from app.domain.errors import GolgiError
from app.settings import Settings
from app.web.errors import as_json, shown

Next = Callable[[Request], Awaitable[Response]]
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
OPEN = ("/healthz", "/static/", "/sign-in")
LOOKS = ("/sign-in", "/explain/seen", "/explain/form")


def install(app: FastAPI, settings: Settings) -> None:
    """One middleware for all of it. A proxy may keep the path's prefix or strip it; inside, it is always there."""

    @app.middleware("http")
    async def guard(request: Request, call_next: Next) -> Response:
        if not request.scope["path"].startswith(settings.root_path):
            request.scope["path"] = settings.root_path + request.scope["path"]
        refusal = _refusal(request, settings)
        response = refusal if refusal is not None else await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response


def _refusal(request: Request, settings: Settings) -> Response | None:
    path = request.url.path.removeprefix(settings.root_path)
    if not settings.token and not _ours(request, settings):
        way = "Open it by that name, or list the other one in GOLGI_ALLOWED_HOSTS."
        return _no(request, 403, f"a request to {settings.host}", f"one to '{_host(request)[:60]}'", way)
    if settings.token and not path.startswith(OPEN) and not _known(request, settings.token):
        if "text/html" in request.headers.get("accept", "") and request.method == "GET":
            return RedirectResponse(f"{settings.root_path}/sign-in", status_code=303)
        return _no(request, 401, "the access token (Authorization: Bearer ...)", "none that fits", "Ask its owner.")
    return None if request.method in ("GET", "HEAD", "OPTIONS") else _no_write(request, settings, path)


def _no_write(request: Request, settings: Settings, path: str) -> Response | None:
    if _foreign(request):
        return _no(request, 403, "a request from this site", "one from another site", "Use the page's own forms.")
    if settings.read_only and path not in LOOKS:
        return _no(request, 403, "a request that only looks", "one that changes something", "This copy is read-only.")
    return None


def _known(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("golgi-token", "")
    return secrets.compare_digest(given.encode(), token.encode())


def _host(request: Request) -> str:
    """The name in the request's address, port left out."""
    return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""


def _ours(request: Request, settings: Settings) -> bool:
    """Whether a request without a token names this server; a page elsewhere may point its own name here."""
    more = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
    return _host(request) in {"localhost", "127.0.0.1", "::1", settings.host.lower(), *more}


def _foreign(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")


def _no(request: Request, status: int, expected: str, found: str, remedy: str) -> Response:
    error = GolgiError(expected, found, remedy)
    error.status = status
    if status == 401 or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": as_json(error)}, status_code=status)
    return shown(request, error)
