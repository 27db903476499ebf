"""The pool of loaded models: one per process, with a byte budget; the least recently used model goes first."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from app.domain.errors import GolgiError, NotFound, OutOfMemory, Unsupported
from app.domain.examples import Example, Seen
from app.domain.model_card import ModelCard, ModelInfo
from app.domain.sites import SiteKind
from app.models import folders, gguf
from app.models.architectures.base import Architecture
from app.models.converted import Converted
from app.models.encoder import Encoder
from app.models.encoding import fast_tokenizer
from app.models.host import ModelHost
from app.models.memory import memory
from app.models.places import names_in
from app.models.room import check_budget, held, needed
from app.models.selfcheck import checked
from app.models.tasks import tasks

SHARE = 0.6
Key = tuple[Path, folders.Stamps]
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Hosts:
    """Models by name, loaded when asked for.

    Args:
        root: folder with one folder per model.
        device: ``auto`` (a GPU when there is one), ``cpu`` or ``cuda[:n]``.
        dtype: ``auto`` (float32), or a name of ``DTYPES``.
        budget_bytes: weights kept in memory together; None: 60 % of the device's memory.
        offline: never ask the hub.
        aliases: short name to folder or hub id.
        converted: folder of folders made of GGUF files; ``.converted`` below the root unless it is given.
    """

    def __init__(
        self,
        root: Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        budget_bytes: int | None = None,
        offline: bool = False,
        aliases: Mapping[str, str] | None = None,
        converted: Path | None = None,
    ) -> None:
        self.root, self.offline, self.aliases = root, offline, dict(aliases or {})
        self.converted = Converted(converted or root / ".converted")
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(chosen)
        self.budget = budget_bytes or int(SHARE * memory(self.device)["memory_total"])
        self.dtype = DTYPES["float32" if dtype == "auto" else dtype]
        self._hosts: OrderedDict[Key, ModelHost] = OrderedDict()
        self._encoders: dict[Key, Encoder] = {}
        self._hashes: dict[tuple[Any, ...], str] = {}
        self._lock, self._reading = threading.RLock(), threading.Lock()

    def available(self) -> tuple[ModelInfo, ...]:
        """Every folder and GGUF file below the root and every alias, dry."""
        return tuple(self.inspect(name) for name in [*names_in(self.root), *sorted(self.aliases)])

    def folder(self, name: str) -> Path:
        """The local folder of a model; fetches a hub id unless offline, and converts a GGUF file on its first use.

        Raises:
            NotFound: nothing of that name can be reached.
            Unsupported, Conflict: a GGUF file that cannot be converted.
        """
        return self.converted.folder(self._place(name))

    def _place(self, name: str) -> Path:
        return folders.resolve(name, self.root, self.aliases, self.offline)

    def at_hand(self, name: str) -> bool:
        """Whether a model's folder is on this machine; the hub is not asked."""
        try:
            return folders.resolve(name, self.root, self.aliases, offline=True).exists()
        except NotFound:
            return False

    def inspect(self, name: str) -> ModelInfo:
        """Dry inspection; never raises for a model that cannot be used, see ``problem``.

        Raises:
            NotFound: nothing of that name can be reached.
        """
        place = self._place(name)
        if self.converted.waits(place):
            return gguf.inspected(name, folders.slug_of(name), place)
        return folders.inspected(name, self.folder(name))

    def hash(self, name: str) -> str:
        """sha256 of the weights, cached by path, size and time of change."""
        files = folders.weight_files(self.folder(name))
        key = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
        if key not in self._hashes:
            self._hashes[key] = folders.digest(files)
        return self._hashes[key]

    def encoder(self, name: str) -> Encoder:
        """The tokenizer of a model with its input form; no weights are read.

        Raises:
            Unsupported: the folder cannot be used.
        """
        key = self._key(name)
        with self._reading:
            if key not in self._encoders:
                info = self._usable(name)
                tokenizer = fast_tokenizer(self._load(AutoTokenizer, self.folder(name)))
                config = folders.read_json(self.folder(name) / "config.json")
                family, limit = folders.family_of(config), _limit(tokenizer, config)
                self._encoders[key] = encoder_of(
                    tokenizer, info.tasks, family, limit, config.get("decoder_start_token_id")
                )
            return self._encoders[key]

    def seen(self, name: str, example: Example, max_length: int | None) -> Seen:
        """What the model would read of an example; no weights are read."""
        return self.encoder(name).seen(example, max_length)

    def get(self, name: str, keep: Collection[ModelHost] = ()) -> ModelHost:
        """The loaded model; loads and self-checks it first if needed, and makes room for it. Those to ``keep`` are in
        use: to drop them would free nothing.

        Raises:
            NotFound, Unsupported: it cannot be loaded.
            OutOfMemory: it is larger than the budget or the device.
        """
        key = self._key(name)
        with self._lock:
            if key not in self._hosts:
                self._drop(key[0])
                self._make_room(self._usable(name), keep)
                self._hosts[key] = self._loaded(name)
            self._hosts.move_to_end(key)
            return self._hosts[key]

    def fits(self, name: str, keep: Collection[ModelHost]) -> bool:
        """Whether a model is loaded, or has room beside those in use; what cannot be loaded at all does, and loading it
        says why."""
        try:
            key, info = self._key(name), self._usable(name)
        except GolgiError:
            return True
        need = needed(info, self.dtype)
        return key in self._hosts or need > self.budget or need + held(keep) <= self.budget

    def _key(self, name: str) -> Key:
        """A model's folder, and what its files look like: two folders of one name, or files that were changed, are
        different models."""
        folder = self.folder(name).resolve()
        return folder, folders.stamps(folder)

    def loaded(self) -> tuple[ModelCard, ...]:
        """Cards of the loaded models, least recently used first."""
        with self._lock:
            return tuple(host.card for host in self._hosts.values())

    def unload(self, name: str) -> bool:
        """Drop a model; False if it was not loaded."""
        with self._lock:
            return self._drop(self.folder(name).resolve())

    def _drop(self, folder: Path) -> bool:
        """Forget the models loaded from a folder; whether there were any."""
        keys = [key for key in self._hosts if key[0] == folder]
        for key in keys:
            del self._hosts[key]
        if keys and self.device.type == "cuda":
            torch.cuda.empty_cache()
        return bool(keys)

    def _usable(self, name: str) -> ModelInfo:
        info = self.inspect(name)
        if info.problem:
            raise Unsupported(
                "a model that can be loaded", info.problem, "See the models page for what works.", "model"
            )
        return info

    def _make_room(self, info: ModelInfo, keep: Collection[ModelHost]) -> None:
        need = needed(info, self.dtype)
        check_budget(info, need, self.budget)
        while need + held({*self._hosts.values(), *keep}) > self.budget:
            idle = next((key for key, host in self._hosts.items() if host not in keep), None)
            if idle is None:
                break
            self._drop(idle[0])

    def _load(self, loader: Any, folder: Path, **more: Any) -> Any:
        try:
            return loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **more)
        except GolgiError:
            raise
        except torch.cuda.OutOfMemoryError as error:
            raise OutOfMemory(
                "room for the weights", str(folder.name), "Unload other models first.", "model"
            ) from error
        except Exception as error:
            raise Unsupported(
                "a folder that the transformers library can load",
                f"{folder.name}: {str(error).strip().splitlines()[0][:200]}",
                "Copy the model again, or save it with a current version of the library.",
                "model",
            ) from error

    def _loaded(self, name: str) -> ModelHost:
        folder, info, encoder = self.folder(name), self._usable(name), self.encoder(name)
        config = self._load(AutoConfig, folder)
        family = folders.family_of(config.to_dict())
        how: dict[str, Any] = {"config": config, "dtype": self.dtype, "use_safetensors": True}
        model, loading_info = self._load(encoder.tasks[0].loader, folder, **how, output_loading_info=True)
        _whole(folder, loading_info)
        about = folders.about(folder)
        card = ModelCard(
            slug=info.slug,
            source=name,
            revision=str(getattr(config, "_commit_hash", None) or "local"),
            weights_hash=self.hash(name),
            family=family.family,
            task=info.tasks[0],
            tasks=info.tasks,
            layers=0,
            hidden=0,
            heads=0,
            labels=info.labels,
            relevant_label=info.relevant_label,
            max_length=encoder.max_length,
            dtype=str(self.dtype).removeprefix("torch."),
            device=str(self.device),
            parameters=sum(p.numel() for p in model.parameters()),
            bytes=sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers())),
            widths={},
            quality=about.get("quality", {}),
            in_domain=tuple(about.get("in_domain", ())),
        )
        return host_of(model.to(self.device), encoder, family, card)


