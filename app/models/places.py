"""Where a model may lie: in a folder with safetensors, in a GGUF file, or in a folder with one of these."""

from pathlib import Path

from app.domain.errors import Unsupported

GGUF = ".gguf"


def is_gguf(path: Path) -> bool:
    """Whether a path is a GGUF file, by its name."""
    return path.suffix.lower() == GGUF and path.is_file()


def is_place(path: Path) -> bool:
    """Whether a path is a folder or a GGUF file."""
    return path.is_dir() or is_gguf(path)


def whole_path(place: Path) -> str:
    """The full path of a place; a GGUF file keeps its own name where it is a link."""
    return str(place.resolve() if place.is_dir() else place.parent.resolve() / place.name)


def names_in(root: Path) -> list[str]:
    """Names of the places in a folder; those that are being written begin with a dot and are left out."""
    return sorted(path.name for path in root.glob("[!.]*") if is_place(path))


def gguf_of(place: Path) -> Path | None:
    """The GGUF file that a place means: itself, or the only one of a folder without safetensors; None: no such file.

    Raises:
        Unsupported: a folder with several.
    """
    if is_gguf(place):
        return place
    if not place.is_dir() or any(place.glob("*.safetensors")):
        return None
    files = sorted(path for path in place.iterdir() if is_gguf(path))
    if len(files) > 1:
        found = ", ".join(path.name for path in files[:4]) + (", …" if len(files) > 4 else "")
        raise Unsupported("one GGUF file in a folder", found, "Name the model by the path of one of them.", "model")
    return files[0] if files else None
