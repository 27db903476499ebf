"""Model folders on disk and on the hub: what is there, without loading weights."""

import hashlib
import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from app.domain.bounds import at_home, is_path, readable
from app.domain.errors import NotFound, Unsupported
from app.domain.model_card import ModelInfo
from app.models.architectures import architectures, claim
from app.models.architectures.base import Architecture
from app.models.tasks import tasks

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md")


def slug_of(name: str) -> str:
    """The name a model has in addresses: a folder's last part, or a hub id with ``--`` for ``/``."""
    path = Path(name)
    return path.name if path.is_absolute() or name.startswith((".", "~")) else name.strip("/").replace("/", "--")


def resolve(name: str, root: Path, aliases: Mapping[str, str], offline: bool) -> Path:
    """The local folder of an alias, a folder below ``root``, a path, or a hub id (fetched unless offline).

    Raises:
        NotFound: nothing of that name can be reached.
    """
    wanted = aliases.get(name, name)
    if not wanted.strip():
        raise NotFound("the name of a model", "an empty name", "Choose a model from the list.", "model")
    if not is_path(wanted):
        raise NotFound("the name of a model", f"'{readable(wanted, 60)}'", "Choose a model from the list.", "model")
    for folder in (root / wanted, root / wanted.replace("/", "--"), at_home(wanted)):
        if folder.is_dir():
            return folder
    return _fetched(wanted.replace("--", "/"), root, offline)


