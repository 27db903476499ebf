"""Bytes of a file to lines of text: what packs it and how it is encoded are read off its first bytes."""

import codecs
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LONGEST = 10_000_000
BLOCK = 1 << 16
LOOKED = 4096
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARK = "\ufeff"


def opened(path: Path) -> IO[bytes]:
    """The file's bytes; what gzip packed is unpacked on the way, whatever the file is called."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes: by its byte-order mark, else by the places of its zero bytes.

    UTF-8 has none where text stands; in UTF-16 those of line ends, digits and brackets are at every second place.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even + odd < len(head) / 20 or min(even, odd) > max(even, odd) / 4:
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"


def decoded(file: IO[bytes]) -> Iterator[str]:
    """Lines with their ends, without a byte-order mark; halves of surrogate pairs in UTF-16 stay halves.

    Raises:
        UnicodeDecodeError: bytes of no text, when their line is reached. OverflowError: a line beyond ``LONGEST``.
    """
    encoding = encoding_of(file.read(LOOKED))
    file.seek(0)
    texts = _utf8(file) if encoding == "utf-8" else _wide(file, encoding)
    for number, text in enumerate(texts):
        yield text.removeprefix(MARK) if number == 0 else text


def _utf8(file: IO[bytes]) -> Iterator[str]:
    while raw := file.readline(LONGEST + 1):
        if len(raw) > LONGEST:
            raise OverflowError
        yield raw.decode("utf-8")


def _wide(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines of an encoding whose line end is more than one byte."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    rest = ""
    while block := file.read(BLOCK):
        *whole, rest = (rest + decoder.decode(block)).split("\n")
        for text in whole:
            yield f"{text}\n"
        if len(rest) > LONGEST:
            raise OverflowError
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest
