"""The web application: pages found by walking the package, static files, answers packed."""

import importlib
import pkgutil

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from app import __version__
from app.services.container import Services
from app.services.exports import FORMATS
from app.settings import Settings
from app.web import errors, security
from app.web.files import LEAST, Files
from app.web.kept import MB, Shelf
from app.web.page import FRONTEND, PLOTLY, templates

LEVEL = 4
"""Of gzip: 4 ms for a page of 377 kB, which becomes 95 kB; level 9 takes five times as long for 5 % less."""
PACKED_ALREADY = (*DEFAULT_EXCLUDED_CONTENT_TYPES, FORMATS["parquet"])


def create_app(services: Services, settings: Settings) -> FastAPI:
    """The application over these services."""
    app = FastAPI(title="Golgi", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.root_path = settings.root_path
    app.state.services, app.state.settings, app.state.templates = services, settings, templates()
    app.state.shelf = Shelf(settings.kept_pages_mb * MB)
    app.state.files = files = Files(FRONTEND / "static")
    app.add_middleware(GZipMiddleware, minimum_size=LEAST, compresslevel=LEVEL, exclude_content_types=PACKED_ALREADY)
    security.install(app, settings)
    errors.install(app)

    @app.get("/static/plotly.min.js", include_in_schema=False, name="plotly")
    async def plotly_script(request: Request) -> Response:
        return await files.get_response(PLOTLY, request.scope)

    app.mount("/static", files, name="static")
    package = importlib.import_module("app.web.pages")
    for info in pkgutil.iter_modules(package.__path__):
        app.include_router(importlib.import_module(f"app.web.pages.{info.name}").router)
    return app
