"""Rendering: a page, its fragment for HTMX, and its ``.json`` twin come from the same view."""

import json
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, is_dataclass
from importlib.resources import files
from pathlib import Path
from types import BuiltinMethodType, MethodType
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.datastructures import FormData, ImmutableMultiDict

from app import __version__
from app.domain.counting import counted
from app.domain.errors import NotFound
from app.figures.base import Figure
from app.figures.pdf import makes_pdf
from app.kinds import kinds
from app.kinds.reporting import SECTIONS
from app.services.container import Services
from app.services.exports import as_csv
from app.settings import Settings
from app.web.glossary import GLOSSARY
from app.web.markdown import markdown
from app.web.navigation import entries, is_current, keeps_text, standing, tabs

FRONTEND = Path(str(files("frontend")))
PLOTLY = "plotly.min.js"


class Templates(Environment):
    """Jinja in which ``mapping['items']`` is what the mapping holds under that name, and never its own method; nor is a
    method that somebody forgot to call ever written into a page."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item; of a mapping nothing else."""
        if not isinstance(obj, Mapping):
            return super().getitem(obj, argument)
        try:
            return obj[argument]
        except (KeyError, TypeError):
            return self.undefined(obj=obj, name=argument)


def written(value: Any) -> Any:
    """What goes into a page as it is.

    Raises:
        TypeError: a method that was not called.
    """
    if isinstance(value, MethodType | BuiltinMethodType):
        raise TypeError(f"expected a value; found the method {value.__name__}; call it, or look its name up by []")
    return value


def templates() -> Jinja2Templates:
    """Jinja over ``frontend/``, everything escaped, unknown names an error."""
    env = Templates(
        loader=FileSystemLoader(FRONTEND),
        autoescape=select_autoescape(default_for_string=True, default=True),
        undefined=StrictUndefined,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "embed": embed,
        "g3": lambda value: _number(value, "+.3g"),
        "num": lambda value: _number(value, ".4g"),
    }
    env.filters |= {"pct": percent, "size": size, "span": span, "markdown": markdown, "counted": counted}
    env.filters["local"] = lambda url: f"{url.path}?{url.query}" if url.query else url.path
    env.globals |= {"version": __version__, "url_for": _url_for, "kinds": kinds(), "entries": entries(), "tabs": tabs()}
    env.globals |= {"makes_pdf": makes_pdf(), "standing": standing, "is_current": is_current, "keeps_text": keeps_text}
    env.globals |= {"glossary": GLOSSARY, "section_names": SECTIONS}
    env.tests["template"] = has_template
    return Jinja2Templates(env=env)


def has_template(name: str) -> bool:
    """Whether ``frontend`` holds a template."""
    return (FRONTEND / name).is_file()


def address(request: Request, name: str, /, **params: Any) -> str:
    """Path of a route, behind whatever prefix and scheme a proxy has."""
    return request.url_for(name, **params).path


@pass_context
def _url_for(context: Context, name: str, /, **params: Any) -> str:
    """The path of a route; that of a file of the program tells its content's hash, too."""
    request = context["request"]
    path = address(request, name, **params)
    file = PLOTLY if name == "plotly" else params["path"] if name == "static" else ""
    return f"{path}?v={request.app.state.files.digest(file)}" if file else path


def away(request: Request, name: str, query: str = "", /, **params: Any) -> Response:
    """Go to a route after a write (303)."""
    return RedirectResponse(address(request, name, **params) + query, status_code=303)


