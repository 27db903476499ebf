"""What a developer finds beside the code: commands, hooks, versions, documents."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from slow import SLOW, TESTS, is_slow

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TOP = {
    *(".ci", ".dockerignore", ".gitignore", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("Dockerfile", "Makefile", "docker-compose.yml", "pyproject.toml", "requirements.lock"),
    *("app", "benchmarks", "docs", "frontend", "models_cache", "tests"),
}


def targets() -> dict[str, str]:
    """Target to its recipe."""
    found = re.findall(r"^([a-z]+):[^\n]*\n((?:\t[^\n]*\n?)+)", MAKEFILE, flags=re.MULTILINE)
    return dict(found)


def checks() -> list[str]:
    """The commands of ``.ci/check``."""
    line = re.search(r"^for check in (.+); do$", (ROOT / ".ci" / "check").read_text(), flags=re.MULTILINE)
    assert line is not None
    return re.findall(r'"([^"]+)"', line[1])


def direct() -> list[Requirement]:
    """What the project and its tests ask for."""
    project = PROJECT["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]]


def test_make_has_what_is_told() -> None:
    known = targets()
    assert {"check", "test", "quick", "serve"} <= set(known)
    assert ".ci/check" in known["check"] and ".ci/serve.py" in known["serve"]
    told = re.findall(r"`?make ([a-z]+)\b", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(told) > 4 and set(told) <= set(known)


def test_one_list_of_checks() -> None:
    assert {"ruff check .", "ruff format --check .", "mypy", "lint-imports"} == set(checks())
    assert re.search(r"^\.ci/check$", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    assert all(os.access(ROOT / ".ci" / name, os.X_OK) for name in ("run", "check"))
    told = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in told["repos"]] == ["local"]
    hooks = told["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == checks()
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_quick_leaves_out_what_is_there() -> None:
    marks = re.findall(r"not (\w+)", targets()["quick"])
    declared = {text.split(":")[0] for text in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    assert "slow" in marks and set(marks) <= declared
    assert [name for name in SLOW if not (TESTS / name).exists()] == []


def test_slow_tests_are_marked(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert (item.get_closest_marker("slow") is not None) == is_slow(item.path), item.nodeid


def test_the_lock_pins_versions_and_nothing_else() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert len(names) == len(set(names)) > 60


def test_the_lock_holds_every_dependency_within_its_range() -> None:
    pinned = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", LOCK, re.M)}
    assert len(direct()) > 25
    for wanted in direct():
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None and wanted.specifier.contains(version), wanted


def test_every_dependency_has_a_lowest_version() -> None:
    assert [str(one) for one in direct() if not any(bound.operator == ">=" for bound in one.specifier)] == []


def test_types_are_told_to_others() -> None:
    assert (ROOT / "app" / "py.typed").is_file()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["app"]


def test_the_changelog_knows_this_version() -> None:
    heads = re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert heads[0] == ("Unreleased", "")
    assert heads[1][0] == PROJECT["project"]["version"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for _, day in heads[1:])


def test_the_top_level_is_tidy() -> None:
    asked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        pytest.skip("not a checkout of git")
    assert {name.split("/")[0] for name in asked.stdout.splitlines()} <= TOP


STUB = """
import os, pathlib, signal, sys, time
room = pathlib.Path(__file__).parents[1]
(room / f"{os.getpid()}.started").write_text(" ".join(sys.argv[1:]))
if "--broken" in sys.argv:
    sys.exit(7)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A checkout whose ``python -m app`` only notes its arguments and waits."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text(STUB)
    (tmp_path / "app" / "page.py").write_text("")
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "serve.py", tmp_path / ".ci")
    return tmp_path


@pytest.fixture
def serving(room: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the script of ``make serve``; whatever is left of it is ended."""
    running: list[subprocess.Popen[str]] = []

    def serve(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(room / ".ci" / "serve.py"), *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
        return running[-1]

    yield serve
    for process in running:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def alive(room: Path) -> dict[int, str]:
    """Process numbers and arguments of the stubs that still run."""
    found = {}
    for path in room.glob("*.started"):
        try:
            os.kill(int(path.stem), 0)
        except ProcessLookupError:
            continue
        found[int(path.stem)] = path.read_text()
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_serve_starts_both_anew_after_a_change_and_ends_both(
    room: Path, serving: Callable[..., subprocess.Popen[str]], end: signal.Signals
) -> None:
    process = serving("--port", "8399", "--offline")
    expected = ["serve --no-worker --port 8399 --offline", "worker --offline"]
    wait_for(lambda: sorted(alive(room).values()) == expected)
    first = set(alive(room))
    (room / "app" / "page.py").write_text("changed = True")
    wait_for(lambda: sorted(alive(room).values()) == expected and not first & set(alive(room)))
    process.send_signal(end)
    _, said = process.communicate(timeout=20)
    assert alive(room) == {} and process.returncode in (130, 143)
    assert "app/page.py changed" in said


def test_serve_ends_with_what_cannot_start(room: Path, serving: Callable[..., subprocess.Popen[str]]) -> None:
    process = serving("--broken")
    process.communicate(timeout=20)
    assert process.returncode == 7 and alive(room) == {}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_a_benchmark_can_be_started(path: Path) -> None:
    """Everything it imports is there; it says what it does."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    assert module.__doc__ and callable(module.main)
