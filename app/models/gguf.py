"""GGUF files: what their headers tell, without reading weights."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers.integrations.gguf import read_gguf_metadata
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from app.domain.errors import Unsupported
from app.domain.model_card import ModelInfo
from app.models.architectures import architectures
from app.models.folders import family_of, tasks_of
from app.models.places import gguf_of

PACKAGES = ("gguf", "accelerate")
"""What the extra ``gguf`` installs; the library's loader needs both."""


@dataclass(frozen=True)
class Header:
    """What a GGUF file tells of its model: metadata by key, lists of texts as their length; ``name`` of the file."""

    name: str
    facts: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The family, as GGUF names it."""
        return str(self.facts["general.architecture"])

    def own(self) -> Mapping[str, Any]:
        """The settings of the model, without the family's name in front of their keys."""
        front = f"{self.kind}."
        return {key.removeprefix(front): value for key, value in self.facts.items() if key.startswith(front)}

    def whole(self, key: str) -> int | None:
        """A setting of the model that is a whole number; None where it is not told, or by block."""
        value = self.own().get(key)
        return value if isinstance(value, int) else None


def header_of(file: Path) -> Header:
    """Read a header; a hundredth of a second, and no weights.

    Raises:
        Unsupported: no GGUF file, a broken one, or a part of one.
    """
    try:
        facts, _ = read_gguf_metadata(str(file))
    except Exception as error:
        raise broken(file, error) from error
    if int(facts.get("split.count") or 1) > 1:
        found = f"{file.name}, one part of {facts['split.count']}"
        raise Unsupported("a whole GGUF file", found, "Join the parts with llama.cpp's gguf-split --merge.", "model")
    return Header(file.name, facts)


def broken(file: Path, error: Exception) -> Unsupported:
    """The error of a file that cannot be read."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(str(file), "the file")
    said = "it ends too early" if isinstance(error, struct.error) else said
    return Unsupported(
        "a whole GGUF file that the transformers library can read",
        f"{file.name}: {said[:200]}",
        "Copy the file again, or choose another one of the model.",
        "model",
    )


def check_packages() -> None:
    """See that what reads GGUF files is installed.

    Raises:
        Unsupported: it is not.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise Unsupported(
            f"the packages {' and '.join(PACKAGES)}, which read GGUF files",
            f"no {' and no '.join(missing)}",
            f"Install them: pip install {' '.join(missing)} (Golgi's extra [gguf]).",
            "model",
        )


def readable(header: Header) -> Mapping[str, Any]:
    """What stands for a config.json: ``model_type`` and ``architectures``.

    Raises:
        Unsupported: a family that cannot be read from GGUF here.
    """
    kinds = sorted(
        name
        for family in architectures()
        for name in family.claims
        if family.shape == "decoder" and name in GGUF_SUPPORTED_ARCHITECTURES
    )
    if header.kind not in kinds:
        raise Unsupported(
            f"a GGUF file of one of the families {', '.join(kinds)}",
            f"{header.name}: '{header.kind}'",
            "Choose another file, or the model's folder with safetensors.",
            "model",
        )
    return {"model_type": header.kind, "architectures": [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[header.kind]]}


def inspected(name: str, slug: str, place: Path) -> ModelInfo:
    """Dry inspection of a file that was not converted yet; ``problem`` says why it cannot be."""
    info = ModelInfo(slug=slug, source=name, folder=str(place))
    try:
        file = gguf_of(place)
        return info if file is None else info.model_copy(update=_told(file))
    except Unsupported as error:
        return info.model_copy(update={"problem": str(error)})


def _told(file: Path) -> dict[str, Any]:
    check_packages()
    header = header_of(file)
    config = readable(header)
    ways = tasks_of(config)
    layers, units = header.whole("block_count"), header.whole("feed_forward_length")
    return {
        "family": family_of(config).family,
        "task": ways[0],
        "tasks": ways,
        "layers": layers,
        "hidden": header.whole("embedding_length"),
        "heads": header.whole("attention.head_count"),
        "neurons": layers * units if layers and units else None,
        "max_length": min(512, header.whole("context_length") or 512),
        "file_bytes": file.stat().st_size,
        "origin": f"{file.name}{_packed(header)}; its first use writes the weights as float32 into an ordinary folder",
    }


def _packed(header: Header) -> str:
    """How most of the weights are kept, as far as the header tells."""
    from gguf import LlamaFileType

    try:
        name = LlamaFileType(header.facts["general.file_type"]).name
    except (KeyError, ValueError):
        return ""
    return f", mostly {name.removeprefix('MOSTLY_')}"
