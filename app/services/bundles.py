"""The file of a bundle: a zip of two files, and what this version can make of its question."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from app.domain.bundles import AGAIN, NEWER, PAGE, README, ROWS, RUN, BundledRun, fault
from app.domain.errors import BadInput, NotFound
from app.domain.questions import Question
from app.kinds import kind_of, kinds
from app.kinds.base import Kind
from app.methods.base import methods

MB = 1 << 20
MOST = 1024 * MB
"""Bytes of a bundle that is sent, at most."""
RUN_BYTES, LINE_BYTES, ALL_BYTES = 64 * MB, 256 * MB, 4096 * MB
"""Bytes of ``run.json``, of a line of ``rows.jsonl``, and of all files, unpacked, at most."""
PACKED, FREE_BYTES = 200, 32 * MB
"""How many times smaller a file may be packed than unpacked, above so many bytes."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What reading a broken zip raises."""


class Archive:
    """Reads the files of a bundle, never more than is allowed."""

    def __init__(self, zipped: zipfile.ZipFile) -> None:
        self.zipped = zipped

    def read(self, name: str, most: int) -> bytes:
        """A whole file.

        Raises:
            BadInput: it is broken, or longer than ``most`` bytes.
        """
        try:
            with self.zipped.open(name) as file:
                data = file.read(most + 1)
        except BROKEN as error:
            raise fault(name, "a file that can be unpacked", error) from error
        if len(data) > most:
            raise fault(name, f"at most {most:,} bytes", "more")
        return data

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, one after the other, so that it is never held as a whole.

        Raises:
            BadInput: it is broken, or a line is empty, too long or does not end.
        """
        number = 0
        try:
            with self.zipped.open(name) as file:
                while line := file.readline(LINE_BYTES + 1):
                    number += 1
                    if not line.strip() or not line.endswith(b"\n") or len(line) > LINE_BYTES:
                        found = "an empty line" if not line.strip() else "no line's end"
                        raise fault(f"{name}, line {number}", f"a row of at most {LINE_BYTES:,} bytes", found)
                    yield line
        except BROKEN as error:
            raise fault(f"{name}, behind line {number}", "a file that can be unpacked", error) from error


@contextmanager
def opened(data: bytes) -> Iterator[Archive]:
    """A bundle's archive, which holds its two files and perhaps README and page, which are never read, each once.

    Raises:
        BadInput: no zip, or one with other files, or with files that unpack to too much.
    """
    try:
        zipped = zipfile.ZipFile(io.BytesIO(data))
    except BROKEN as error:
        raise BadInput("a run bundle (.zip)", f"a file that is none: {error}", AGAIN, "file") from error
    with zipped:
        _check_files(zipped.infolist())
        yield Archive(zipped)


def _check_files(files: list[zipfile.ZipInfo]) -> None:
    names = [file.filename for file in files]
    for name in names:
        if name not in (RUN, ROWS, README, PAGE):
            raise fault(
                "the list of its files", f"{RUN}, {ROWS}, {README} and {PAGE}", f"'{name}'", f"{AGAIN} Or: {NEWER}"
            )
        if names.count(name) > 1:
            raise fault(name, "a file that is there once", f"{names.count(name)} of that name")
    for name in (RUN, ROWS):
        if name not in names:
            raise fault(name, "this file", "none of that name")
    for file in files:
        _check_size(file)


def _check_size(file: zipfile.ZipInfo) -> None:
    """See that a file can be unpacked, and is not made to fill a memory."""
    if file.flag_bits & 1:
        raise fault(file.filename, "a file that is not encrypted", "an encrypted one")
    swells = file.file_size > FREE_BYTES and file.file_size > PACKED * max(1, file.compress_size)
    if swells or file.file_size > ALL_BYTES:
        found = f"{file.file_size:,} bytes out of {file.compress_size:,}"
        raise fault(file.filename, f"a file that unpacks to at most {PACKED} times its bytes", found)


def asked(run: BundledRun) -> tuple[Kind[Any, Any, Any], Question]:
    """The kind and the question of a bundled run, if this version can tell them.

    Raises:
        BadInput: an unknown kind or method, a newer version of it, or settings that are none.
    """
    spec = run.spec
    try:
        kind = kind_of(spec.kind)
    except NotFound as error:
        wanted = f"a kind of run among {', '.join(kinds())}"
        raise fault(f"{RUN}, field spec.kind", wanted, f"'{spec.kind}'", NEWER) from error
    try:
        question = kind.question(spec.settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, ("spec", "settings", *first["loc"])))
        raise fault(f"{RUN}, field {field}", first["msg"].removeprefix("Input should be "), first["input"]) from error
    newest = 1000 * kind.version + _method_version(spec.settings)
    if not 0 < spec.version <= newest:
        raise fault(f"{RUN}, field spec.version", f"a version up to {newest}", spec.version, NEWER)
    return kind, question


def _method_version(settings: dict[str, Any]) -> int:
    key = settings.get("method")
    if key is None:
        return 0
    known = methods()
    if key not in known:
        raise fault(f"{RUN}, field spec.settings.method", f"a method among {', '.join(known)}", f"'{key}'", NEWER)
    try:
        known[key].model_validate(settings.get("params", {}))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, ("spec", "settings", "params", *first["loc"])))
        raise fault(f"{RUN}, field {field}", first["msg"].removeprefix("Input should be "), first["input"]) from error
    return known[key].version
