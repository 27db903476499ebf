"""Text files line by line, however long; every fault names its file and line."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from app.domain.errors import BadInput

LONGEST = 10_000_000


def broken(path: Path, number: int, expected: str, found: str) -> BadInput:
    """The error of a line."""
    return BadInput(expected, f"{found} ({path.name}, line {number})", "Correct that line and read the file again.")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from one, and text of every line that is not blank; ``.gz`` files are unpacked on the way.

    Raises:
        BadInput: no such file, a line that is not UTF-8, or one longer than 10 million bytes.
    """
    if not path.is_file():
        raise BadInput(f"the file {path.name}", f"none in {path.parent.name}", "Add it, or choose another folder.")
    number = 0
    with _opened(path) as file:
        try:
            while raw := file.readline(LONGEST + 1):
                number += 1
                if len(raw) > LONGEST:
                    raise broken(path, number, f"lines of at most {LONGEST:,} bytes", "a longer one")
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
        except UnicodeDecodeError as error:
            raise broken(path, number, "text in UTF-8", str(error)) from error
        except (OSError, EOFError) as error:
            raise broken(path, number + 1, "a file that can be read to its end", str(error)) from error


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


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


def cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every row of a table. Commas and semicolons follow the quoting of CSV, where a quoted cell
    may go over several lines; tabs and spaces do not quote.

    Raises:
        BadInput: a quote that does not close.
    """
    if delimiter in ("\t", " "):
        for number, line in lines(path):
            yield number, line.split("\t") if delimiter == "\t" else line.split()
        return
    import csv

    last_line = 0

    def numbered_lines() -> Iterator[str]:
        nonlocal last_line
        for number, line in lines(path):
            last_line = number
            yield line + "\n"

    csv.field_size_limit(LONGEST)
    reader = csv.reader(numbered_lines(), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise broken(path, last_line, "cells with closed quotes", str(error)) from error
        yield last_line, row
