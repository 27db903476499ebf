"""What a bundle of a run holds: typed rows of its two files, and what must agree between them.

Axes: U units of a site, C examples in a row of answers, Y outputs.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.domain.bounds import Count, Key, Seed, readable
from app.domain.errors import BadInput
from app.domain.interventions import Axis, Family
from app.domain.results import ArrayRow, ItemRow, ResponseRow, Row, SettingRow, TopNeuron, told
from app.domain.runs import Run, RunSpec

RUN, ROWS, README, PAGE = "run.json", "rows.jsonl", "README.txt", "index.html"
AGAIN = "Export the run again, and bring the file over whole."
NEWER = "Use a newer version of Golgi."
Name = Annotated[str, Field(min_length=1, max_length=200)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def fault(where: str, expected: str, found: object, way: str = AGAIN) -> BadInput:
    """What is wrong with a bundle, by file and field."""
    return BadInput(f"{expected} (in the bundle: {where})", readable(str(found), 120), way, "file")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Packed(_Strict):
    """An array: its little-endian bytes in base64."""

    dtype: Literal["<f4", "<i4", "<f8"]
    shape: Annotated[tuple[Count, ...], Field(min_length=1, max_length=4)]
    base64: str

    def array(self, dtype: str, axes: int, where: str) -> NDArray[Any]:
        """The values, of this type and so many axes.

        Raises:
            BadInput: bytes that are not this shape, another type or number of axes, or values that are not finite.
        """
        if self.dtype != dtype or len(self.shape) != axes:
            raise fault(where, f"{axes} axes of {dtype}", f"{len(self.shape)} of {self.dtype}")
        try:
            raw = base64.b64decode(self.base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise fault(where, "bytes in base64", error) from error
        wanted = prod(self.shape) * np.dtype(dtype).itemsize
        if len(raw) != wanted:
            raise fault(where, f"{wanted} bytes for shape {list(self.shape)} of {dtype}", f"{len(raw)} bytes")
        values = np.frombuffer(raw, dtype=dtype).reshape(self.shape)
        if not np.isfinite(values).all():
            raise fault(where, "finite numbers", "NaN or infinity")
        return values.astype(np.int64 if dtype == "<i4" else np.float64)


def _stored(group: str) -> str:
    if group == "overview":
        raise ValueError("scores, folds or metric; an overview is made of the scores")
    return group


class PackedArray(_Strict):
    """See :class:`~app.domain.results.ArrayRow`; ``values`` [U] in float32."""

    row: Literal["ArrayRow"]
    group: Annotated[Name, AfterValidator(_stored)]
    name: Name
    part: Name
    kind: Name
    layer: Count
    n: Count
    values: Packed

    def unpacked(self, where: str) -> ArrayRow:
        """The row."""
        given = {name: value for name, value in self if name not in ("row", "values")}
        return ArrayRow(**given, values=self.values.array("<f4", 1, f"{where}, values"))


class PackedTop(_Strict):
    """See :class:`~app.domain.results.TopNeuron`."""

    row: Literal["TopNeuron"]
    name: Literal["mean"]
    side: Literal["top", "bottom"]
    rank: Key
    kind: Name
    layer: Count
    unit: Count
    score: Finite

    def unpacked(self, where: str) -> TopNeuron:
        """The row."""
        return TopNeuron(**{name: value for name, value in self if name != "row"})


class Token(_Strict):
    """A token of an input and its relevance."""

    text: str
    segment: Name
    word: Annotated[int, Field(ge=-1)]
    start: Count
    end: Count
    score: Finite


class PackedItem(_Strict):
    """See :class:`~app.domain.results.ItemRow`."""

    row: Literal["ItemRow"]
    item: Count
    label: Name
    tokens: list[Token]
    values: dict[Name, Finite]
    notes: dict[Name, Any]

    def unpacked(self, where: str) -> ItemRow:
        """The row."""
        return ItemRow(self.item, self.label, [dict(token) for token in self.tokens], self.values, self.notes)


class About(BaseModel):
    """What is told of a setting besides its members; kinds may tell more."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    axis: Axis
    count: Count
    amount: Finite
    invert: bool = False
    label: str = ""


def _told(about: dict[str, Any]) -> dict[str, Any]:
    """The same, checked."""
    About.model_validate_json(json.dumps(about), strict=True)
    return about


