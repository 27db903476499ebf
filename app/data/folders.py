"""Which files of a folder make a dataset, and why the others are left out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.data.recognise import guess, roles_by_name, suffix_of
from app.data.records import LISTS
from app.domain.errors import BadInput, GolgiError
from app.domain.importing import PLURAL, FileSpec, Role

DATA = (".jsonl", ".ndjson", ".tsv", ".csv", ".txt", ".qrels", ".run", ".trec")
APART = re.compile(r"(?<![a-z])(train|training|dev|development|valid|validation)(?![a-z])")
"""Whole words for a part of the data that is not the one to measure on."""


@dataclass
class Found:
    """The files of a dataset, and the reason of every other one by its path."""

    files: tuple[FileSpec, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def guess_folder(folder: Path) -> Found:
    """The files of a folder that can be read: a collection in this project's or the BEIR layout, or pairs.

    Texts may be spread over several files: numbered ones, and any that are named as passages. Of several files of
    judgements that for testing is taken, and its training twin is left alone; so is every run but one.

    Raises:
        BadInput: nothing to read.
    """
    found, specs = Found(), list[FileSpec]()
    for path in sorted(_files(folder), key=lambda path: _preference(path, folder)):
        name = str(path.relative_to(folder))
        if suffix_of(path) not in DATA:
            found.left_out[name] = f"not one of {', '.join(DATA)} (packed with gzip or not)"
            continue
        try:
            specs.append(guess(path, folder))
        except GolgiError as error:
            found.left_out[name] = f"expected {error.expected}; found {error.found}"
    is_collection = {"queries", "passages"} <= {spec.role for spec in specs}
    if not is_collection and not any(spec.role == "pairs" for spec in specs):
        raise _nothing(specs, found.left_out)
    found.files = _taken(specs, is_collection, found.left_out)
    return found


def _files(folder: Path) -> list[Path]:
    """Every file below a folder that is not hidden."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _preference(path: Path, folder: Path) -> tuple[bool, bool, bool, int, str]:
    """Sorts files that are named after what they hold first, those for training and development last, by length."""
    apart = APART.findall(path.name.lower())
    training = any(word.startswith("train") for word in apart)
    name = str(path.relative_to(folder))
    return not roles_by_name(name), training, bool(apart), len(path.name), name


def _taken(specs: list[FileSpec], is_collection: bool, left_out: dict[str, str]) -> tuple[FileSpec, ...]:
    """The files to read by role, the first of each role with those that go on where it ends."""
    first: dict[Role, FileSpec] = {}
    taken = []
    for spec in specs:
        if (spec.role == "pairs") == is_collection:
            left_out[spec.path] = f"{_holds(spec)}, which stand beside no {'collection' if is_collection else 'pairs'}"
            continue
        main = first.setdefault(spec.role, spec)
        if main is spec or _goes_on(main, spec):
            taken.append(spec)
        else:
            left_out[spec.path] = f"{_holds(spec)}, which are read from {main.path} alone"
    return tuple(sorted(taken, key=lambda spec: (spec.role, spec.path)))


def _goes_on(main: FileSpec, spec: FileSpec) -> bool:
    """Whether a file holds more of what another one holds; two numbered runs or years of judgements do not."""
    if spec.role in LISTS:
        return False
    series = {re.sub(r"\d+", "#", path.lower()) for path in (main.path, spec.path)}
    named = spec.role == "passages" and roles_by_name(main.path)[:1] == roles_by_name(spec.path)[:1] == ["passages"]
    return len(series) == 1 or named


def _holds(spec: FileSpec) -> str:
    return PLURAL.get(spec.role, spec.role)


def _nothing(specs: list[FileSpec], left_out: Mapping[str, str]) -> BadInput:
    """The error of a folder that makes no dataset, with what its first files are."""
    known = [f"{spec.path} ({_holds(spec)})" for spec in specs]
    unknown = [f"{name} ({reason})" for name, reason in left_out.items()]
    return BadInput(
        "queries.jsonl with passages.jsonl (or corpus.jsonl), or one file of pairs",
        "; ".join([*known, *unknown][:5]) or "no file",
        "Add the missing file, or give the columns by hand.",
        "files",
    )
