"""Declarations of model families: where each site lives."""

import importlib
import pkgutil
from functools import cache

from app.models.architectures.base import Architecture


@cache
def architectures() -> tuple[Architecture, ...]:
    """Every declared family, found by walking the package."""
    families: list[Architecture] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        families += getattr(module, "ARCHITECTURES", ())
    return tuple(families)


def claim(model_type: str) -> Architecture | None:
    """The family that serves a ``config.model_type``, or None."""
    return next((family for family in architectures() if model_type in family.claims), None)