class PackedSetting(_Strict):
    """See :class:`~app.domain.results.SettingRow`; ``members`` in int32."""

    row: Literal["SettingRow"]
    ordinal: Count
    text: str
    family: Family
    seed: Seed | None
    about: Annotated[dict[str, Any], AfterValidator(_told)]
    members: Packed

    def unpacked(self, where: str) -> SettingRow:
        """The row."""
        members = self.members.array("<i4", 1, f"{where}, members")
        return SettingRow(self.ordinal, self.text, self.family.value, self.seed, self.about, members)


class PackedResponse(_Strict):
    """See :class:`~app.domain.results.ResponseRow`; ``values`` [C, Y] in float64."""

    row: Literal["ResponseRow"]
    ordinal: Count
    first_item: Count
    values: Packed

    def unpacked(self, where: str) -> ResponseRow:
        """The row."""
        return ResponseRow(self.ordinal, self.first_item, self.values.array("<f8", 2, f"{where}, values"))


PackedRow = Annotated[PackedArray | PackedTop | PackedItem | PackedSetting | PackedResponse, Field(discriminator="row")]
_ROW: TypeAdapter[PackedRow] = TypeAdapter(PackedRow)


class BundledRun(Run):
    """``run.json``: a run that ended; its fingerprint is that of what it asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Key
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=10_000)]


def run_of(text: bytes) -> BundledRun:
    """The run of ``run.json``.

    Raises:
        BadInput: what is wrong, by field.
    """
    given = _json(text, RUN)
    if not isinstance(given, dict):
        raise fault(RUN, "a JSON object", type(given).__name__)
    spec = given["spec"] if isinstance(given.get("spec"), dict) else {}
    unknown = sorted(set(given) - set(BundledRun.model_fields))
    unknown += [f"spec.{name}" for name in sorted(set(spec) - set(RunSpec.model_fields))]
    if unknown:
        raise fault(f"{RUN}, field {unknown[0]}", "a field that this version knows", "one that it does not", NEWER)
    try:
        run = BundledRun.model_validate_json(text, strict=True)
    except ValidationError as error:
        _refuse(error, RUN)
    if run.state.value not in ("done", "partial", "failed"):
        raise fault(f"{RUN}, field state", "a run that ended: done, partial or failed", f"'{run.state.value}'")
    if run.fingerprint != run.spec.fingerprint:
        asked = f"{run.spec.fingerprint}, which is that of what it asked"
        raise fault(f"{RUN}, field fingerprint", asked, f"'{run.fingerprint}'")
    return run


def rows_of(lines: Iterator[bytes]) -> Iterator[tuple[str, Row]]:
    """Where each row of ``rows.jsonl`` stands, and the row.

    Raises:
        BadInput: what is wrong, by line and field.
    """
    for number, line in enumerate(lines, start=1):
        where = f"{ROWS}, line {number}"
        if b"NaN" in line or b"Infinity" in line:
            _json(line, where)
        try:
            packed = _ROW.validate_json(line, strict=True)
        except ValidationError as error:
            _refuse(error, where, _json(line, where))
        yield where, packed.unpacked(where)


def packed(row: Row) -> dict[str, Any]:
    """A row as JSON; arrays in base64, float32 and int32 (answers in float64)."""
    done: dict[str, Any] = {"row": type(row).__name__}
    for name, value in vars(row).items():
        if isinstance(value, np.ndarray):
            kind = "<f8" if isinstance(row, ResponseRow) else "<i4" if name == "members" else "<f4"
            raw = base64.b64encode(np.ascontiguousarray(value, dtype=kind).tobytes()).decode()
            done[name] = {"dtype": kind, "shape": value.shape, "base64": raw}
        else:
            done[name] = told(value) if name == "notes" else value
    return done


def _json(text: bytes, where: str) -> Any:
    """JSON in UTF-8 without NaN and infinities."""

    def refused(name: str) -> NoReturn:
        raise fault(where, "numbers that JSON has", name)

    try:
        return json.loads(text.decode(), parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise fault(where, "JSON in UTF-8", error) from error


def _refuse(error: ValidationError, where: str, given: Any = None) -> NoReturn:
    """Raise the first problem with its field; the kind of row, which pydantic puts before it, is left out."""
    first = error.errors()[0]
    kind = given.get("row") if isinstance(given, Mapping) else None
    loc = [str(part) for part in first["loc"] if part != kind]
    found = "nothing" if first["type"] == "missing" else first.get("input")
    named = f"{where} ({kind})" if isinstance(kind, str) else where
    field = f", field {'.'.join(loc)}" if loc else ""
    raise fault(f"{named}{field}", first["msg"].removeprefix("Input should be "), found) from error
