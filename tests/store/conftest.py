"""An empty database, and questions to fill it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.db import Database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    found.migrate()
    yield found
    found.close()
