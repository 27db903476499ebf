"""One of a thing is not called by its plural, on no page and in no sentence."""

import re
from pathlib import Path

import pytest

from app.domain.counting import counted

ROOT = Path(__file__).resolve().parents[2]
NOUNS = "neurons|runs|sets|pairs|queries|passages|tokens|inputs|units|rows|steps|layers|datasets|cells|logits|lines"


@pytest.mark.parametrize(
    ("count", "words", "told"),
    [
        (0, ("neuron",), "0 neurons"),
        (1, ("neuron",), "1 neuron"),
        (2, ("neuron",), "2 neurons"),
        (1, ("query", "queries"), "1 query"),
        (1234, ("query", "queries"), "1,234 queries"),
    ],
)
def test_one_is_not_several(count: int, words: tuple[str, ...], told: str) -> None:
    assert counted(count, *words) == told


OTHERS = ("dataset", "datasets", "job", "models", "upload", "model", "progress")
"""Templates of other rooms; they are counted where they are mended."""


def test_no_template_writes_a_count_before_a_plural() -> None:
    """``{{ n }} neurons`` reads "1 neurons" one day; ``{{ n | counted('neuron') }}`` does not. A number of a whole
    ("3 of 9,216 neurons") keeps its plural."""
    written = re.compile(rf"\}}\}}(?:</\w+>)? (?:{NOUNS})\b")
    found = []
    for path in sorted((ROOT / "frontend").rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if not {path.stem.split("_")[0], path.parent.name} & set(OTHERS):
            lines = (text.count("\n", 0, hit.start()) + 1 for hit in written.finditer(text) if not _of_whole(text, hit))
            found += [f"{path.relative_to(ROOT)}:{line}" for line in lines]
    assert found == []


def _of_whole(text: str, hit: re.Match[str]) -> bool:
    """Whether the count stands behind "of"."""
    before = text[: text.rindex("{{", 0, hit.start())].rstrip()
    return before.endswith((" of", "first", "}} of"))
