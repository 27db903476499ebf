"""The access token: compared in constant time, and who guesses at it waits longer each time."""

import hashlib
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

FREE = 3
"""Different wrong tokens before a client has to wait."""
LONGEST_WAIT = 60.0
FORGOTTEN = 900.0
"""Seconds after its last wrong token until a client is forgotten."""
CLIENTS = 10_000
"""Clients that are remembered at most; the one that was quiet longest goes first."""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(given: str, token: str) -> bool:
    """Whether a token is the right one; takes as long for one that is nearly right."""
    return secrets.compare_digest(_digest(given), _digest(token))


def client_of(host: str) -> str:
    """Who is slowed down: an address, of IPv6 its network of 64 bits, which one household or machine has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


@dataclass
class _Guesses:
    wrong: set[bytes] = field(default_factory=set)
    until: float = 0.0
    last: float = 0.0


class Patience:
    """How long each client has to wait before its next token is looked at; nothing sleeps.

    The same wrong token again is no further guess: a page that is still open with an old cookie locks nobody out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._clients: OrderedDict[str, _Guesses] = OrderedDict()

    def wait(self, host: str) -> float:
        """Seconds until a client's next token is looked at; 0 for none."""
        with self._lock:
            guesses = self._clients.get(client_of(host))
            return 0.0 if guesses is None else max(0.0, guesses.until - self._clock())

    def wrong(self, host: str, token: str) -> None:
        """A client gave a wrong token: after the first few, each different one doubles its wait."""
        now, key = self._clock(), client_of(host)
        with self._lock:
            guesses = self._clients.pop(key, None)
            if guesses is None or now - guesses.last > FORGOTTEN:
                guesses = _Guesses()
            self._clients[key] = guesses
            guesses.last = now
            if _digest(token) not in guesses.wrong:
                guesses.wrong.add(_digest(token))
                beyond = len(guesses.wrong) - FREE
                guesses.until = now + min(LONGEST_WAIT, 2.0 ** min(beyond, 10)) if beyond >= 0 else 0.0
            while len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)

    def right(self, host: str) -> None:
        """A client gave the right token: it is forgotten that it guessed."""
        with self._lock:
            self._clients.pop(client_of(host), None)
