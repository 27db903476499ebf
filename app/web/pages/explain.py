"""The form of an explanation."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.errors import GolgiError
from app.domain.targets import TargetSpec
from app.services.demo import MODEL
from app.web.forms import explain_values, passages_of
from app.web.page import fragment, render, services

router = APIRouter(include_in_schema=False)


def _form(request: Request, sent: Any, error: GolgiError | None, status: int = 200) -> Response:
    """The form with what was sent still in it."""
    asked = services(request)
    models = asked.catalogue.models().models
    usable = [m.info.slug for m in models if not m.info.problem]
    model = str(sent.get("model") or (MODEL if MODEL in usable else next(iter(usable), "")))
    info = next((m.info for m in models if m.info.slug == model), None)
    method = asked.catalogue.method(str(sent.get("method") or "nig"))
    more = {
        "models": models,
        "model": model,
        "info": info,
        "method": method,
        "error": error,
        "mode": sent.get("form") or "pair",
    }
    return render(request, "explain", dict(sent), status=status, methods=asked.catalogue.methods(), **more)


@router.get("/explain", name="explain")
def explain_form(request: Request, demo: str | None = None) -> Response:
    """The form; addresses prefill it and never compute."""
    sent = dict(request.query_params)
    asked = services(request).demo
    if demo == "ranking":
        found = asked.ranking(sent.get("q"))
        sent |= {"query": found.query, "passages": "\n---\n".join(found.passages), "form": "ranking"}
    elif demo is not None:
        found = asked.pair()
        sent |= {"query": found.query, "passages": found.passages[0]}
    return _form(request, sent, None)


@router.post("/explain")
async def explain_start(request: Request) -> Response:
    """Start the run and go to its page; an error comes back to the form with the text kept."""
    sent = await request.form()
    asked = services(request)
    try:
        fields = asked.catalogue.method(str(sent.get("method") or "nig")).fields
        run = asked.requests.explain(str(sent.get("model", "")), explain_values(sent, fields))
    except GolgiError as error:
        return _form(request, sent, error, error.status)
    return RedirectResponse(request.url_for("run", number=run.id), status_code=303)


@router.post("/explain/seen", name="seen")
async def seen(request: Request) -> Response:
    """Live token count, cut-off, and the target's line."""
    sent = await request.form()
    catalogue, model, query = services(request).catalogue, str(sent.get("model", "")), str(sent.get("query", ""))
    texts = passages_of(str(sent.get("passages", ""))) if sent.get("form") != "prompt" else [None]
    limit, label = str(sent.get("max_length") or "256"), str(sent.get("label") or "")
    try:
        spec = TargetSpec(name=sent.get("target") or "default", label=int(label) if label else None)
        found = [catalogue.seen(model, query, text, int(limit)) for text in texts]
        return fragment(request, "seen", found=found, error=None, target=catalogue.target_sentence(model, spec))
    except (GolgiError, ValueError) as error:
        return fragment(request, "seen", found=[], error=error, target="")
