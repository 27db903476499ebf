"""What of a model's folder decides an answer besides the weights: its configuration and its tokenizer."""

import hashlib
import json
from pathlib import Path

from app.domain.errors import Unsupported
from app.domain.runs import canonical
from app.models.json_files import read_json

CONFIGURATION = "config.json"
TOKENIZER = (
    "added_tokens.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "spm.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
"""Files that a tokenizer is made of, as far as a folder has them."""
SILENT = frozenset({"_name_or_path", "_commit_hash", "dtype", "torch_dtype", "transformers_version"})
"""Entries of a configuration that do not change what the model computes; the precision is one of its own."""


def identity_of(folder: Path, precision: str) -> dict[str, str]:
    """sha256 (16 hex digits) of the configuration and of the tokenizer's files, and the precision of the weights in
    memory. White space and the order of a JSON file's entries do not count.

    Raises:
        Unsupported: a configuration that cannot be read.
    """
    config = {name: value for name, value in read_json(folder / CONFIGURATION).items() if name not in SILENT}
    return {
        "configuration": hashlib.sha256(_canonical(config)).hexdigest()[:16],
        "tokenizer": _of_tokenizer(folder),
        "precision": precision,
    }


def _of_tokenizer(folder: Path) -> str:
    """Of its files by name, each by its content."""
    checksum = hashlib.sha256()
    for name in TOKENIZER:
        path = folder / name
        if path.is_file():
            checksum.update(f"{name}\0".encode())
            checksum.update(hashlib.sha256(_content(path)).digest())
    return checksum.hexdigest()[:16]


def _content(path: Path) -> bytes:
    """A file's bytes; of JSON the canonical ones. An order that carries meaning, as that of merges, is a list's."""
    if path.suffix == ".json":
        try:
            return _canonical(read_json(path))
        except Unsupported:
            return path.read_bytes()
    return path.read_bytes()


def _canonical(content: object) -> bytes:
    try:
        return canonical(content).encode("utf-8", "surrogatepass")
    except ValueError:
        return json.dumps(content, sort_keys=True).encode()
