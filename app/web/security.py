"""Who may ask: no cross-site writes, a token off loopback, read-only mode, and strict headers."""

import math
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.domain.errors import GolgiError
from app.settings import Settings
from app.web.errors import as_json, crashed, shown
from app.web.page import render
from app.web.tokens import Patience, same

Next = Callable[[Request], Awaitable[Response]]
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
OPEN = ("/healthz", "/static/", "/sign-in")
LOOKS = ("/sign-in", "/explain/seen", "/explain/form", "/figures/pdf")
COOKIE = "golgi-token"


def install(app: FastAPI, settings: Settings) -> None:
    """One middleware for all of it. A proxy may keep the path's prefix or strip it; inside, it is always there.

    An error in the program is answered here, inside of the headers; the connection stays open.
    """
    app.state.patience = Patience()

    @app.middleware("http")
    async def guard(request: Request, call_next: Next) -> Response:
        if not request.scope["path"].startswith(settings.root_path):
            request.scope["path"] = settings.root_path + request.scope["path"]
        try:
            refusal = _refusal(request, settings)
            response = refusal if refusal is not None else await call_next(request)
        except Exception as error:
            response = crashed(request, error)
        return _dressed(response, request.scope["path"].removeprefix(settings.root_path))

    app.add_middleware(Head)
    trusted = [name.strip() for name in settings.trusted_proxies.split(",") if name.strip()]
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)


class Head:
    """Answers HEAD wherever GET is answered: the same headers, and nothing behind them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask for the page, and keep its body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, send_head)


def _dressed(response: Response, path: str) -> Response:
    """With the headers of every answer. Files of the program may be kept by anyone who asks whether they changed;
    pages by the reader's browser alone; errors and the way in by nobody."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.status_code >= 400 or path.startswith("/sign-in"):
        response.headers["Cache-Control"] = "no-store"
    else:
        kept = "public, no-cache" if path.startswith("/static/") else "private, no-cache"
        response.headers.setdefault("Cache-Control", kept)
    return response


def _refusal(request: Request, settings: Settings) -> Response | None:
    path = request.scope["path"].removeprefix(settings.root_path)
    if not settings.token and not _ours(request, settings):
        way = "Open it by that name, or list the other one in GOLGI_ALLOWED_HOSTS."
        return _no(request, 403, f"a request to {settings.host}", f"one to '{_host(request)[:60]}'", way)
    if settings.token:
        refusal = _without_token(request, settings, path)
        if refusal is not None:
            return refusal
    return None if request.method in ("GET", "HEAD", "OPTIONS") else _no_write(request, settings, path)


def _without_token(request: Request, settings: Settings, path: str) -> Response | None:
    """The answer to who has not shown the token, or has to wait after wrong ones."""
    sends = request.method == "POST" and path == "/sign-in"
    if path.startswith(OPEN) and not sends:
        return None
    given, patience, host = _given(request), request.app.state.patience, host_of(request)
    wait = math.ceil(patience.wait(host)) if given or sends else 0
    if wait:
        return _hurried(request, wait)
    if sends:
        return None
    if given and same(given, settings.token):
        patience.right(host)
        return None
    if given:
        patience.wrong(host, given)
    if "text/html" in request.headers.get("accept", "") and request.method == "GET":
        return RedirectResponse(f"{settings.root_path}/sign-in", status_code=303)
    return _no(request, 401, "the access token (Authorization: Bearer ...)", "none that fits", "Ask its owner.")


def _hurried(request: Request, wait: int) -> Response:
    """The answer to who has to wait: nothing is told of the token that came along."""
    if "text/html" in request.headers.get("accept", ""):
        refusal = render(request, "sign_in", None, wrong=False, wait=wait, status=429)
    else:
        wanted = f"another try after {wait} s, since tokens from this address were wrong"
        refusal = _no(request, 429, wanted, "one before", "Wait, then give the right token.")
    refusal.headers["Retry-After"] = str(wait)
    return refusal


def _no_write(request: Request, settings: Settings, path: str) -> Response | None:
    if _foreign(request):
        return _no(request, 403, "a request from this site", "one from another site", "Use the page's own forms.")
    if settings.read_only and path not in LOOKS:
        return _no(request, 403, "a request that only looks", "one that changes something", "This copy is read-only.")
    return None


def _given(request: Request) -> str:
    """The token that a request shows; never one that stands in its address."""
    header = request.headers.get("authorization", "").removeprefix("Bearer ")
    return header or request.cookies.get(COOKIE, "")


def host_of(request: Request) -> str:
    """The address that asks; that before a trusted proxy."""
    return request.client.host if request.client is not None else ""


def _host(request: Request) -> str:
    """The name in the request's address, port left out."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _ours(request: Request, settings: Settings) -> bool:
    """Whether a request without a token names this server; a page elsewhere may point its own name here."""
    more = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
    return _host(request) in {"localhost", "127.0.0.1", "::1", settings.host.lower(), *more}


def _foreign(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and _netloc(origin) != request.headers.get("host", "")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _no(request: Request, status: int, expected: str, found: str, remedy: str) -> Response:
    error = GolgiError(expected, found, remedy)
    error.status = status
    if status == 401 or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": as_json(error)}, status_code=status)
    return shown(request, error)
