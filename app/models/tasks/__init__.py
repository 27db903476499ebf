"""The ways in which a model can be read, one file each."""

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from functools import cache

from app.models.architectures.base import Architecture
from app.models.tasks.base import Task


@cache
def tasks() -> Mapping[str, Task]:
    """Every way by key, found by walking the package; where several fit a head, the earlier one is the default."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    known: list[Task] = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {task.key: task for task in sorted(known, key=lambda task: (task.order, task.key))}


def readings(family: Architecture) -> tuple[Task, ...]:
    """The ways in which models of a family can be read: the library has the head, and the blocks can carry it."""
    config = type(family.tiny(1, 100))
    fitting = (task for task in tasks().values() if family.shape in task.shapes)
    return tuple(task for task in fitting if config in task.loader._model_mapping)


def task_for(keys: Collection[str], form: str) -> Task | None:
    """The first of some ways (keys, the default first) that takes an input form: ``pair`` or ``prompt``."""
    return next((task for key in keys if (task := tasks()[key]).form == form), None)
