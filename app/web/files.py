"""The program's own files: kept in memory, packed once, and named by what they hold."""

import gzip
import hashlib
import mimetypes
import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

FOREVER = "public, max-age=31536000, immutable"
"""For an address that names the content: another content has another address."""
LEAST = 500
"""Bytes from which packing is worth its header."""


@dataclass(frozen=True)
class Kept:
    """A file: its bytes, the same packed by gzip (empty where that gains nothing), and the hash that names it."""

    raw: bytes
    packed: bytes
    digest: str
    media_type: str


class Files(StaticFiles):
    """Serves a folder. The first reader of a file waits for its packing (50 ms for the largest), no other one does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self.folder = folder
        self._kept: dict[str, tuple[tuple[int, int], Kept]] = {}

    def digest(self, name: str) -> str:
        """The hash that an address of a file tells, so that it can be kept for ever."""
        path = self.folder / name
        return self.kept(path, path.stat()).digest

    def kept(self, path: Path, found: os.stat_result) -> Kept:
        """A file as it is now."""
        stamp = (found.st_mtime_ns, found.st_size)
        before, kept = self._kept.get(str(path), (None, None))
        if kept is None or before != stamp:
            raw = path.read_bytes()
            packed = gzip.compress(raw, 9, mtime=0) if len(raw) >= LEAST else b""
            media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
            smaller = packed if len(packed) < len(raw) else b""
            kept = Kept(raw, smaller, hashlib.sha256(raw).hexdigest()[:16], media_type)
            self._kept[str(path)] = (stamp, kept)
        return kept

    def file_response(
        self, full_path: "str | PathLike[str]", stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, packed for who can unpack it; only its headers to who has it already."""
        kept, asked = self.kept(Path(full_path), stat_result), Headers(scope=scope)
        packed = bool(kept.packed) and "gzip" in asked.get("accept-encoding", "")
        headers = {"ETag": f'"{kept.digest}{"-gzip" if packed else ""}"', "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        if parse_qs(scope["query_string"].decode("latin-1")).get("v") == [kept.digest]:
            headers["Cache-Control"] = FOREVER
        body = kept.packed if packed else kept.raw
        answer = Response(body, status_code, headers, kept.media_type)
        return NotModifiedResponse(answer.headers) if self.is_not_modified(answer.headers, asked) else answer
