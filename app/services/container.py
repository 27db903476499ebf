"""The services that pages and commands ask."""

from dataclasses import dataclass

from app.data.demo import Demo
from app.services.catalogue import Catalogue
from app.services.compare import Compare
from app.services.datasets import Datasets
from app.services.exports import Exports
from app.services.forms import Forms
from app.services.home import Home
from app.services.keeping import Keeping
from app.services.notebooks import Notebooks
from app.services.overview import Overview
from app.services.pages import Pages
from app.services.question_drafts import QuestionDrafts
from app.services.question_sets import QuestionSets
from app.services.queue import Queue
from app.services.requests import Requests
from app.services.sets import Sets
from app.store.jobs import Jobs
from app.store.runs import Runs


@dataclass(frozen=True)
class Services:
    """One of each."""

    catalogue: Catalogue
    requests: Requests
    forms: Forms
    pages: Pages
    exports: Exports
    notebooks: Notebooks
    demo: Demo
    home: Home
    datasets: Datasets
    questions: QuestionSets
    drafts: QuestionDrafts
    sets: Sets
    keeping: Keeping
    compare: Compare
    runs: Runs
    jobs: Jobs
    queue: Queue
    overview: Overview
