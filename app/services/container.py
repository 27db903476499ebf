"""The services that pages and commands ask."""

from dataclasses import dataclass

from app.services.catalogue import Catalogue
from app.services.demo import Demo
from app.services.exports import Exports
from app.services.pages import Pages
from app.services.requests import Requests
from app.store.jobs import Jobs
from app.store.runs import Runs


@dataclass(frozen=True)
class Services:
    """One of each."""

    catalogue: Catalogue
    requests: Requests
    pages: Pages
    exports: Exports
    demo: Demo
    runs: Runs
    jobs: Jobs
