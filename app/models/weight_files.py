"""The files of weights that are loaded: found, counted and hashed, without reading a weight.

The library takes ``model.safetensors``, else the files that ``model.safetensors.index.json`` names; whatever else lies
in the folder is not read, so it is neither counted nor hashed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from app.domain.errors import Unsupported
from app.models.json_files import read_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files that the library loads, in the order of their names.

    Raises:
        Unsupported: there are none, an index names one that is not there, or an adapter lies beside them; pickled
            weights are named but never read.
    """
    if (folder / "adapter_config.json").exists():
        raise Unsupported(
            "whole weights",
            f"an adapter beside or instead of them (adapter_config.json in {folder.name})",
            "Merge it (merge_and_unload of peft), and save the merged model.",
            "model",
        )
    if (folder / SINGLE).is_file():
        return (folder / SINGLE,)
    return _of_index(folder) if (folder / INDEX).exists() else _none(folder)


def _of_index(folder: Path) -> tuple[Path, ...]:
    """The files that the index names.

    Raises:
        Unsupported: it names none, or one that is not there.
    """
    index = read_json(folder / INDEX)
    places = index.get("weight_map")
    names = sorted({str(name) for name in places.values()}) if isinstance(places, dict) else []
    if not names:
        raise Unsupported(
            f'{INDEX} with a "weight_map" from weights to files', "none in it", "Copy the index again.", "model"
        )
    if not isinstance(index.get("metadata"), dict):
        raise Unsupported(f'{INDEX} with its "metadata"', "none in it", "Copy the index again.", "model")
    wrong = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
    if wrong:
        raise Unsupported(
            f"names of safetensors files beside {INDEX}", f"'{wrong[0][:80]}'", "Copy the index again.", "model"
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise Unsupported(
            f"all {len(names)} files that {INDEX} names",
            f"no {', '.join(missing[:3])} in {folder.name}",
            "Copy the missing files.",
            "model",
        )
    return tuple(folder / name for name in names)


def _none(folder: Path) -> tuple[Path, ...]:
    pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    found = f"no weights in {folder.name}"
    if others:
        found = f"{', '.join(others[:3])}, which no index names"
    elif pickled:
        found = f"pickled weights ({', '.join(pickled[:3])}), which can run code"
    raise Unsupported(
        f"weights as {SINGLE}, or files that {INDEX} names",
        found,
        "Convert them with save_pretrained(safe_serialization=True), or copy the missing file.",
        "model",
    )


def unread(folder: Path, files: tuple[Path, ...]) -> tuple[str, ...]:
    """Names of the safetensors files in a folder that are not loaded."""
    return tuple(sorted(path.name for path in folder.glob("*.safetensors") if path not in files))


def shapes_of(files: tuple[Path, ...]) -> Mapping[str, tuple[int, ...]]:
    """The shape of every weight by name, read from the files' headers.

    Raises:
        Unsupported: a file that is cut off or no safetensors file, or files without a weight.
    """
    shapes = {name: shape for path in files for name, shape in _header(path)}
    if not shapes:
        raise Unsupported("weights in the files", f"none in {files[0].name}", "Copy the file again.", "model")
    return shapes


def _header(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    size = path.stat().st_size
    if size == 0:
        raise Unsupported("whole safetensors files", f"{path.name}, which is empty", "Copy the file again.", "model")
    try:
        with safe_open(path, framework="np") as opened:
            yield from ((name, tuple(opened.get_slice(name).get_shape())) for name in opened.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        pointer = path.read_bytes()[:64].startswith(b"version https://git-lfs")
        found = "a pointer of Git LFS" if pointer else f"cut off or damaged ({size:,} bytes)"
        way = "Fetch it with git lfs pull." if pointer else "Copy the file again."
        raise Unsupported("whole safetensors files", f"{path.name}, which is {found}", way, "model") from error


def parameters_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of weights."""
    return sum(prod(shape) for shape in shapes.values())


def digest(files: tuple[Path, ...]) -> str:
    """sha256 over the files in name order."""
    checksum = hashlib.sha256()
    for path in files:
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                checksum.update(block)
    return checksum.hexdigest()
