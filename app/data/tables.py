"""Rows of tables: cells between commas, semicolons, tabs or white space."""

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from app.data.decoding import LONGEST
from app.data.lines import broken, lines, raw_lines

SCANNED = 200_000
CELL = r'(?:[^"\t\r\n]*|"[^"]*(?:""[^"]*)*")'
WRITTEN = re.compile(rf"{CELL}(?:\t{CELL})*")
OPENED = re.compile(rf'(?:{CELL}\t)*"[^"]*(?:""[^"]*)*$')
"""The first line of a row whose last cell goes on in the next one."""


def cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and cells of every row of a table.

    Commas and semicolons follow the quoting of CSV, where a quoted cell may go over several lines, blank ones too;
    tabs do so where a CSV writer wrote the file (:func:`quoted`); white space does not quote.

    Raises:
        BadInput: a quote that does not close.
    """
    if delimiter == " ":
        for number, line in lines(path):
            yield number, line.split()
    elif delimiter == "\t" and not quoted(path):
        for number, line in lines(path):
            yield number, line.split("\t")
    else:
        yield from _quoted_cells(path, delimiter)


def _quoted_cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    last_line = 0

    def numbered_lines() -> Iterator[str]:
        nonlocal last_line
        for number, line in raw_lines(path):
            last_line = number
            yield line

    csv.field_size_limit(LONGEST)
    reader = csv.reader(numbered_lines(), delimiter=delimiter, strict=True)
    while True:
        first_line = last_line + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise broken(path, first_line, "cells with closed quotes", str(error)) from error
        if len(row) > 1 or "".join(row).strip():
            yield first_line, row


def quoted(path: Path) -> bool:
    """Whether a CSV writer wrote a table with tabs: of the rows that hold quotes (among the first 200,000 lines) every
    one has them around whole cells and doubled inside of them, as no text that merely quotes has."""
    seen = False
    record: list[str] = []
    length = 0
    for _, line in islice(raw_lines(path), SCANNED):
        marks = line.count('"')
        if not record and not marks:
            continue
        record.append(line)
        length += len(line)
        goes_on = marks % 2 == 1 if len(record) == 1 else marks % 2 == 0
        if goes_on:
            if length > LONGEST or not OPENED.match(record[0]):
                return False
            continue
        if not WRITTEN.fullmatch("".join(record).rstrip("\r\n")):
            return False
        seen, record, length = True, [], 0
    return seen and not record