def embed(value: Any) -> Markup:
    """JSON for a script block; nothing in it can close the block."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _number(value: Any, form: str) -> str:
    return "–" if value is None else "0" if value == 0 else format(value, form).replace("-", "−")


def percent(share: float | None) -> str:
    """A share in per cent, three digits."""
    if share is None:
        return "–"
    return f"{100 * share:.3g} %" if share == 0 or abs(share) >= 1e-6 else "< 0.0001 %"


def size(count: float | None) -> str:
    """Bytes in words."""
    count = count or 0
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def span(seconds: float | None) -> str:
    """A length of time in words."""
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


async def _form_of(request: Request) -> AsyncIterator[FormData]:
    async with request.form() as form:
        yield form


Sent = Annotated[FormData, Depends(_form_of)]
"""What a form sent; read before the handler, which then runs in a thread of its own."""


def services(request: Request) -> Services:
    """The services of the application."""
    app_services: Services = request.app.state.services
    return app_services


def settings(request: Request) -> Settings:
    """The settings of the application."""
    app_settings: Settings = request.app.state.settings
    return app_settings


def render(
    request: Request, name: str, view: Any = None, *, status: int = 200, reads: tuple[str, ...] = (), **more: Any
) -> Response:
    """A page from ``frontend/pages/<name>.html``: JSON where the address ends in it, the page without its frame for
    HTMX, else the whole page. ``reads`` names query parameters read besides the declared ones."""
    if request.url.path.endswith(".json"):
        return JSONResponse(plain(view), status_code=status)
    context = {
        "view": view,
        "layout": "layout/bare.html" if inside(request) else "layout/base.html",
        "ignored": _ignored(request, set(reads)),
        "pill": services(request).pages.pill(),
        "read_only": settings(request).read_only,
    }
    response: HTMLResponse = request.app.state.templates.TemplateResponse(
        request, f"pages/{name}.html", {**context, **more}, status_code=status
    )
    response.headers["Vary"] = "HX-Request"
    return response


def inside(request: Request) -> bool:
    """Whether HTMX asked for a piece to put into an open page."""
    return request.headers.get("hx-request") == "true" and "hx-history-restore-request" not in request.headers


def _ignored(request: Request, reads: set[str]) -> tuple[str, ...]:
    """Query parameters that nothing reads."""
    route = request.scope.get("route")
    if request.method != "GET" or not isinstance(route, APIRoute):
        return ()
    whole = (route.dependant, *route.dependant.dependencies)
    known = {parameter.alias for dependant in whole for parameter in dependant.query_params} | reads
    return tuple(sorted(set(request.query_params) - known))


def fragment(request: Request, name: str, **context: Any) -> Response:
    """A piece of a page from ``frontend/fragments/<name>.html``."""
    return render_piece(request, f"fragments/{name}.html", **context)


def render_piece(request: Request, template: str, **context: Any) -> Response:
    """A piece of a page from a template of ``frontend``."""
    context = {"read_only": settings(request).read_only, **context}
    response: HTMLResponse = request.app.state.templates.TemplateResponse(request, template, context)
    response.headers["Vary"] = "HX-Request"
    return response


def figure_table(figures: Mapping[str, Figure], key: str, name: str) -> Response:
    """The table of a figure as a download.

    Raises:
        NotFound: there is no such figure.
    """
    if key not in figures:
        raise NotFound("a figure of this page", f"'{key}'", "Go back to the page.")
    figure = figures[key]
    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(as_csv(list(figure.columns), iter(figure.rows)), media_type="text/csv", headers=disposition)


def given_of(sent: ImmutableMultiDict[str, Any]) -> dict[str, list[str]]:
    """What a form or an address holds: name to texts; files are left out."""
    texts = {name: [text for text in sent.getlist(name) if isinstance(text, str)] for name in sent}
    return {name: values for name, values in texts.items() if values}


def plain(view: Any) -> Any:
    """A view as JSON values; ``twin`` of a view that makes its own."""
    if hasattr(view, "twin"):
        return _finite(jsonable_encoder(view.twin()))
    return _finite(jsonable_encoder(asdict(view) if is_dataclass(view) and not isinstance(view, type) else view))


def _finite(value: Any) -> Any:
    """The same with null for numbers that are none, which JSON cannot hold: an empty cell of a matrix."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
