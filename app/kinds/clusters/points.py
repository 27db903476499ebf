"""Searches that score with half and twice the points, too, so that sets can be compared (``qrnca.md`` section 16)."""

from collections.abc import Mapping

from app.domain.errors import BadInput
from app.forms.fields import validated
from app.kinds.clusters.question import ClustersQuestion
from app.methods.base import Method, method_of

HALF, DOUBLE = "half", "double"
"""In front of the names under which scores of each are stored, see :mod:`app.kinds.queries`."""


def steps_of(question: ClustersQuestion) -> int:
    """Points of each path; 0 where the method has none."""
    return int(getattr(method_of(question.method, question.params), "steps", 0))


def other_steps(question: ClustersQuestion) -> Mapping[str, int]:
    """``half`` and ``double`` to their points; empty where the question does not ask for them."""
    steps = steps_of(question)
    return {HALF: steps // 2, DOUBLE: 2 * steps} if question.stability else {}


def other_methods(question: ClustersQuestion) -> Mapping[str, Method]:
    """The same to the method with so many points.

    Raises:
        BadInput: fewer than two points, which have no half, or twice as many as the method takes.
    """
    others = other_steps(question)
    if others and others[HALF] < 1:
        way = "Raise the steps, or leave the other numbers of points out."
        raise BadInput("at least 2 points, to compare with half of them", f"{steps_of(question)}", way, "steps")
    method = type(method_of(question.method, question.params))
    return {name: validated(method, {**question.params, "steps": n}) for name, n in others.items()}


def passes_of(question: ClustersQuestion, layers: int) -> int:
    """Row-passes of one prompt, those with other numbers of points with them."""
    made = (method_of(question.method, question.params), *other_methods(question).values())
    return sum(method.passes(layers) for method in made)
