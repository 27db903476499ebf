"""A real server on the demo model, and Debian's chromium; any request to another host fails the test."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from app.main import build
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("GOLGI_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
MODEL = ROOT / "models_cache" / "golgi-demo-reranker" / "model.safetensors"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running instance with a worker."""
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed (apt-get install chromium, or set GOLGI_CHROMIUM)")
    if not MODEL.exists():
        pytest.skip("the demo model is not in models_cache")
    golgi = build(
        Settings(data_dir=tmp_path_factory.mktemp("data"), models_dir=ROOT / "models_cache", offline=True, device="cpu")
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(golgi.app(), host="127.0.0.1", port=port, log_level="error", ws="none"))
    threads = [threading.Thread(target=running.run, daemon=True), golgi.start_worker()]
    threads[0].start()
    deadline = time.monotonic() + 60
    while not running.started:
        assert threads[0].is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    golgi.worker.closing.set()
    running.should_exit = True
    for thread in threads:
        thread.join(timeout=10)
    golgi.db.close()


@pytest.fixture(scope="session")
def browser(server: str) -> Iterator[object]:
    """One chromium for all journeys."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(server: str, browser: object) -> Iterator[object]:
    """A page at the address of the server. A request to elsewhere, an error in a script or something that the content
    policy blocks fails the test."""
    context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    found = context.new_page()
    outside: list[str] = []
    broken: list[str] = []
    found.on("request", lambda r: outside.append(r.url) if not r.url.startswith((server, "data:", "blob:")) else None)
    found.on("pageerror", lambda error: broken.append(str(error)))
    found.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
    yield found
    context.close()
    assert outside == [] and broken == []
