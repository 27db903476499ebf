"""The pool of loaded models: one per process, with a byte budget; the least recently used model goes first."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from app.domain.errors import GolgiError, NotFound, Unsupported
from app.domain.examples import Example, Seen
from app.domain.model_card import ModelCard, ModelInfo
from app.models import folders, gguf
from app.models.converted import Converted
from app.models.encoder import Encoder
from app.models.folder_cache import FolderCache, Key
from app.models.host import ModelHost
from app.models.identity import identity_of
from app.models.memory import memory
from app.models.opened import config_of, model_of, tokenizer_of
from app.models.places import names_in
from app.models.probing import encoder_of, host_of
from app.models.room import check_budget, held, needed
from app.models.sizes import size_of
from app.models.weight_files import digest, weight_files

SHARE = 0.6
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
        self._encoders, self._infos = FolderCache[Encoder](), FolderCache[ModelInfo]()
        self._hashes, self._identities = FolderCache[str](), FolderCache[dict[str, str]]()
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
        slug = folders.slug_of(name, place, self.root)
        if self.converted.waits(place):
            return gguf.inspected(name, slug, place)
        folder, key = self.folder(name), self._key(name)
        info = self._infos.of(key, lambda: folders.inspected(name, slug, folder))
        return info.model_copy(update={"slug": slug, "source": name, "folder": str(folder)})

    def hash(self, name: str) -> str:
        """sha256 of the weights that are loaded, cached by the folder and its files."""
        key = self._key(name)
        return self._hashes.of(key, lambda: digest(weight_files(key[0])))

    def identity(self, name: str) -> dict[str, str]:
        """What decides an answer besides the weights, see :func:`identity_of`; cached like the hash."""
        key = self._key(name)
        return self._identities.of(key, lambda: identity_of(key[0], self.precision))

    @property
    def precision(self) -> str:
        """The type of the weights in memory, by name."""
        return str(self.dtype).removeprefix("torch.")

    def problem(self, name: str) -> str | None:
        """Why a model cannot be used, as far as that is known without its weights; the tokenizer is loaded.

        Raises:
            NotFound: nothing of that name can be reached.
        """
        try:
            self.encoder(name)
        except Unsupported as error:
            return self.inspect(name).problem or str(error)
        return None

    def encoder(self, name: str) -> Encoder:
        """The tokenizer of a model with its input form; no weights are read.

        Raises:
            Unsupported: the folder cannot be used.
        """
        key = self._key(name)
        with self._reading:
            return self._encoders.of(key, lambda: self._encoder(name, key[0]))

    def _encoder(self, name: str, folder: Path) -> Encoder:
        info, config = self._usable(name), folders.configuration(folder)
        return encoder_of(
            tokenizer_of(folder),
            info.tasks,
            folders.family_of(config),
            info.max_length,
            config.get("decoder_start_token_id"),
            size_of(config, "vocabulary"),
        )

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
                if any(other[0] == key[0] for other in self._hosts):
                    self._drop(key[0])
                self._make_room(self._usable(name), keep)
                self._hosts[key] = self._loaded(name)
                self._unchanged(name, key)
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

    def _unchanged(self, name: str, key: Key) -> None:
        """See that a folder is still the one that was loaded.

        Raises:
            Unsupported: its files were changed meanwhile.
        """
        if self._key(name) != key:
            self._drop(key[0])
            way = "Wait until they are all there, and ask again."
            raise Unsupported(
                "files that stay as they are while they are read", "files that were changed", way, "model"
            )

    def loaded(self) -> tuple[ModelCard, ...]:
        """Cards of the loaded models, least recently used first."""
        with self._lock:
            return tuple(host.card for host in self._hosts.values())

    def unload(self, name: str) -> bool:
        """Drop a model; False if it was not loaded."""
        with self._lock:
            return self._drop(self.folder(name).resolve())

    def _drop(self, folder: Path) -> bool:
        """Forget the models loaded from a folder, with all that was read of it; whether there were any."""
        keys = [key for key in self._hosts if key[0] == folder]
        with self._reading:
            for known in (self._encoders, self._infos, self._hashes, self._identities):
                known.forget(folder)
        for key in keys:
            del self._hosts[key]
        if keys and self.device.type == "cuda":
            torch.cuda.empty_cache()
        return bool(keys)

    def _usable(self, name: str) -> ModelInfo:
        info = self.inspect(name)
        if info.problem:
            raise Unsupported("a model that can be loaded", f"'{info.slug}', which cannot be", info.problem, "model")
        return info

    def _make_room(self, info: ModelInfo, keep: Collection[ModelHost]) -> None:
        need = needed(info, self.dtype)
        check_budget(info, need, self.budget)
        while need + held({*self._hosts.values(), *keep}) > self.budget:
            idle = next((key for key, host in self._hosts.items() if host not in keep), None)
            if idle is None:
                break
            self._drop(idle[0])

    def _loaded(self, name: str) -> ModelHost:
        folder, info, encoder = self.folder(name), self._usable(name), self.encoder(name)
        config = config_of(folder)
        family = folders.family_of(config.to_dict())
        model = model_of(folder, encoder.tasks[0].loader, config, self.dtype)
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
            relevant_from=info.relevant_from,
            words=info.words,
            words_from=info.words_from,
            identity=self.identity(name),
            max_length=encoder.max_length,
            dtype=self.precision,
            device=str(self.device),
            parameters=sum(p.numel() for p in model.parameters()),
            bytes=sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers())),
            widths={},
            quality=about.get("quality", {}),
            in_domain=tuple(about.get("in_domain", ())),
        )
        return host_of(model.to(self.device), encoder, family, card)
