"""Sections that code, tests and pages cite exist in the pages they cite."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "docs" / "methods" / "nig.md"
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = sorted(path for name in ("app", "tests", "benchmarks") for path in (ROOT / name).rglob("*.py"))
NUMBER = r"\d+(?:-\d+)?"
CITED = re.compile(
    rf"(?:(?P<page>[\w/-]+\.md)`*[,:]? )?\bsections? (?P<numbers>{NUMBER}(?:(?:, and |, | and ){NUMBER})*)"
    r"(?:, (?P<kind>rule|control) (?P<item>\d+))?"
)


class Citation(NamedTuple):
    """A cited place: a section of a page, and the numbered item within it, if one is named."""

    where: str
    page: Path
    section: str
    item: str | None
    named: bool


def citations_in(path: Path, text: str) -> Iterator[Citation]:
    """Citations of a file. Without a page's name, a page cites itself and code cites the specification of ``nig``."""
    for found in CITED.finditer(re.sub(r"\s*\n\s*", " ", text)):
        name = found["page"]
        page = (path if path.suffix == ".md" else SPECIFICATION) if name is None else page_of(name)
        numbers = re.findall(NUMBER, found["numbers"])
        for number in numbers:
            item = found["item"] if number == numbers[-1] else None
            yield Citation(path.relative_to(ROOT).as_posix(), page, number, item, name is not None)


def page_of(name: str) -> Path:
    """The page of a name, which may begin with its folder."""
    fitting = [page for page in PAGES if f"/{page.relative_to(ROOT).as_posix()}".endswith(f"/{name}")]
    assert len(fitting) == 1, f"{name} is cited; pages of that name: {fitting}"
    return fitting[0]


def sections_of(page: Path) -> dict[str, str]:
    """Number of each numbered heading (``## 5. Title``, ``### 18-4 Title``) to the text under it."""
    text = page.read_text(encoding="utf-8")
    parts = re.split(rf"^##+ ({NUMBER})\.? .*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def everything() -> list[Citation]:
    mine = Path(__file__)
    paths = [path for path in [*CODE, *PAGES] if path != mine]
    return [one for path in paths for one in citations_in(path, path.read_text(encoding="utf-8"))]


def test_cited_sections_exist() -> None:
    missing = [one for one in everything() if one.section not in sections_of(one.page)]
    assert missing == []


def test_there_are_citations_to_check() -> None:
    """A pattern that finds nothing would agree with everything."""
    found = [one for one in everything() if one.page == SPECIFICATION and one.named]
    assert len(found) > 40 and len({one.where for one in found}) > 30
    assert {"4", "5", "10", "18", "18-4", "18-9"} <= {one.section for one in found}


def test_cited_rules_and_controls_are_items_of_their_section() -> None:
    found = [one for one in everything() if one.item is not None]
    assert len(found) > 3
    for one in found:
        assert re.search(rf"^{one.item}\. ", sections_of(one.page)[one.section], flags=re.MULTILINE), one


def test_cited_identities_are_listed() -> None:
    listed = set(re.findall(r"^- \*\*I(\d+) ", sections_of(SPECIFICATION)["12"], flags=re.MULTILINE))
    cited = {
        (path.name, number)
        for path in CODE
        if path != Path(__file__)
        for number in re.findall(r"\bI(\d{1,2})\b", path.read_text(encoding="utf-8"))
    }
    assert listed == {str(number) for number in range(1, 11)}
    assert len(cited) > 5 and {number for _, number in cited} <= listed


def test_only_pages_of_the_repository_are_cited() -> None:
    for path in [*CODE, *PAGES]:
        if path != Path(__file__):
            assert not re.search(r"\bDESIGN\b", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as in ``nig.md`` section 5.", [("5", None)]),
        ("(``nig.md`` sections 10, 11, 18)", [("10", None), ("11", None), ("18", None)]),
        ("(nig.md sections 3 and 18)", [("3", None), ("18", None)]),
        ("``nig.md`` sections 10, 11 and 18", [("10", None), ("11", None), ("18", None)]),
        ("nig.md section\n    18-4", [("18-4", None)]),
        ("``nig.md`` section 9, rule 6", [("9", "6")]),
        ("(``nig.md`` section 12, I10)", [("12", None)]),
        ("their scores (section 18-6); 0 for none", [("18-6", None)]),
        ("merge sections of a page", []),
    ],
)
def test_forms_of_a_citation(text: str, expected: list[tuple[str, str | None]]) -> None:
    found = list(citations_in(ROOT / "app" / "example.py", text))
    assert [(one.section, one.item) for one in found] == expected
    assert all(one.page == SPECIFICATION for one in found)


def test_a_section_that_is_not_there_is_noticed() -> None:
    (found,) = citations_in(ROOT / "app" / "example.py", "(``nig.md`` section 99)")
    assert found.section not in sections_of(found.page)
    (other,) = citations_in(ROOT / "app" / "example.py", "(``docs/architecture.md`` section 6)")
    assert other.page == ROOT / "docs" / "architecture.md" and other.section in sections_of(other.page)
