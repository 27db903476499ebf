"""The web application: pages found by walking the package, static files, Plotly from the installed package."""

import importlib
import pkgutil

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from app import __version__
from app.services.container import Services
from app.settings import Settings
from app.web import errors, security
from app.web.page import FRONTEND, templates


def create_app(services: Services, settings: Settings) -> FastAPI:
    """The application over these services."""
    app = FastAPI(title="Golgi", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.root_path = settings.root_path
    app.state.services, app.state.settings, app.state.templates = services, settings, templates()
    security.install(app, settings)
    errors.install(app)

    @app.get("/static/plotly.min.js", include_in_schema=False, name="plotly")
    def plotly_script(request: Request) -> Response:
        script = FRONTEND / "static" / "plotly.min.js"
        return FileResponse(script, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    app.mount("/static", StaticFiles(directory=FRONTEND / "static"), name="static")
    package = importlib.import_module("app.web.pages")
    for info in pkgutil.iter_modules(package.__path__):
        app.include_router(importlib.import_module(f"app.web.pages.{info.name}").router)
    return app
