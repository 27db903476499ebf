"""What can be tested of packaging without a Docker engine."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, **options)


def copied() -> list[str]:
    """Sources of the COPY lines that read the build context."""
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_the_image_has_what_it_needs_and_no_more() -> None:
    assert len(copied()) > 4
    for name in copied():
        assert (ROOT / name).exists() and f"!{name}" in IGNORED, name
    allowed = [line[1:] for line in IGNORED if line.startswith("!")]
    assert IGNORED[1] == "*" and {name.split("/")[0] for name in allowed} == {name.split("/")[0] for name in copied()}
    weights = "models_cache/somebody-s-own-model"
    assert any(fnmatch(weights, line) for line in IGNORED[2:] if line[0] != "!") and f"!{weights}" not in IGNORED


def test_the_image_runs_as_nobody_special_and_tells_its_health() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert DOCKERFILE.count("\nFROM ") == 2
    instructions = re.findall(r"^([A-Z]+) ", last, flags=re.MULTILINE)
    assert re.search(r"^USER golgi$", last, flags=re.MULTILINE) and "useradd" in last
    assert instructions[-2:] == ["HEALTHCHECK", "CMD"] and "USER" in instructions
    probe = re.search(r'HEALTHCHECK.*?CMD \["python", "-c", "(.+?)"\]', last, flags=re.DOTALL)
    assert probe is not None and "/healthz" in probe[1]
    compile(probe[1], "HEALTHCHECK", "exec")


def test_the_image_takes_the_torch_that_the_project_takes() -> None:
    torch = next(line for line in PROJECT["project"]["dependencies"] if line.startswith("torch"))
    assert re.search(r"^ARG TORCH_INDEX=https://\S+/cpu$", DOCKERFILE, flags=re.MULTILINE)
    assert f'--index-url "$TORCH_INDEX" "{torch}"' in DOCKERFILE


def test_settings_of_the_image_exist() -> None:
    from app.settings import Settings

    named = set(re.findall(r"GOLGI_([A-Z_]+)", DOCKERFILE + (ROOT / "docker-compose.yml").read_text()))
    assert {name.lower() for name in named} <= set(Settings.model_fields) and len(named) > 3


def test_compose() -> None:
    told = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = told["services"]
    assert set(services) == {"web", "worker", "worker-gpu"}
    assert services["web"]["command"] == ["golgi", "serve", "--no-worker"]
    assert "/healthz" in services["web"]["healthcheck"]["test"][-1]
    compile(services["web"]["healthcheck"]["test"][-1], "healthcheck", "exec")
    for service in services.values():
        assert service["volumes"] == ["./models_cache:/models:ro", "data:/data"] and "data" in told["volumes"]
        assert service["environment"]["GOLGI_TOKEN"].startswith("${GOLGI_TOKEN:?")
    for name in ("worker", "worker-gpu"):
        assert services[name]["depends_on"] == {"web": {"condition": "service_healthy"}}
    gpu = services["worker-gpu"]
    assert gpu["profiles"] == ["gpu"] and "cuda" in gpu["command"]
    assert list(gpu["build"]["args"]) == ["TORCH_INDEX"]
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]


def test_commands_of_compose_exist() -> None:
    from app.cli.parser import parser

    for service in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values():
        assert parser().parse_args(service["command"][1:]).command in ("serve", "worker")


def test_entry_point_and_version() -> None:
    module, name = PROJECT["project"]["scripts"]["golgi"].split(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))
    assert run("-m", "app", "--version").stdout.strip() == f"golgi {PROJECT['project']['version']}"


ASK = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from fastapi.testclient import TestClient
import app, frontend
from app.main import build
from app.settings import Settings
room = Path(sys.argv[1])
assert Path(app.__file__).is_relative_to(room) and Path(frontend.__file__).is_relative_to(room)
names = {"data_dir": room / "data", "models_dir": room, "allowed_hosts": "testserver"}
golgi = build(Settings(**names, offline=True), recorded=None)
client = TestClient(golgi.app())
paths = ("/", "/explain?demo=pair", "/static/app.css", "/static/plotly.min.js")
print([client.get(path).status_code for path in paths])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves files behind."""
    room = tmp_path_factory.mktemp("wheel")
    for name in ("app", "frontend"):
        shutil.copytree(ROOT / name, room / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, room / "source")
    done = run("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(room), str(room / "source"))
    assert done.returncode == 0, done.stderr[-2000:]
    return next(room.glob("golgi-*.whl"))


def test_the_wheel_has_pages_migrations_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    source = wheel.parent / "source"
    names = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    names = {name for name in names if name.startswith(("app/", "frontend/"))}
    assert len(names) > 130 and sorted(names - inside) == []
    assert {name.split("/")[0] for name in inside if ".dist-info" not in name} == {"app", "frontend"}
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in inside)


def test_the_wheel_serves_pages_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", ASK, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[200, 200, 200, 200]", done.stderr[-2000:]


def test_errors_of_the_command_line_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from app.__main__ import main

    assert main(["check-model", "absent", "--offline", "--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "Expected" in told and "Traceback" not in told


def test_a_taken_port_and_an_open_host_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from app.__main__ import main

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options, says in ((["--port", port], f"port {port}"), (["--host", "0.0.0.0"], "GOLGI_TOKEN")):
            assert main(["serve", "--data-dir", str(tmp_path), *options]) == 2
            assert says in capsys.readouterr().err


DROP = """
import os
os.setgid(65534)
os.setuid(65534)
from pathlib import Path
from app.main import build
from app.settings import Settings
room = Path(os.environ["ROOM"])
golgi = build(Settings(data_dir=room, models_dir=room, offline=True), recorded=None)
print(os.getuid(), golgi.services.pages.pill())
"""


def readable(*paths: Path) -> bool:
    """Whether anybody may look into these folders."""
    return all(folder.stat().st_mode & 0o001 for path in paths for folder in (path, *path.parents))


def interpreter() -> str | None:
    """A Python of this version whose library anybody may read."""
    for path in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        if Path(path).exists():
            ask = [path, "-c", "import sys; print(sys.base_prefix)"]
            prefix = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
            if prefix and readable(Path(prefix), Path(path).parent):
                return path
    return None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become somebody else")
def test_runs_as_an_unprivileged_user() -> None:
    packages, python = Path(yaml.__file__).resolve().parents[1], interpreter()
    if python is None or not readable(packages, ROOT):
        pytest.skip("the interpreter, its packages or this checkout lie in a folder that others may not read")
    with tempfile.TemporaryDirectory() as room:
        Path(room).chmod(0o777)
        environment = {**os.environ, "ROOM": room, "HOME": room, "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{packages}"
        done = subprocess.run([python, "-c", DROP], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("65534 "), done.stderr[-800:]
