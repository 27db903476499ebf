"""Pages of what does not change any more: built once, told from memory, and not even told to who has them."""

import gzip
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from app.web.page import inside, services

MB = 1 << 20
OWN = ("content-length", "content-type", "vary")
"""Headers that are made anew for every answer."""
VARY = "HX-Request, Accept-Encoding"


@dataclass(frozen=True)
class Page:
    """A page that was built: its bytes packed by gzip, its type, and its other headers."""

    packed: bytes
    media_type: str
    headers: Mapping[str, str]


class Shelf:
    """Pages by name, those longest not asked for thrown out first; safe to use from several threads.

    Args:
        most: bytes of all pages together; 0 keeps none.
    """

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0
        self.session = secrets.token_hex(8)
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._building: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def page(self, name: str, build: Callable[[], Page]) -> Page:
        """The page of a name; who asks while another one builds it waits for that one."""
        found = self._found(name)
        if found is not None:
            return found
        with self._lock:
            building = self._building.setdefault(name, threading.Lock())
        with building:
            found = self._found(name)
            try:
                return self._put(name, build()) if found is None else found
            finally:
                with self._lock:
                    self._building.pop(name, None)

    def _found(self, name: str) -> Page | None:
        with self._lock:
            if name in self._pages:
                self._pages.move_to_end(name)
            return self._pages.get(name)

    def _put(self, name: str, page: Page) -> Page:
        """Keep a page, unless it would push out most of the others."""
        if 4 * len(page.packed) > self.most:
            return page
        with self._lock:
            self._pages[name] = page
            self.held += len(page.packed)
            while self.held > self.most:
                _, oldest = self._pages.popitem(last=False)
                self.held -= len(oldest.packed)
        return page


def kept(request: Request, stamp: str, build: Callable[[], Response]) -> Response:
    """The page of a request, built only if nobody has asked for the same one before.

    Args:
        request: its address, and whether HTMX asks, are part of the page's name; so is the job pill, which stands on
            every page.
        stamp: changes whenever what the page shows does; where it is empty, the page is built.
        build: makes the page, or raises.
    """
    shelf: Shelf = request.app.state.shelf
    if not stamp:
        return build()
    name = _name(request, stamp, shelf.session)
    tag = f'W/"{name}"'
    if tag in [given.strip() for given in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": tag, "Vary": VARY})
    answer = _told(request, shelf.page(name, lambda: _page(build()))) if shelf.most else build()
    answer.headers["ETag"] = tag
    return answer


def _name(request: Request, stamp: str, session: str) -> str:
    """A hash of all that decides a page. ``session`` is that of this process: a newer program writes other pages."""
    scope, pill = request.scope, services(request).pages.pill()
    address = (scope["root_path"], scope["path"], scope["query_string"])
    whole = repr((session, stamp, address, inside(request), pill))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _page(answer: Response) -> Page:
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    packed = gzip.compress(bytes(answer.body), 6, mtime=0)
    return Page(packed, answer.headers.get("content-type", ""), headers)


def _told(request: Request, page: Page) -> Response:
    """A page for who can unpack it, and for who cannot."""
    headers = {**page.headers, "Content-Type": page.media_type, "Vary": VARY}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(page.packed), headers=headers)
    return Response(page.packed, headers={**headers, "Content-Encoding": "gzip"})
