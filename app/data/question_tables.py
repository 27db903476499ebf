"""Layouts that are tables: prompts with targets, and multiple choice with a column per option."""

import csv
import io
from collections.abc import Iterator

from app.data.question_json import flat
from app.data.question_prompts import made
from app.data.question_text import wrong
from app.domain.question_import import Placed, Reading
from app.domain.question_sets import LETTERS, QuestionQuery, Wording


def delimiter(text: str) -> str:
    """What stands between the cells: the most frequent of tab, semicolon and comma in the first line."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    return max("\t;,", key=first.count)


def header(text: str) -> list[str]:
    """The names in the first line."""
    try:
        return [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=delimiter(text)), [])]
    except csv.Error:
        return []


def rows(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells by column of every row.

    Raises:
        BadInput: a column twice, a row of another length, a quote that does not close.
    """
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text), strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            place = f"line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                if twice := sorted({name for name in names if names.count(name) > 1}):
                    raise wrong(place, "each column once", f"'{twice[0]}' twice")
                continue
            if len(cells) != len(names):
                raise wrong(place, f"{len(names)} cells", str(len(cells)))
            yield place, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise wrong(f"line {reader.line_num}", "cells with closed quotes", str(error)) from error


def table(text: str, reading: Reading) -> Iterator[Placed]:
    """A row per query, see :func:`app.data.question_json.flat`."""
    for place, row in rows(text):
        yield Placed(place, flat(row, place, reading.columns))


def choices(text: str, reading: Reading) -> Iterator[Placed]:
    """A row per question with its options in columns A, B, …; the answer is a letter, or the text of an option."""
    for place, row in rows(text):
        named = {name.lower(): cell.strip() for name, cell in row.items()}
        if missing := [name for name in ("question", "a", "b", "answer") if name not in named]:
            raise wrong(place, "columns question, A, B, … and answer", f"no column '{missing[0]}'")
        listed = [named[letter.lower()] for letter in LETTERS if named.get(letter.lower())]
        answer = named["answer"]
        right = _right(answer, {letter: named.get(letter.lower(), "") for letter in LETTERS}, listed)
        if right is None or len(listed) < 2:
            raise wrong(place, "two options and more, and the letter of one as the answer", f"'{answer[:60]}'")
        key = named.get("key") or named.get("id") or place.replace(" ", "-")
        asked = named["question"]
        wordings = made(key, asked, listed, right, reading.seed) if asked else (Wording("", ""),)
        yield Placed(
            place, QuestionQuery(key, named.get("domain") or named.get("subject", ""), wordings, listed[right])
        )


def _right(answer: str, by_letter: dict[str, str], listed: list[str]) -> int | None:
    """The place of the right option among those that are filled."""
    letter = answer.upper().rstrip(".)")
    if by_letter.get(letter):
        return sum(bool(by_letter[other]) for other in LETTERS[: LETTERS.index(letter)])
    return listed.index(answer) if answer in listed else None
