"""GGUF files as ordinary folders: written in one go, and kept for the next time."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError
from transformers import AutoTokenizer

from app.domain.errors import Conflict, Unsupported
from app.models import folders
from app.models.gguf_reading import Reading, read
from app.models.places import gguf_of, whole_path

FORMAT = 1
"""Raise it when the folder of a file would come out otherwise; older ones are made anew."""
PROBES = ("The capital of France is", "\n\n12. 1984 + 3  =", "  Ünïcode, 'quoted'\tand <|endoftext|>")
MARGIN = 50_000_000


@contextmanager
def in_one_go(target: Path, *, again: bool = False) -> Iterator[Path]:
    """An empty folder that becomes ``target`` when the block ends, and is gone after an error or Ctrl-C.

    What is there by then stays, unless ``again``: another process made the same.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as spare:
        made, old = Path(spare) / "new", Path(spare) / "old"
        made.mkdir()
        yield made
        if again and target.exists():
            target.rename(old)
        if not target.exists():
            made.rename(target)


@dataclass(frozen=True)
class Card:
    """What the folder of a GGUF file tells besides the file's own words.

    Args:
        title: of the model card. about: a sentence. source: where the file is from.
        licence: of the model; that which the file tells unless it is given.
        facts: for ``golgi.json``.
    """

    title: str
    about: str = ""
    source: str = "a file of this machine"
    licence: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def write(file: Path, target: Path, card: Card, *, again: bool = False) -> Path:
    """Write what a GGUF file holds as an ordinary folder with safetensors in float32.

    Args:
        file: the GGUF file. target: the folder. card: what it tells besides. again: replace an older one, at the end.

    Raises:
        Unsupported: the file cannot be read. Conflict: there is no room on the disk.
    """
    room(target.parent, 0)
    reading = read(file)
    room(target.parent, sum(4 * weight.numel() for weight in reading.model.parameters()))
    try:
        with in_one_go(target, again=again) as folder:
            reading.model.save_pretrained(folder)
            reading.tokenizer.save_pretrained(folder)
            _check_tokens(reading, folder)
            (folder / "README.md").write_text(_readme(file, reading, card), "utf-8")
            origin = f"{file.name}: {reading.types}; the values that they stand for, in float32."
            facts = {**card.facts, "origin": " ".join((origin, *reading.notes))}
            (folder / "golgi.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
            for path in folder.iterdir():
                path.chmod((folder / "golgi.json").stat().st_mode)
    except (OSError, SafetensorError) as error:
        raise _unwritten(target.parent, error) from error
    return target


def room(folder: Path, size: int) -> None:
    """See that a folder can be written to and has room for ``size`` bytes.

    Raises:
        Conflict: it has not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unwritten(folder, error) from error
    if free < size + MARGIN:
        found = f"{free / 1e6:,.0f} MB free in {folder}"
        raise Conflict(f"room for {size / 1e6:,.0f} MB", found, "Make room, or choose another folder.", "model")


def _unwritten(folder: Path, error: Exception) -> Conflict:
    said = str(getattr(error, "strerror", None) or error)
    full = "no space" in said.lower()
    way = "Make room, or choose another folder." if full else "Change its rights, or choose another folder."
    return Conflict(f"to write into {folder}", said, way, "model")


def _check_tokens(reading: Reading, folder: Path) -> None:
    """See that the tokenizer that was written is the one that was read, and has a row for every token.

    Raises:
        Unsupported: it is not.
    """
    again = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows = reading.model.config.vocab_size
    for text in PROBES:
        before, after = reading.tokenizer(text)["input_ids"], again(text)["input_ids"]
        if before != after or max(after) >= rows:
            found = f"{after[:12]} for {text!r}, not {before[:12]}"
            raise Unsupported(
                "a tokenizer that can be saved", found, "Use the model's folder with safetensors.", "model"
            )


def sha256(file: Path) -> str:
    """sha256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _readme(file: Path, reading: Reading, card: Card) -> str:
    """The model card."""
    kept = "the values that those stand for, in float32; not those of the model before it was packed"
    rows = [
        ("read from", f"`{file.name}`, {file.stat().st_size:,} bytes, sha256 `{sha256(file)}`"),
        ("source", card.source),
        ("licence", card.licence or reading.licence or "the file does not say"),
        ("weights in the file", reading.types),
        ("weights here", kept),
        ("read by", f"transformers {version('transformers')}, gguf {version('gguf')}"),
    ]
    table = "\n".join(f"| {key} | {value} |" for key, value in rows)
    notes = "".join(f"\n{note}\n" for note in (card.about, *reading.notes) if note)
    return f"# {card.title}\n{notes}\n| | |\n|---|---|\n{table}\n"


class Converted:
    """Folders made of GGUF files, one per file as it is now.

    Args:
        root: folder of the folders.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._lock = root, threading.Lock()

    def folder(self, place: Path) -> Path:
        """The ordinary folder of a place: itself, or what its GGUF file became, made on first use.

        Raises:
            Unsupported: the file cannot be read. Conflict: there is no room on the disk.
        """
        file = gguf_of(place)
        if file is None:
            return place
        target = self._target(place, file)
        with self._lock:
            if not target.is_dir():
                own = folders.about(place) if place.is_dir() else {}
                write(file, target, Card(file.stem, facts=own))
                self._forget(target)
        return target

    def waits(self, place: Path) -> bool:
        """Whether a place has a GGUF file that was not converted yet, or several."""
        try:
            file = gguf_of(place)
        except Unsupported:
            return True
        return file is not None and not self._target(place, file).is_dir()

    def _target(self, place: Path, file: Path) -> Path:
        """The folder of a file: its name, its place, and what it and its ``golgi.json`` look like now."""
        stamps = [
            (path.stat().st_size, path.stat().st_mtime_ns) for path in (file, place / "golgi.json") if path.exists()
        ]
        parts = (whole_path(place), (FORMAT, file.name, stamps))
        where, state = (hashlib.sha256(repr(part).encode()).hexdigest()[:10] for part in parts)
        return self.root / f"{file.stem}-{where}-{state}"

    def _forget(self, kept: Path) -> None:
        """Remove the folders of what the file was before."""
        front = kept.name.rpartition("-")[0] + "-"
        for folder in self.root.iterdir():
            if folder.name.startswith(front) and folder != kept:
                shutil.rmtree(folder, ignore_errors=True)
