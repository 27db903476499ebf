"""The form of an explanation."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.errors import GolgiError, NotFound
from app.domain.model_card import ModelInfo
from app.domain.targets import TARGETS
from app.services.container import Services
from app.services.demo import MODEL
from app.web.forms import explain_values, model_of
from app.web.page import Sent, away, fragment, render, services
from app.web.preview import preview

router = APIRouter(include_in_schema=False)
READS = (
    "model",
    "method",
    "query",
    "passage",
    "passages",
    "form",
    "target",
    "label",
    "token",
    "max_length",
    "q",
    "neuron",
    "tokens",
)


def _form(request: Request, sent: Mapping[str, Any], error: GolgiError | None = None) -> Response:
    """The form with what was sent still in it."""
    asked = services(request)
    models = asked.catalogue.models()
    usable = [m.info.slug for m in models.models if not m.info.problem]
    model = model_of(sent) or (MODEL if MODEL in usable else next(iter(usable), ""))
    method = asked.catalogue.method(str(sent.get("method") or "nig"))
    info, trouble = _info(asked, model)
    prompt = info is not None and info.task == "causal_lm"
    mode = "prompt" if prompt else "pair" if sent.get("form") == "prompt" else sent.get("form") or "pair"
    told: dict[str, Any] = {
        "models": models,
        "usable": usable,
        "model": model,
        "info": info,
        "mode": mode,
        "targets": TARGETS,
    }
    told |= {"method": method, "methods": asked.catalogue.methods(controls=False), "error": error or trouble}
    reads = (*READS, *(field.name for field in method.fields))
    return render(request, "explain", dict(sent), status=error.status if error else 200, reads=reads, **told)


def _info(asked: Services, model: str) -> tuple[ModelInfo | None, GolgiError | None]:
    """What can be told of the chosen model, or why not."""
    if not model:
        found = f"none in {asked.catalogue.models().folder}"
        return None, NotFound("a model", found, "Put a model's folder there, or type an id.", "model")
    try:
        return asked.catalogue.model(model).info, None
    except GolgiError as error:
        error.field = "model"
        return None, error


@router.get("/explain", name="explain")
def explain_form(request: Request, demo: str | None = None) -> Response:
    """The form; addresses prefill it and never compute."""
    sent = dict(request.query_params)
    sent["passages"] = sent.pop("passage", sent.get("passages", ""))
    asked = services(request).demo
    if demo is not None:
        found = asked.ranking(sent.get("q")) if demo == "ranking" else asked.pair()
        sent |= {"query": found.query, "passages": "\n---\n".join(found.passages)}
        sent["form"] = "ranking" if demo == "ranking" else "pair"
    return _form(request, sent)


@router.post("/explain")
def explain_start(request: Request, sent: Sent) -> Response:
    """Start the run and go to its page; an error comes back to the form with the text kept."""
    asked = services(request)
    try:
        fields = asked.catalogue.method(str(sent.get("method") or "nig")).fields
        run = asked.requests.explain(model_of(sent), explain_values(sent, fields))
    except GolgiError as error:
        return _form(request, sent, error)
    return away(request, "run", number=run.id)


@router.get("/explain/form")
def explain_reloaded(request: Request) -> Response:
    """A form that was posted has no address of its own."""
    return away(request, "explain")


@router.post("/explain/form", name="explain_again")
def explain_again(request: Request, sent: Sent) -> Response:
    """The form for another model or method; the texts stay."""
    return _form(request, sent)


@router.post("/explain/seen", name="seen")
def seen(request: Request, sent: Sent) -> Response:
    """Live token count, cut-off, the target's line and the time."""
    return fragment(request, "seen", told=preview(services(request), {**sent, "model": model_of(sent)}))
