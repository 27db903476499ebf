"""Kinds of runs, one package each."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.domain.errors import NotFound

if TYPE_CHECKING:
    from app.kinds.base import Kind


def kinds() -> "Mapping[str, Kind[Any, Any, Any]]":
    """Every kind by key: ``KIND`` of every package here, in the order of their names."""
    packages = [info.name for info in pkgutil.iter_modules(__path__) if info.ispkg]
    known = [importlib.import_module(f"{__name__}.{name}").KIND for name in packages]
    return {kind.key: kind for kind in known}


def kind_of(key: str) -> "Kind[Any, Any, Any]":
    """One kind.

    Raises:
        NotFound: there is none of that key.
    """
    known = kinds()
    if key not in known:
        raise NotFound(f"a kind of run among {', '.join(known)}", f"'{key}'", "Use a newer version of Golgi.", "kind")
    return known[key]
