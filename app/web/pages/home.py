"""The first page, health, help, and sign-in."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app import __version__
from app.domain.bounds import Word
from app.web.kept import kept
from app.web.page import away, render, services, settings
from app.web.security import COOKIE, host_of
from app.web.tokens import Patience, same

router = APIRouter(include_in_schema=False)


@router.get("/", name="home")
def home(request: Request) -> Response:
    """A recorded result, drawn; a prefilled question; ways on."""
    asked = services(request).home
    return kept(request, asked.stamp(), lambda: render(request, "home", asked.view()))


@router.get("/study/demo", name="demo_study")
@router.get("/study/demo.json", name="demo_study_json")
def demo_study(request: Request) -> Response:
    """The report of the demo study, with its runs."""
    app_services = services(request)

    def page() -> Response:
        view = app_services.compare.study(app_services.demo.report(), app_services.pages.recorded())
        return render(request, "demo_study", view)

    return kept(request, app_services.pages.library.stamp(), page)


@router.get("/study/{key}", name="recorded_study")
def recorded_study(request: Request, key: Word) -> Response:
    """The report of another study that ships with Golgi, with its runs."""
    app_services = services(request)
    return render(request, "recorded_study", app_services.compare.recorded_study(app_services.demo.study(key)))


@router.get("/help", name="help")
def helping(request: Request) -> Response:
    """Keyboard and words."""
    return render(request, "help", None)


@router.get("/healthz", name="health")
def health(request: Request) -> dict[str, Any]:
    """Whether the database answers, and which workers are alive."""
    app_services = services(request)
    workers = app_services.catalogue.models().workers
    return {
        "status": "ok",
        "version": __version__,
        "jobs": app_services.pages.pill(),
        "workers": [w["id"] for w in workers],
    }


@router.get("/pill", name="pill")
def pill(request: Request) -> Response:
    """The job pill alone."""
    response: Response = request.app.state.templates.TemplateResponse(
        request, "fragments/pill.html", {"pill": services(request).pages.pill()}
    )
    return response


@router.get("/sign-in", name="sign_in")
def sign_in(request: Request) -> Response:
    """Asks for the access token; it is never taken from the address, which others may read."""
    return render(request, "sign_in", None, wrong=False, wait=0)


@router.post("/sign-in")
def signed_in(request: Request, token: Annotated[Word, Form()] = "") -> Response:
    """Keeps a right token in a cookie, which leaves by TLS alone where it came so."""
    patience: Patience = request.app.state.patience
    if not same(token, settings(request).token):
        patience.wrong(host_of(request), token)
        return render(request, "sign_in", None, wrong=True, wait=0, status=403)
    answer = away(request, "home")
    patience.right(host_of(request))
    path, secure = settings(request).root_path or "/", request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path=path)
    return answer
