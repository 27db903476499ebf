"""Which tests ``make quick`` leaves out."""

from pathlib import Path

TESTS = Path(__file__).parent
SLOW = (
    "browser",
    "contracts/test_packaging.py",
    "contracts/test_recipes.py",
    "demo",
    "jobs/test_between.py",
    "jobs/test_preload.py",
    "jobs/test_worker.py",
    "jobs/test_worker_stops.py",
    "models/test_broken_folders.py",
    "models/test_getting.py",
    "models/test_patching.py",
    "services/test_bundles.py",
    "services/test_notebooks.py",
    "store/test_migrations.py",
    "web",
)
"""Folders and files of tests that start processes, whole instances or the demo model."""


def is_slow(path: Path) -> bool:
    """Whether the tests of a file belong to them."""
    return any(path.is_relative_to(TESTS / name) for name in SLOW)
