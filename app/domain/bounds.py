"""How large a number and how long a name from outside may be: the one place that says it.

Addresses, queries, forms, JSON bodies and bundles use these types; the store holds whole numbers of 64 bits, and a
file system names of 255 bytes.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from app.domain.errors import BadInput

LARGEST = 2**63 - 1
"""The largest whole number that the store holds."""
EXACT = 2**53 - 1
"""The largest whole number that other programs, which count in floating point, hold exactly."""
LONGEST_WORD = 1000
"""Characters of a name, a key or a filter."""
LONGEST_FILE = 255
LONGEST_PATH = 4095
"""Bytes of a file's name and of a whole path."""
LONGEST_FILTER = 10_000
"""Characters of a text that is searched for; SQLite takes 50,000 bytes."""
LONGEST_NOTE = 200_000
"""Characters of a text that is kept as it stands."""


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text without NUL characters")
    return text


Key = Annotated[int, Field(ge=1, le=LARGEST)]
"""The number of a stored thing: a run, a job, a set."""
Seed = Annotated[int, Field(ge=0, le=EXACT)]
"""Of a draw; the seeds counted on from it fit, too."""
Count = Annotated[int, Field(ge=0, le=EXACT)]
"""How many; also the number of a block or a label, counted from zero."""
Offset = Annotated[int, Field(ge=-EXACT, le=EXACT), AfterValidator(lambda rows: max(rows, 0))]
"""How many rows stand before the first that is shown; before the first is at the first."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share of all neurons."""
Word = Annotated[str, Field(max_length=LONGEST_WORD), AfterValidator(_plain)]
"""A name, a key or a choice in an address."""
Filter = Annotated[str, Field(max_length=LONGEST_FILTER), AfterValidator(_plain)]
"""A text that is searched for."""
Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_plain)]
"""A text that is kept."""
Place = Annotated[str, Field(max_length=LONGEST_PATH), AfterValidator(_plain)]
"""The name of a model, which may be the full path of its folder."""


def whole(name: str, raw: object, lowest: int = -LARGEST, label: str = "") -> int:
    """A whole number of a form or an address; ``label`` is what the field ``name`` is called on pages.

    Raises:
        BadInput: it is not one, or is below ``lowest`` or beyond 64 bits.
    """
    shown, called = f"'{str(raw)[:60]}'", label or name
    try:
        number = int(str(raw))
    except ValueError as error:
        raise BadInput(f"{called}: a whole number", shown, f"Correct '{called}'.", name) from error
    if not lowest <= number <= LARGEST:
        least = "" if lowest == -LARGEST else f" from {lowest}"
        raise BadInput(f"{called}: a whole number{least} of at most 64 bits", shown, f"Correct '{called}'.", name)
    return number


def is_key(text: str) -> bool:
    """Whether a text is the number of a stored thing."""
    return text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST


def is_path(text: str) -> bool:
    """Whether a text can be a path: no NUL, no half surrogates, no part longer than a file's name may be."""
    try:
        coded = text.encode()
    except UnicodeEncodeError:
        return False
    parts = coded.split(b"/")
    return b"\0" not in coded and len(coded) <= LONGEST_PATH and max(map(len, parts)) <= LONGEST_FILE


def at_home(text: str) -> Path:
    """A path with ``~`` replaced by the home folder; as it stands where nobody has that name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def check_file(name: str, field: str) -> None:
    """See that a file can be called so.

    Raises:
        BadInput: it cannot.
    """
    if not is_path(name):
        found = f"'{readable(name, 60)}', {len(name)} characters"
        raise BadInput(f"a file name of at most {LONGEST_FILE} bytes", found, "Rename the file.", field)


def readable(text: str, most: int = 300) -> str:
    """A text from outside as it can be shown: half surrogates as a question mark, its end cut."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= most else clean[: most - 1] + "…"
