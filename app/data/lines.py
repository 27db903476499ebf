"""Text files line by line, however long, in UTF-8 or UTF-16, packed or not; every fault names its file and line."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.data.decoding import LONGEST, decoded, opened
from app.domain.errors import BadInput


def broken(path: Path, number: int, expected: str, found: str) -> BadInput:
    """The error of a line."""
    return BadInput(expected, f"{found} ({path.name}, line {number})", "Correct that line and read the file again.")


def raw_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from one, and text of every line with its end, blank ones too.

    Raises:
        BadInput: no such file, a line that is neither UTF-8 nor UTF-16, or one longer than 10 million bytes.
    """
    if not path.is_file():
        raise BadInput(f"the file {path.name}", f"none in {path.parent.name}", "Add it, or choose another folder.")
    number = 0
    try:
        with opened(path) as file:
            for line in decoded(file):
                number += 1
                yield number, line
    except OverflowError as error:
        raise broken(path, number + 1, f"lines of at most {LONGEST:,} bytes", "a longer one") from error
    except UnicodeDecodeError as error:
        raise broken(path, number + 1, "text in UTF-8 or UTF-16", f"{error.reason} in {error.encoding}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise broken(path, number + 1, "a file that can be read to its end", str(error)) from error


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank, without its end.

    Raises:
        BadInput: as :func:`raw_lines`.
    """
    for number, line in raw_lines(path):
        text = line.rstrip("\r\n")
        if text.strip():
            yield number, text


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and JSON object of every line.

    Raises:
        BadInput: a line that holds no JSON object.
    """
    for number, line in lines(path):
        yield number, as_object(path, number, line)


def as_object(path: Path, number: int, text: str) -> dict[str, Any]:
    """A text as a JSON object.

    Raises:
        BadInput: it is none.
    """
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken(path, number, "a JSON object", str(error)) from error
    if not isinstance(row, dict):
        raise broken(path, number, "a JSON object", type(row).__name__)
    return row
