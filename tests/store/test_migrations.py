"""Upgrades: old rows stay, an upgrade that fails changes nothing, processes that start together do not collide."""

import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from app.domain.results import ItemRow
from app.domain.runs import RunSpec
from app.store import db as database
from app.store.db import Database
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.runs import Runs
from app.store.tables import metadata
from app.store.tables import run as runs

REBUILD = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None


def upgrade():
    with op.batch_alter_table("run", recreate="always") as batch:
        batch.alter_column("note", new_column_name="remark")
    {then}
"""


def spec() -> RunSpec:
    return RunSpec(kind="explain", version=1, model="m", weights_hash="w", settings={"query": "x"})


def stored(title: str) -> dict[str, Any]:
    """A row of the first version's table of runs."""
    told = spec()
    row = {"fingerprint": told.fingerprint, "kind": told.kind, "model": "m", "method": "", "weights_hash": "w"}
    row |= {"spec": told.model_dump(mode="json"), "title": title, "note": "", "text": "", "state": "done"}
    row |= {"created": datetime(2026, 1, 1), "environment": {}, "plan": {}, "facts": {}, "warnings": []}
    return row | {"recorded": False, "pinned": False, "deleted": False}


def version(db: Database) -> str | None:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def with_upgrade(monkeypatch: pytest.MonkeyPatch, folder: Path, head: str, then: str) -> None:
    shutil.copytree(database.MIGRATIONS, folder)
    (folder / "versions" / "9999_rebuild.py").write_text(REBUILD.format(head=head, then=then))
    monkeypatch.setattr(database, "MIGRATIONS", folder)


def test_the_first_version_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    db.migrate("0001")
    with db.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO job (what, lane, state, payload, progress, created, log) VALUES "
            "('load', 'batch', 'waiting', '{\"model\": \"m\"}', '{}', '2026-01-01 00:00:00.000000', '[]')"
        )
        connection.execute(runs.insert().values(**stored("kept")))
    db.migrate()
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    kept = Runs(db).get(1)
    assert kept.title == "kept" and kept.imported is None
    assert Jobs(db).claim("w", 60).payload == {"model": "m"}
    db.close()


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    Results(db).write(run.id, [ItemRow(0, "explain", [], {})])
    with_upgrade(monkeypatch, tmp_path / "more", version(db), "pass")
    db.migrate()
    assert version(db) == "9999"
    assert len(Results(db).items(run.id)) == 1
    with db.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1, "on again after the upgrade"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_an_upgrade_that_fails_leaves_the_old_schema(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = Runs(db).create(spec(), "t", "x")
    before = version(db)
    with_upgrade(monkeypatch, tmp_path / "more", before, "raise RuntimeError('half way')")
    with pytest.raises(RuntimeError, match="half way"):
        db.migrate()
    assert version(db) == before and Runs(db).get(run.id).note == ""


def test_processes_that_start_together_do_not_collide(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[3]); from app.store.db import Database; "
        "db = Database(sys.argv[1]); time.sleep(max(0, float(sys.argv[2]) - time.time())); db.migrate()"
    )
    root = str(Path(__file__).resolve().parents[2])
    together = [sys.executable, "-c", code, url, str(time.time() + 2.5), root]
    children = [subprocess.Popen(together, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [child.communicate(timeout=60)[1] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], said
    db = Database(url)
    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(metadata.tables["run"])).scalar() == 0
    db.close()
