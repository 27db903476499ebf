"""Errors that say what was expected, what was found and what to do next."""

from app.domain.texts import whole


class GolgiError(Exception):
    """Base of every error shown to a person.

    Args:
        expected: what a right input or state looks like.
        found: what was there instead.
        remedy: the next step, as an imperative sentence.
        field: name of the form field or argument at fault, if one is.
    """

    status = 400
    missing = False
    """Whether nothing is wrong yet: something that is asked for was not given. A form that is being filled says what is
    next; one that was sent says what was expected."""

    def __init__(self, expected: str, found: str, remedy: str, field: str | None = None) -> None:
        self.expected, self.found, self.remedy, self.field = whole(expected), whole(found), whole(remedy), field
        super().__init__(self.expected, self.found, self.remedy, field)

    def __str__(self) -> str:
        return f"Expected {self.expected}; found {self.found}. {self.remedy}"


class BadInput(GolgiError):
    """An input that cannot be used as it is."""

    status = 422


class Missing(BadInput):
    """Something that is asked for was not given."""

    missing = True


class NotFound(GolgiError):
    """A thing addressed by id or name that is not there."""

    status = 404


class Unsupported(GolgiError):
    """A request that this model or method cannot serve."""

    status = 422


class Conflict(GolgiError):
    """A request that the present state does not allow."""

    status = 409


class OutOfMemory(GolgiError):
    """A step that did not fit into the device's memory, also after halving once."""

    status = 507


class Stopped(Exception):
    """Raised between two forward passes when a job must stop; carries the reason (``user`` or ``shutdown``)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
