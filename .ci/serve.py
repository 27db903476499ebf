"""The dashboard for who changes its code: pages and worker in a process each, both started anew after a change.

Templates, scripts and styles are read from disk at every request, so only Python files are watched. Arguments go to
both processes, for instance ``--data-dir FOLDER``; ``--port`` and ``--host`` go to the pages alone.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAUSE, PATIENCE = 0.5, 15.0
"""Seconds between two looks at the files, and seconds a process has to end."""

State = dict[Path, int]
Process = subprocess.Popen[bytes]


def say(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stderr.write(f"[serve] {text}\n")


def state() -> State:
    """When each Python file was changed last."""
    found: State = {}
    for path in (ROOT / "app").rglob("*.py"):
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:  # an editor replaces a file by renaming another one
            continue
    return found


def commands(given: list[str]) -> list[list[str]]:
    """What runs: the pages without a worker, and the worker."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--port")
    parser.add_argument("--host")
    own, shared = parser.parse_known_args(given)
    address = [part for name, value in vars(own).items() if value is not None for part in (f"--{name}", value)]
    golgi = [sys.executable, "-m", "app"]
    return [[*golgi, "serve", "--no-worker", *address, *shared], [*golgi, "worker", *shared]]


def started(wanted: list[list[str]]) -> list[Process]:
    """One process each, in a session of its own, so that Ctrl-C reaches this script alone."""
    return [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for command in wanted]


def ended(running: list[Process]) -> None:
    """Ask every process to end, and wait until it has."""
    for process in running:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def changed(before: State, running: list[Process], first: bool) -> State:
    """The files once they differ from before and lie still.

    Raises:
        SystemExit: a process ended by itself before anything was changed.
    """
    told: set[int] = set()
    while (now := state()) == before:
        for process in running:
            if process.poll() is not None and process.pid not in told:
                told.add(process.pid)
                if first:
                    sys.exit(process.returncode)
                say("a process ended; it is started again after the next change")
        time.sleep(PAUSE)
    while (later := state()) != now:
        now = later
        time.sleep(PAUSE)
    return now


def main(given: list[str]) -> int:
    """Run until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted, before, first = commands(given), state(), True
    running = started(wanted)
    say(f"{len(before)} files are watched; Ctrl-C ends pages and worker")
    try:
        while True:
            after = changed(before, running, first)
            names = sorted({path.relative_to(ROOT).as_posix() for path, _ in set(before.items()) ^ set(after.items())})
            say(f"{', '.join(names[:3])} changed; starting anew")
            before, first = after, False
            ended(running)
            running = started(wanted)
    except KeyboardInterrupt:
        return 130
    finally:
        ended(running)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
