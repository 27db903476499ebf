"""What an import asks: which files, what each holds, and which column is what."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["queries", "passages", "judgements", "run", "pairs"]
FIELDS: dict[Role, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "queries": (("id", "text"), ()),
    "passages": (("id", "text"), ("title",)),
    "judgements": (("query", "passage", "grade"), ()),
    "run": (("query", "passage"), ("score", "rank")),
    "pairs": (("query", "passage", "grade"), ("query_id", "passage_id", "title")),
}
"""Role to the fields it needs and those it may have; a run has scores, or ranks where it has none."""

PLURAL: dict[Role, str] = {"judgements": "judgements (qrels)", "run": "a run", "pairs": "labelled pairs"}
"""What a file of a role holds, where the role alone does not say it."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def lacking(role: Role, columns: Mapping[str, str]) -> list[str]:
    """Fields that a role needs and has no column for."""
    missing = [name for name in FIELDS[role][0] if not columns.get(name)]
    if role == "run" and not columns.get("score") and not columns.get("rank"):
        missing.append("score")
    return missing


class FileSpec(BaseModel):
    """One file.

    Args:
        path: below the import's folder.
        role: what its rows are.
        form: a JSON object per line, or a table.
        delimiter: between the cells of a table; a space stands for any white space.
        header: whether a table's first line names the columns.
        columns: field to key, to column name, or, without a header, to column number from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    role: Role
    form: Literal["jsonl", "table"]
    delimiter: Literal["\t", ",", ";", " "] = "\t"
    header: bool = True
    columns: dict[str, str] = {}

    @model_validator(mode="after")
    def _fields_of_the_role(self) -> "FileSpec":
        needed, allowed = FIELDS[self.role]
        missing = lacking(self.role, self.columns)
        if missing:
            raise ValueError(f"a column for {', '.join(missing)} in {self.path}")
        unknown = sorted(set(self.columns) - {*needed, *allowed})
        if unknown:
            raise ValueError(f"fields {', '.join((*needed, *allowed))} for {self.path}; found {', '.join(unknown)}")
        return self


def unfit(files: Sequence[FileSpec]) -> str:
    """What is missing of files that shall make a dataset; empty where nothing is."""
    roles = {file.role for file in files}
    if "pairs" not in roles and not {"queries", "passages"} <= roles:
        return "one file of pairs, or files of queries and of passages"
    return "either files of pairs, or the files of a collection" if "pairs" in roles and len(roles) > 1 else ""


class ImportSettings(BaseModel):
    """An import.

    Args:
        name: of the dataset, in addresses: letters, digits, dots, dashes.
        folder: where the files are; empty for an ``ir_datasets`` id.
        files: what to read.
        ir_dataset: id of a collection of the ``ir_datasets`` library, instead of files.
        domain, licence, source: in words.
        depth: BM25 candidates per query where no run is given; 0 for none.
        threshold: lowest grade that counts as relevant in the report.
        model: for token lengths and cut-off in the report; empty for none.
        staged: the folder is a copy that is removed when the import ends.
        left_out: file to the reason why it is not read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: str = ""
    files: tuple[FileSpec, ...] = ()
    ir_dataset: str = ""
    domain: str = Field("", max_length=300)
    licence: str = Field("", max_length=300)
    source: str = Field("", max_length=300)
    depth: int = Field(100, ge=0, le=1000)
    threshold: int = Field(1, ge=1, le=1000)
    model: str = ""
    staged: bool = False
    left_out: dict[str, str] = {}

    @model_validator(mode="after")
    def _whole(self) -> "ImportSettings":
        if not NAME.fullmatch(self.name):
            raise ValueError("a name of letters, digits, dots and dashes, at most 100 of them")
        if self.ir_dataset:
            return self
        fault = unfit(self.files)
        if fault:
            raise ValueError(fault)
        return self

    @property
    def kind(self) -> Literal["collection", "pairs"]:
        """Whether it is a collection or labelled pairs."""
        return "pairs" if any(file.role == "pairs" for file in self.files) else "collection"
