"""An empty database, and questions to fill it with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.db import Database


@pytest.fixture
def db(empty_database: Path, tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'test.sqlite3')}")
    yield found
    found.close()