def _fetched(name: str, root: Path, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(PATTERNS), local_files_only=offline))
    except Exception as error:
        where = (
            "offline, and not in the local cache" if offline else f"nothing could be fetched ({type(error).__name__})"
        )
        raise NotFound(
            "a folder, an alias, or a Hugging Face id of a model",
            f"'{name}': {where}",
            f"Put its folder below {root}, or give the full path of the folder.",
            "model",
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder; empty if the file is not there.

    Raises:
        Unsupported: the file is broken.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise Unsupported("valid JSON", f"{path.name}: {error}", "Copy the model's folder again.", "model") from error
    if not isinstance(content, dict):
        raise Unsupported("a JSON object", f"{path.name}: {type(content).__name__}", "Copy the folder again.", "model")
    return content


Stamps = tuple[tuple[str, int, int], ...]


def stamps(folder: Path) -> Stamps:
    """Name, size and time of change (ns) of every file of a folder, in the order of their names."""
    known = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return tuple((name, facts.st_size, facts.st_mtime_ns) for name, facts in known)


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a folder.

    Raises:
        Unsupported: there are none; pickled weights are named but never read.
    """
    files = tuple(sorted(folder.glob("*.safetensors")))
    if not files:
        pickled = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth"))]
        raise Unsupported(
            "weights as model.safetensors",
            f"pickled weights ({', '.join(pickled)}), which can run code"
            if pickled
            else f"no weights in {folder.name}",
            "Convert them with save_pretrained(safe_serialization=True), or copy the missing file.",
            "model",
        )
    return files


def family_of(config: Mapping[str, Any]) -> Architecture:
    """The family that a configuration names.

    Raises:
        Unsupported: a family that is not declared, or remote code.
    """
    if config.get("auto_map"):
        raise Unsupported(
            "a model of the transformers library",
            "a folder that wants to run its own code (auto_map)",
            "Remote code is refused; use a version of the model that the library knows.",
            "model",
        )
    family = claim(str(config.get("model_type")))
    if family is None:
        known = ", ".join(a.family for a in architectures())
        raise Unsupported(
            f"one of the families {known}",
            f"'{config.get('model_type', 'no model_type')}'",
            "Choose another model.",
            "model",
        )
    return family


def tasks_of(config: Mapping[str, Any], default: str | None = None) -> tuple[str, ...]:
    """Keys of the ways in which a model can be read, from its configuration; ``default`` names the first of them.

    Raises:
        Unsupported: see :func:`family_of`; or a head that gives no score, or none that can be read in this family, or
            a default that does not fit the head.
    """
    family, names = family_of(config), tuple(map(str, config.get("architectures") or ()))
    claiming = [task for task in tasks().values() if task.claims(names)]
    if not claiming:
        heads = " or ".join(dict.fromkeys(head for task in tasks().values() for head in task.heads))
        raise Unsupported(
            f"a model with a head ({heads})",
            " ".join(names) or "no architecture in config.json",
            "Choose a checkpoint that was trained to score; a bare encoder has nothing to explain.",
            "model",
        )
    fitting = [task.key for task in claiming if family.shape in task.shapes]
    if not fitting:
        shapes = " or ".join(dict.fromkeys(shape for task in claiming for shape in task.shapes))
        raise Unsupported(
            f"a head of this kind on an {shapes}",
            f"{' '.join(names)}: {family.family} is an {family.shape}",
            "Choose a checkpoint of another family, or with another head.",
            "model",
        )
    if default is not None and default not in fitting:
        raise Unsupported(
            f"a task in golgi.json that fits the head: {' or '.join(fitting)}", default[:40], "Correct it.", "model"
        )
    return tuple(sorted(fitting, key=lambda key: key != default))


def labels_of(config: Mapping[str, Any], task: str) -> tuple[str, ...]:
    """Names of the logits of a classification head, in order; empty for the other tasks.

    Raises:
        Unsupported: labels that are not numbered from zero.
    """
    if not tasks()[task].labelled:
        return ()
    names = config.get("id2label")
    if not names:
        count = config.get("num_labels", 2)
        names = {str(number): f"LABEL_{number}" for number in range(count if isinstance(count, int) else 0)}
    numbers = sorted(names, key=lambda key: (len(str(key)), str(key))) if isinstance(names, dict) else []
    if not numbers or [str(key) for key in numbers] != [str(at) for at in range(len(numbers))]:
        raise Unsupported(
            'label names numbered from zero in config.json ("id2label": {"0": "no", "1": "yes"})',
            str(config.get("id2label", config.get("num_labels")))[:80],
            "Correct config.json.",
            "model",
        )
    return tuple(str(names[key]) for key in numbers)


def guess_relevant(labels: tuple[str, ...], declared: Any) -> int | None:
    """Which label means relevant: as declared in golgi.json, the only one, by name, or the second of two.

    Raises:
        Unsupported: a declared label that the model does not have.
    """
    if declared is not None and declared not in range(len(labels)):
        raise Unsupported(
            f"a relevant_label from 0 to {len(labels) - 1} in golgi.json", str(declared)[:40], "Correct it.", "model"
        )
    if declared is not None:
        return int(declared)
    if len(labels) == 1:
        return 0
    words = ("relevant", "true", "yes", "positive", "entailment")
    named = [number for number, label in enumerate(labels) if label.lower() in words]
    return named[0] if named else 1 if len(labels) == 2 else None


def parameters_of(files: tuple[Path, ...]) -> int:
    """Number of weights, read from the files' headers.

    Raises:
        Unsupported: a file that is cut off or no safetensors file.
    """
    count = 0
    for path in files:
        try:
            with safe_open(path, framework="np") as opened:
                count += sum(prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise Unsupported(
                "whole safetensors files", f"{path.name}: {error}", "Copy the file again.", "model"
            ) from error
    return count


def digest(files: tuple[Path, ...]) -> str:
    """sha256 over the files in name order."""
    checksum = hashlib.sha256()
    for path in files:
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                checksum.update(block)
    return checksum.hexdigest()


def inspected(name: str, folder: Path) -> ModelInfo:
    """Dry inspection: configuration and file headers only; ``problem`` says why the model cannot be loaded."""
    info = ModelInfo(slug=slug_of(name), source=name, folder=str(folder))
    try:
        return info.model_copy(update=_facts(folder))
    except Unsupported as error:
        return info.model_copy(update={"problem": str(error)})


def _facts(folder: Path) -> dict[str, Any]:
    """What a usable folder says of its model.

    Raises:
        Unsupported: why it cannot be used.
    """
    config = read_json(folder / "config.json")
    if not config:
        raise Unsupported("a config.json in the folder", f"none in {folder.name}", "Copy the missing file.", "model")
    family, more = family_of(config), about(folder)
    ways, files = tasks_of(config, more.get("task")), weight_files(folder)
    if not any((folder / name).exists() for name in ("tokenizer.json", "vocab.txt", "spiece.model", "vocab.json")):
        raise Unsupported("a tokenizer in the folder", "none", "Copy tokenizer.json beside the weights.", "model")
    labels, count = labels_of(config, ways[0]), parameters_of(files)
    readme = folder / "README.md"
    layers = _number(config, "num_hidden_layers", "n_layers", "n_layer", "num_layers")
    units = _number(config, "intermediate_size", "hidden_dim", "n_inner", "ffn_dim", "d_ff")
    positions = _number(config, "max_position_embeddings", "n_positions") or 512
    return {
        "family": family.family,
        "task": ways[0],
        "tasks": ways,
        "layers": layers,
        "hidden": _number(config, "hidden_size", "dim", "n_embd", "d_model"),
        "heads": _number(config, "num_attention_heads", "n_heads", "n_head", "num_heads"),
        "neurons": layers * units if layers and units else None,
        "labels": labels,
        "relevant_label": guess_relevant(labels, more.get("relevant_label")),
        "max_length": min(more.get("max_length", 512), positions),
        "file_bytes": sum(path.stat().st_size for path in files),
        "memory_bytes": 4 * count,
        "readme": readme.read_text(encoding="utf-8", errors="replace") if readme.exists() else "",
    }


def _number(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these settings that is a whole number."""
    return next((int(config[name]) for name in names if isinstance(config.get(name), int)), None)


def about(folder: Path) -> dict[str, Any]:
    """What ``golgi.json`` says: task (a key), relevant_label and max_length (numbers), in_domain (names), quality (by
    name).

    Raises:
        Unsupported: a value of another type.
    """
    facts = read_json(folder / "golgi.json")
    kinds = {"task": str, "relevant_label": int, "max_length": int, "in_domain": list, "quality": dict}
    for name, kind in kinds.items():
        if name in facts and (not isinstance(facts[name], kind) or facts[name] is True or facts[name] is False):
            raise Unsupported(
                f"golgi.json with {name} as {kind.__name__}", str(facts[name])[:60], "Correct golgi.json.", "model"
            )
    return facts
