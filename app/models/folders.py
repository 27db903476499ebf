"""Model folders on disk and on the hub: what is there, without loading weights."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.bounds import at_home, is_path, readable
from app.domain.errors import NotFound, Unsupported
from app.domain.model_card import ModelInfo
from app.models.architectures import architectures, claim
from app.models.architectures.base import Architecture
from app.models.identity import CONFIGURATION
from app.models.json_files import read_json
from app.models.labels import Labels, labels_of, relevant_of
from app.models.lengths import Longest, longest_of
from app.models.places import is_place
from app.models.sizes import check_sizes, shape_of, size_of
from app.models.tasks import tasks
from app.models.tokenizer_files import check_tokenizer_files
from app.models.weight_files import parameters_of, shapes_of, unread, weight_files

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md")


def slug_of(name: str, folder: Path, root: Path) -> str:
    """The name a model has in addresses: that of its folder below ``root``, or a hub id with ``--`` for ``/``.

    A folder elsewhere has a mark of its path behind its name, so that two of one name are two models.
    """
    if not Path(name).is_absolute() and not name.startswith((".", "~")):
        return name.strip("/").replace("/", "--")
    whole = folder.resolve()
    if whole.parent == root.resolve():
        return whole.name
    return f"{whole.name}-{hashlib.sha256(str(whole).encode()).hexdigest()[:6]}"


def resolve(name: str, root: Path, aliases: Mapping[str, str], offline: bool) -> Path:
    """The local folder or GGUF file of an alias, a name below ``root``, a path, or a hub id (fetched unless offline).

    Raises:
        NotFound: nothing of that name can be reached.
    """
    wanted = aliases.get(name, name)
    if not wanted.strip():
        raise NotFound("the name of a model", "an empty name", "Choose a model from the list.", "model")
    if not is_path(wanted):
        raise NotFound("the name of a model", f"'{readable(wanted, 60)}'", "Choose a model from the list.", "model")
    for folder in (root / wanted, root / wanted.replace("/", "--"), at_home(wanted)):
        if is_place(folder):
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


Stamps = tuple[tuple[str, int, int, int, int], ...]
STAMPED = (".json", ".safetensors", ".txt", ".model")


def stamps(folder: Path) -> Stamps:
    """Name, size, times of change (ns) and number of every file of a folder that a model is made of, by name.

    A file that was copied over with its old time has another number, or another time of its entry.
    """
    files = (path for path in sorted(folder.iterdir()) if path.suffix in STAMPED and path.is_file())
    known = [(path.name, path.stat()) for path in files]
    return tuple((name, f.st_size, f.st_mtime_ns, f.st_ctime_ns, f.st_ino) for name, f in known)


def family_of(config: Mapping[str, Any]) -> Architecture:
    """The family that a configuration names.

    Raises:
        Unsupported: a family that is not declared. Code of the folder's own (auto_map) is never run: where the library
            knows the family, it is the library's code that is.
    """
    family = claim(str(config.get("model_type")))
    if family is None and config.get("auto_map"):
        raise Unsupported(
            "a model of the transformers library",
            f"'{str(config.get('model_type', 'no model_type'))[:60]}', which wants to run its own code (auto_map)",
            "Remote code is refused; use a version of the model that the library knows.",
            "model",
        )
    if family is None:
        known = ", ".join(a.family for a in architectures())
        raise Unsupported(
            f"one of the families {known}",
            f"'{str(config.get('model_type', 'no model_type'))[:60]}' in config.json",
            "Choose another model.",
            "model",
        )
    return family


BARE: Mapping[str, str] = {
    "encoder": "a bare encoder",
    "decoder": "a bare causal model, without its language-model head or a classifier,",
    "encoder-decoder": "a bare encoder-decoder",
}
"""What a model without a head is, by the shape of its family."""


def _heads_named(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Class names in a configuration.

    Raises:
        Unsupported: something else than a list of names.
    """
    names = config.get("architectures") or ()
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise Unsupported(
            'class names as "architectures" in config.json', str(names)[:60], "Correct config.json.", "model"
        )
    return tuple(names)


