"""Files of questions as text and as JSON values; every fault is a sentence that names its place."""

import json
from collections.abc import Iterator
from typing import Any

from app.domain.errors import BadInput

MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decoded(body: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark.

    Raises:
        BadInput: another encoding, or nothing in it.
    """
    coding = next((coding for mark, coding in MARKS if body.startswith(mark)), "utf-8")
    try:
        text = body.decode(coding)
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        way = "Save the file as UTF-8 and read it again."
        raise BadInput(
            "text in UTF-8, or in UTF-16 with its mark", f"other bytes in line {line}", way, "file"
        ) from error
    if not text.strip():
        raise BadInput("a file with questions", "an empty one", "Choose another file.", "file")
    if "\0" in text:
        raise BadInput("text", "a zero character: this is no text file", "Choose another file.", "file")
    return text


def wrong(place: str, expected: str, found: str) -> BadInput:
    """The error of a place in a file."""
    return BadInput(expected, f"{found} ({place})", "Correct it and read the file again.", "file")


def parsed(text: str, place: str) -> Any:
    """A JSON value whose texts can all be stored.

    Raises:
        BadInput: no JSON, a name twice in an object, or half a character.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except KeyError as error:
        raise wrong(place, "each name once in a JSON object", f"'{error.args[0]}' twice") from error
    except (ValueError, RecursionError) as error:
        raise wrong(place, "JSON", str(error)) from error
    if "\\u0000" in text:
        raise wrong(place, "text", "a zero character")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise wrong(place, "whole characters", "half of a surrogate pair") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise KeyError(name[:80])
        found[name] = value
    return found


def json_lines(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and object of every line that is not blank."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"line {number}"
            value = parsed(line, place)
            if not isinstance(value, dict):
                raise wrong(place, "a JSON object a line", type(value).__name__)
            yield place, value


def word(row: Any, name: str, place: str, *, needed: bool = True) -> str:
    """A text or a number of an object as text.

    Raises:
        BadInput: it is missing, or is neither.
    """
    value = row.get(name) if isinstance(row, dict) else None
    if value is None and not needed:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        found = "nothing" if value is None else type(value).__name__
        raise wrong(place, f"a text as '{name}'", found)
    return str(value)


def words(row: Any, name: str, place: str) -> list[str]:
    """A list of texts of an object.

    Raises:
        BadInput: it is none.
    """
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise wrong(place, f"a list of texts as '{name}'", "nothing" if value is None else "something else")
    return value
