"""The database: one writer at a time, readers never wait for it, migrations on start."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url

MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


def now() -> datetime:
    """UTC without a zone, as stored."""
    return datetime.now(UTC).replace(tzinfo=None)


class Database:
    """Connections to one database.

    SQLite: write-ahead log, synchronous NORMAL, foreign keys on, busy timeout 5 s; writes begin immediately, so that
    two writers queue instead of failing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        address = make_url(url)
        self.sqlite = address.get_backend_name() == "sqlite"
        if self.sqlite and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(url)
        self._writing, self._held = threading.RLock(), threading.local()
        self._watch: sqlite3.Connection | None = None
        if self.sqlite:
            event.listen(self.engine, "connect", _pragmas)
            event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; within a transaction of this thread, what it has written so far is seen."""
        if (held := self._own) is not None:
            yield held
            return
        with self.engine.connect() as connection:
            yield connection

    @property
    def _own(self) -> Connection | None:
        """The connection of this thread's open transaction."""
        held: Connection | None = getattr(self._held, "connection", None)
        return held

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction for writing, committed at the end of the block, rolled back after an error; one within another
        of the same thread belongs to it."""
        if (held := self._own) is not None:
            yield held
            return
        with self._writing, self.engine.connect() as connection:
            marked = connection.execution_options(golgi_write=True)
            with marked.begin():
                self._held.connection = marked
                try:
                    yield marked
                finally:
                    self._held.connection = None

    def migrate(self, to: str = "head") -> None:
        """Bring the schema to the newest version (or up to the version ``to``).

        All in one write transaction: processes that start together go one after the other, and an upgrade that fails
        leaves the old schema.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._writing, self.engine.connect() as connection, self._rebuilding(connection):
            marked = connection.execution_options(golgi_write=True)
            with marked.begin():
                config.attributes["connection"] = marked
                command.upgrade(config, to)

    @contextmanager
    def _rebuilding(self, connection: Connection) -> Iterator[None]:
        """Patience for another process's upgrade, and no foreign keys: rebuilding a table must not empty others."""
        if not self.sqlite:
            yield
            return
        cursor = connection.connection.cursor()
        try:
            for pragma in ("busy_timeout=60000", "foreign_keys=OFF"):
                cursor.execute(f"PRAGMA {pragma}")
            yield
        finally:
            _set_pragmas(cursor)
            cursor.close()

    def version(self) -> int | None:
        """A number that changes after every commit, of this process or another one; None where the database has none.

        A connection of its own, which never writes, is told of all others' commits (``PRAGMA data_version``).
        """
        path = make_url(self.url).database
        if not self.sqlite or not path:
            return None
        if self._watch is None:
            self._watch = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close every connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self.engine.dispose()


def _pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _set_pragmas(cursor)
    cursor.close()


def _set_pragmas(cursor: Any) -> None:
    """Set every pragma; the change to a write-ahead log does not wait for another process, so it is tried again."""
    for pragma in PRAGMAS:
        for attempt in range(100):
            try:
                cursor.execute(f"PRAGMA {pragma}")
                break
            except sqlite3.OperationalError:
                if attempt == 99:
                    raise
                time.sleep(0.05)


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("golgi_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
