"""What a person waits for: from starting the server to its first answer, and from the click to the picture.

Run: ``python benchmarks/page_speed.py [--rounds 3] [--idle 8]``; needs Playwright (the extra ``test``) and chromium. A
server of its own starts on an empty data folder, and the browser shares its cores. Each round asks something new of the
demo model. Printed with each: the seconds of the run itself, the floor of the wait.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = os.environ.get("GOLGI_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@contextmanager
def server() -> Iterator[str]:
    """Address of a fresh server; how long it took to answer is printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, begun = f"http://127.0.0.1:{port}", time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "app", "serve", "--port", str(port), "--data-dir", folder, "--offline"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not answers(url):
                time.sleep(0.05)
            sys.stdout.write(f"the first page answers after {time.perf_counter() - begun:.1f} s\n")
            yield url
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    """Whether the server is up."""
    try:
        return bool(urllib.request.urlopen(f"{url}/healthz", timeout=1))
    except OSError:
        return False


def timed(page: Any, url: str, number: int) -> dict[str, float]:
    """Seconds from the click on the start page to the run's page, to its first figure, and of the run itself."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    query = page.locator("[name=query]").first
    query.fill(query.input_value() + " please" * number)
    time.sleep(2)
    begun = time.perf_counter()
    page.get_by_role("button", name="Run it here").click()
    page.wait_for_url("**/runs/*")
    opened = time.perf_counter() - begun
    page.wait_for_selector(".figure .plot svg.main-svg", state="visible", timeout=120_000)
    drawn = time.perf_counter() - begun
    run = json.load(urllib.request.urlopen(f"{page.url.split('#')[0]}.json"))["run"]
    return {"page": opened, "picture": drawn, "run": run["seconds"]}


def main() -> None:
    """Command line."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=8.0, help="seconds on the start page before the first click")
    args = parser.parse_args()
    with server() as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        time.sleep(args.idle)
        for number in range(1, args.rounds + 1):
            seconds = timed(page, url, number)
            ratio = seconds["picture"] / seconds["run"]
            listed = "  ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
            sys.stdout.write(f"round {number}: {listed}  picture / run {ratio:.2f}\n")
            sys.stdout.flush()
        browser.close()


if __name__ == "__main__":
    main()
