"""What can be tested of packaging without a Docker engine."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert text.count("FROM ") == 2 and "ARG TORCH_INDEX" in text and "HEALTHCHECK" in text and "/healthz" in text
    assert re.search(r"^USER golgi$", text, flags=re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", text, flags=re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name
    torch = next(line for line in PROJECT["project"]["dependencies"] if line.startswith("torch"))
    assert torch in text


def test_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(services) == {"web", "worker", "worker-gpu"}
    assert services["web"]["command"] == ["golgi", "serve", "--no-worker"]
    assert services["worker"]["volumes"] == services["web"]["volumes"]
    assert services["worker-gpu"]["profiles"] == ["gpu"]
    device = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["capabilities"] == ["gpu"]


def test_entry_point_and_version() -> None:
    module, name = PROJECT["project"]["scripts"]["golgi"].split(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))
    done = subprocess.run(
        [sys.executable, "-m", "app", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"golgi {PROJECT['project']['version']}"


def test_errors_of_the_command_line_are_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "check-model", "absent", "--offline", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Expected" in done.stderr and "Traceback" not in done.stderr


def test_a_taken_port_and_an_open_host_are_refused(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options, says in ((["--port", port], f"port {port}"), (["--host", "0.0.0.0"], "GOLGI_TOKEN")):
            command = [sys.executable, "-m", "app", "serve", "--data-dir", str(tmp_path), *options]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 2 and says in done.stderr


DROP = """
import os
os.setgid(65534)
os.setuid(65534)
from pathlib import Path
from app.main import build
from app.settings import Settings
golgi = build(Settings(data_dir=Path(os.environ["ROOM"]), models_dir=Path(os.environ["ROOM"]), offline=True))
print(os.getuid(), golgi.services.pages.pill())
"""


def interpreter() -> str | None:
    """A Python of this version whose library anybody may read."""
    for path in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        if Path(path).exists():
            ask = [path, "-c", "import sys; print(sys.base_prefix)"]
            prefix = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
            if prefix and all(parent.stat().st_mode & 0o001 for parent in [Path(prefix), *Path(prefix).parents]):
                return path
    return None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become somebody else")
def test_runs_as_an_unprivileged_user() -> None:
    python = interpreter()
    if python is None:
        pytest.skip("the interpreter's library lies in a folder that others may not read")
    packages = Path(yaml.__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as room:
        Path(room).chmod(0o777)
        environment = {**os.environ, "ROOM": room, "HOME": room, "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{packages}"
        done = subprocess.run([python, "-c", DROP], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("65534 "), done.stderr[-800:]