def tasks_of(config: Mapping[str, Any], default: str | None = None) -> tuple[str, ...]:
    """Keys of the ways in which a model can be read, from its configuration; ``default`` names the first of them.

    Raises:
        Unsupported: see :func:`family_of`; or a head that gives no score, or none that can be read in this family, or
            a default that does not fit the head.
    """
    family, names = family_of(config), _heads_named(config)
    claiming = [task for task in tasks().values() if task.claims(names)]
    if not claiming:
        heads = " or ".join(dict.fromkeys(head for task in tasks().values() for head in task.heads))
        raise Unsupported(
            f"a model with a head ({heads})",
            " ".join(names) or "no architecture in config.json",
            f"Choose a checkpoint with a trained head; {BARE[family.shape]} has no answer to explain.",
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


def inspected(name: str, slug: str, folder: Path) -> ModelInfo:
    """Dry inspection: configuration and file headers only; ``problem`` says why the model cannot be loaded."""
    info = ModelInfo(slug=slug, source=name, folder=str(folder))
    try:
        return info.model_copy(update=_facts(folder))
    except Unsupported as error:
        return info.model_copy(update={"problem": str(error)})
    except OSError as error:
        found = f"{Path(error.filename or folder).name}: {error.strerror or 'it cannot be read'}"
        problem = Unsupported("a folder whose files can be read", found, "Correct their rights, or copy them again.")
        return info.model_copy(update={"problem": str(problem)})


def configuration(folder: Path) -> dict[str, Any]:
    """What ``config.json`` says.

    Raises:
        Unsupported: it is not there, or broken.
    """
    config = read_json(folder / CONFIGURATION)
    if not config:
        found = f"an empty one in {folder.name}" if (folder / CONFIGURATION).exists() else f"none in {folder.name}"
        raise Unsupported("a config.json in the folder", found, "Copy the missing file.", "model")
    return config


def longest(folder: Path) -> Longest:
    """The longest input of a folder's model.

    Raises:
        Unsupported: a file that is broken.
    """
    tokenizer = read_json(folder / "tokenizer_config.json")
    return longest_of(configuration(folder), tokenizer, about(folder).get("max_length"))


def _facts(folder: Path) -> dict[str, Any]:
    """What a usable folder says of its model.

    Raises:
        Unsupported: why it cannot be used.
    """
    config = configuration(folder)
    family, more = family_of(config), about(folder)
    ways, files = tasks_of(config, more.get("task")), weight_files(folder)
    check_tokenizer_files(folder)
    task = tasks()[ways[0]]
    labels = labels_of(config) if task.labelled else Labels(())
    relevant, words = (
        relevant_of(labels, more.get("relevant_label")),
        task.words(folder.name, config, more.get("words")),
    )
    shapes, limit, readme = shapes_of(files), longest(folder), folder / "README.md"
    check_sizes(config)
    layers = size_of(config, "layers")
    units = size_of(config, "units")
    return {
        "family": family.family,
        "task": ways[0],
        "tasks": ways,
        "layers": layers,
        "hidden": size_of(config, "width"),
        "heads": size_of(config, "heads"),
        "neurons": layers * units if layers and units else None,
        "shape": shape_of(config, family.gated),
        "labels": labels.names,
        "origin": about(folder).get("origin", ""),
        "relevant_label": relevant.label,
        "relevant_from": relevant.why,
        "words": () if words is None else (words.positive, words.negative),
        "words_from": "" if words is None else words.why,
        "notes": _notes(config, labels, unread(folder, files)),
        "max_length": limit.tokens,
        "length_from": limit.why,
        "file_bytes": sum(path.stat().st_size for path in files),
        "memory_bytes": 4 * parameters_of(shapes),
        "readme": readme.read_text(encoding="utf-8", errors="replace") if readme.exists() else "",
    }


def _notes(config: Mapping[str, Any], labels: Labels, others: tuple[str, ...]) -> tuple[str, ...]:
    """What a reader of the folder should know, besides its facts."""
    notes = [labels.note] if labels.note else []
    if config.get("auto_map"):
        notes.append("the folder brings code of its own (auto_map), which is never run: the library's code is")
    if others:
        notes.append(f"not read, so not part of the model here: {', '.join(others)}")
    return tuple(notes)


def about(folder: Path) -> dict[str, Any]:
    """What ``golgi.json`` says: task (a key), relevant_label and max_length (numbers), words (of an answer, the
    positive one first), in_domain (names), quality (by name), origin (a sentence).

    Raises:
        Unsupported: a value of another type.
    """
    facts = read_json(folder / "golgi.json")
    kinds = {"task": str, "relevant_label": int, "max_length": int, "words": list, "in_domain": list, "origin": str}
    kinds["quality"] = dict
    for name, kind in kinds.items():
        if name in facts and (not isinstance(facts[name], kind) or facts[name] is True or facts[name] is False):
            raise Unsupported(
                f"golgi.json with {name} as {kind.__name__}", str(facts[name])[:60], "Correct golgi.json.", "model"
            )
    if facts.get("max_length", 8) < 8:
        raise Unsupported("a max_length of 8 or more in golgi.json", str(facts["max_length"]), "Correct it.", "model")
    return facts
