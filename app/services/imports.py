"""What files hold, as guessed or as somebody said it, and whether they make an import."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.data.folders import guess_folder
from app.data.recognise import columns_of, guess, preview
from app.domain.errors import BadInput, GolgiError
from app.domain.importing import FIELDS, NAME, PLURAL, FileSpec, ImportSettings, lacking, unfit
from app.forms.fields import validated


@dataclass(frozen=True)
class FileOffer:
    """A file as it was understood: its mapping, its columns, and its first rows; ``problem`` if it was not."""

    path: str
    spec: FileSpec | None
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    problem: GolgiError | None


@dataclass(frozen=True)
class Offer:
    """Files put aside for an import, by ``token``; ``fields`` are those of each role, needed ones first."""

    token: str
    name: str
    files: tuple[FileOffer, ...]
    fields: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    problem: GolgiError | None


def files_of(folder: Path, chosen: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """The files of a folder that are read, as they were chosen or as guessed, and why the others are not.

    Raises:
        BadInput: a mapping that lacks something, or nothing to read.
    """
    if not chosen:
        found = guess_folder(folder)
        return {"files": found.files, "left_out": found.left_out}
    specs = tuple(spec_of(values) for values in chosen)
    taken = {spec.path for spec in specs}
    others = (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())
    return {"files": specs, "left_out": {name: "left out by hand" for name in others if name not in taken}}


def spec_of(values: Mapping[str, Any]) -> FileSpec:
    """The mapping of a file.

    Raises:
        BadInput: a field without a column.
    """
    missing = lacking(values["role"], values.get("columns", {})) if values.get("role") in FIELDS else ()
    if missing:
        found = ", ".join(values["columns"].values()) or "none"
        way = "Name them, or leave the file out."
        raise BadInput(f"a column for {', '.join(missing)} in {values['path']}", found, way, "files")
    return validated(FileSpec, values)


def settings_of(given: Mapping[str, Any]) -> ImportSettings:
    """What an import is asked.

    Raises:
        BadInput: what is wrong, in words, with the field's name.
    """
    name = str(given.get("name") or "")
    if not NAME.fullmatch(name):
        wanted = "a name of letters, digits, dots and dashes, at most 100 of them"
        raise BadInput(wanted, f"'{name[:120]}'" if name else "none", "Give the dataset such a name.", "name")
    files = given.get("files") or ()
    if not given.get("ir_dataset") and not files:
        raise BadInput("files, or an id of ir_datasets", "neither", "Name a folder, or choose files.", "folder")
    fault = "" if given.get("ir_dataset") else unfit(files)
    if fault:
        held = "; ".join(f"{spec.path} ({PLURAL.get(spec.role, spec.role)})" for spec in files)
        raise BadInput(fault, held, "Add the missing file, or say what each file holds.", "files")
    return validated(ImportSettings, given)


def offered(path: Path, folder: Path, given: Mapping[str, Any] | None) -> FileOffer:
    """A file as it is understood; ``given`` is its mapping, None where it is guessed."""
    name = str(path.relative_to(folder))
    spec: FileSpec | None = None
    try:
        spec = guess(path, folder) if given is None else spec_of({**given, "path": name})
        return FileOffer(name, spec, columns_of(spec, folder), preview(spec, folder), None)
    except GolgiError as error:
        return FileOffer(name, spec, (), (), error)
