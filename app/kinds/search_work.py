"""What works share that read a finished search for query-relevant neurons."""

from collections.abc import Mapping
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from app.domain.query_sampling import Thresholds
from app.domain.question_sets import QuestionQuery
from app.domain.roles import SOURCE
from app.jobs.base import Inputs
from app.kinds.clusters.question import ClustersQuestion
from app.kinds.queries import Sets, asked, stored_sets
from app.models.host import ModelHost


class Thresholded(Protocol):
    """A question whose thresholds make sets of a search's scores."""

    @property
    def thresholds(self) -> Thresholds:
        """How stored scores become sets."""
        ...


T = TypeVar("T", bound=Thresholded)


class SearchWork(Generic[T]):
    """What works share that read a finished search.

    Args:
        question: what is asked of the search. given: its run, under the role of the source. host: the model.
    """

    def __init__(self, question: T, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.source = given.runs[SOURCE]
        self.search = ClustersQuestion.model_validate(self.source.spec.settings)

    @cached_property
    def sets(self) -> Sets:
        """The search's clusters and sets."""
        return stored_sets(self.source, self.given.results, self.question.thresholds)

    @cached_property
    def queries(self) -> Mapping[str, QuestionQuery]:
        """The stored set's queries by key, as the model reads them."""
        return asked(self.search.sample, self.given.questions, self.host)