def _whole(folder: Path, loading_info: Mapping[str, Any]) -> None:
    """See that the files hold every weight; the library fills in random numbers for those they lack.

    Raises:
        Unsupported: weights are missing.
    """
    missing = sorted(loading_info["missing_keys"])
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise Unsupported(
            "every weight of the model in its files",
            f"{folder.name} lacks {', '.join(missing[:3])}{more}",
            "Copy the missing file, or choose a checkpoint that was trained with this head.",
            "model",
        )


def encoder_of(
    tokenizer: Any, keys: Sequence[str], family: Architecture, limit: int, decoder_start: int | None = None
) -> Encoder:
    """A tokenizer with the ways (keys, the default first) in which a model of this family is read.

    Raises:
        Unsupported: a tokenizer that lacks what one of them needs.
    """
    ways = [tasks()[key] for key in keys]
    for task in ways:
        task.check_tokenizer(tokenizer)
    return Encoder(tokenizer, ways, limit, decoder_start, family.shape == "decoder")


def host_of(model: Any, encoder: Encoder, family: Architecture, card: ModelCard) -> ModelHost:
    """A host with its sizes measured by a probing pass and its self-checks run."""
    host = ModelHost(model, encoder, family, card)
    layers = 1 + max(site.layer for site in host.places)
    host.card = card.model_copy(update={"layers": layers, "hidden": 0, "heads": host.heads})
    host.card = host.card.model_copy(update={"widths": _widths(host, layers)})
    host.card = host.card.model_copy(update={"hidden": host.card.widths[SiteKind.RESID][0]})
    rows, off = checked(host)
    host.card = host.card.model_copy(update={"checks": rows, "off": off})
    return host


def _widths(host: ModelHost, layers: int) -> dict[SiteKind, tuple[int, ...]]:
    """Units per site kind and block, read off one forward pass; 0 where a block has no such site."""
    trace = host.run(host.encode([host.encoder.tasks[0].probes()[0]]), None, record=list(host.places))
    widths: dict[SiteKind, list[int]] = {}
    for site in host.places:
        widths.setdefault(site.kind, [0] * layers)[site.layer] = int(trace.value(site).shape[2])
    return {kind: tuple(sizes) for kind, sizes in widths.items() if kind not in (SiteKind.WORDS, SiteKind.EMBED)}


def _limit(tokenizer: Any, config: Mapping[str, Any]) -> int:
    """The model's limit in tokens: positions, less the offset of RoBERTa's position ids, and the tokenizer's own."""
    positions = int(config.get("max_position_embeddings") or config.get("n_positions") or 512)
    if config.get("model_type") in ("roberta", "xlm-roberta"):
        positions -= int(config.get("pad_token_id") or 1) + 1
    return int(min(positions, tokenizer.model_max_length, 8192))
