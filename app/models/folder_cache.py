"""What was read of model folders, kept while their files stay as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from app.models.folders import Stamps

T = TypeVar("T")
Key = tuple[Path, Stamps]
"""A folder, resolved, and what its files look like."""


class FolderCache(Generic[T]):
    """One thing per folder: two folders of one name are two, and changed files are read anew."""

    def __init__(self) -> None:
        self._known: dict[Key, T] = {}

    def of(self, key: Key, make: Callable[[], T]) -> T:
        """The thing, made where it is not known; what was known of the folder's earlier files goes."""
        if key not in self._known:
            made = make()
            self.forget(key[0])
            self._known[key] = made
            return made
        return self._known[key]

    def forget(self, folder: Path) -> None:
        """Drop what is known of a folder."""
        for key in list(self._known):
            if key[0] == folder:
                self._known.pop(key, None)
