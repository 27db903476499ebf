"""The forms of all kinds of runs: shown, previewed, sent."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.errors import GolgiError
from app.kinds import kinds
from app.kinds.base import Kind
from app.services.forms import FormView
from app.web.page import Sent, away, given_of, has_template, render, render_piece, services

router = APIRouter(include_in_schema=False)
AnyKind = Kind[Any, Any, Any]


def _form(request: Request, view: FormView) -> Response:
    """The form with what was sent still in it."""
    reads = ("demo", "q", "passage", "form", "reads", "run", *view.fields)
    status = view.error.status if view.error else 200
    return render(request, "form", view, status=status, reads=reads)


def show(kind: AnyKind, request: Request) -> Response:
    """The form; addresses prefill it and never compute."""
    return _form(request, services(request).forms.prefilled(kind.key, given_of(request.query_params)))


def send(kind: AnyKind, request: Request, sent: Sent) -> Response:
    """Start the run and go to its page; an error comes back to the form with the text kept."""
    given = given_of(sent)
    try:
        run = services(request).requests.sent(kind.key, given)
    except GolgiError as error:
        return _form(request, services(request).forms.view(kind.key, given, error))
    return away(request, "run", number=run.id)


def again(kind: AnyKind, request: Request, sent: Sent) -> Response:
    """The form for another model or method; the rest stays."""
    return _form(request, services(request).forms.view(kind.key, given_of(sent)))


def reloaded(kind: AnyKind, request: Request) -> Response:
    """A form that was posted has no address of its own."""
    return away(request, f"{kind.key}_form")


def preview(kind: AnyKind, request: Request, sent: Sent) -> Response:
    """What the filled form would ask, and take."""
    own = f"kinds/{kind.key}/preview.html"
    template = own if has_template(own) else "kinds/cost.html"
    try:
        view = services(request).requests.preview(kind.key, given_of(sent))
    except GolgiError as error:
        return render_piece(request, template, view=None, problem=error)
    return render_piece(request, template, view=view, problem=None)


for known in kinds().values():
    if known.address:
        router.get(known.address, name=f"{known.key}_form")(partial(show, known))
        router.post(known.address, name=f"{known.key}_send")(partial(send, known))
        router.post(f"{known.address}/form", name=f"{known.key}_again")(partial(again, known))
        router.get(f"{known.address}/form")(partial(reloaded, known))
        router.post(f"{known.address}/{known.preview}", name=f"{known.key}_preview")(partial(preview, known))
