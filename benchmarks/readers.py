"""Many readers at once: pages a second and waiting times, pages kept against pages built anew each time.

Run: ``python benchmarks/readers.py [--readers 40] [--seconds 10] [--rounds 2]``. Two servers start on data folders of
their own, one that keeps pages of finished runs and packs them, one that builds each anew and sends it as it is; they
are asked in turns from this process, which shares their cores, so the ratio counts more than the numbers.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

PAGES = ("/runs/1", "/runs/8", "/cross")
PACKED, PLAIN = "accept-encoding: gzip\r\n", "accept-encoding: identity\r\n"


@dataclass
class Told:
    """What readers got: seconds of every answer, bytes of all, and how long they went on asking."""

    waits: list[float] = field(default_factory=list)
    received: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """In words."""
        half, most = (1000 * value for value in np.percentile(self.waits, [50, 95]))
        size = self.received / len(self.waits) / 1000
        return f"{self.rate:7.1f} pages/s  p50 {half:6.0f} ms  p95 {most:6.0f} ms  {size:6.1f} kB a page"

    @property
    def rate(self) -> float:
        """Pages a second."""
        return len(self.waits) / self.seconds


@contextmanager
def server(kept_mb: int) -> Iterator[int]:
    """Port of a fresh server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "app", "serve", "--port", str(port), "--data-dir", folder, "--offline"]
        given = {**os.environ, "GOLGI_KEPT_PAGES_MB": str(kept_mb), "GOLGI_PRELOAD": "", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=given)
        try:
            while not answers(port):
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait()


def answers(port: int) -> bool:
    """Whether the server is up."""
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1))
    except OSError:
        return False


async def reader(port: int, path: str, headers: str, until: float, told: Told, *, returns: bool) -> None:
    """One reader on a connection of its own, who asks again as soon as a page is there; with ``returns`` it tells which
    one it has."""
    incoming, outgoing = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    tag = ""
    while time.perf_counter() < until:
        begun = time.perf_counter()
        have = f"if-none-match: {tag}\r\n" if tag and returns else ""
        outgoing.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}{have}\r\n".encode())
        head = (await incoming.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        named = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await incoming.readexactly(int(named.get("content-length", 0)))
        assert head.split()[1] in ("200", "304"), head
        tag = named.get("etag", "").replace('w/"', 'W/"')
        told.waits.append(time.perf_counter() - begun)
        told.received += len(head) + len(body)
    outgoing.close()


async def asked(port: int, path: str, headers: str, readers: int, seconds: float, *, returns: bool = False) -> Told:
    """What so many readers of a page get in so many seconds."""
    told, begun = Told(), time.perf_counter()
    ways = (reader(port, path, headers, begun + seconds, told, returns=returns) for _ in range(readers))
    await asyncio.gather(*ways)
    told.seconds = time.perf_counter() - begun
    return told


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    with server(0) as anew, server(64) as kept:
        ways = {
            "built anew, as it is": lambda path: asked(anew, path, PLAIN, args.readers, args.seconds),
            "built anew, packed": lambda path: asked(anew, path, PACKED, args.readers, args.seconds),
            "kept, packed": lambda path: asked(kept, path, PACKED, args.readers, args.seconds),
            "kept, readers return": lambda path: asked(kept, path, PACKED, args.readers, args.seconds, returns=True),
        }
        for path in PAGES:
            for number in range(1, args.rounds + 1):
                told = {name: asyncio.run(way(path)) for name, way in ways.items()}
                first = next(iter(told.values())).rate
                for name, one in told.items():
                    line = f"{path:8} round {number}  {name:22} {one.line()}  ratio {one.rate / first:.2f}\n"
                    sys.stdout.write(line)
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
