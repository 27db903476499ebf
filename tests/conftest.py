"""What every test shares: no network, one thread per test process, tiny models, a wired instance."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["GOLGI_ALLOWED_HOSTS"] = "testserver"
sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch
from slow import is_slow
from tiny import save_tiny, tiny_host
from transformers.utils.logging import disable_progress_bar

from app.main import Golgi, build
from app.models.host import ModelHost
from app.settings import Settings
from app.store.db import Database

torch.set_num_threads(1)
disable_progress_bar()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, before tests are chosen by their marks."""
    for item in items:
        if is_slow(item.path):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def bert() -> ModelHost:
    """A tiny random one-logit BERT in float64."""
    return tiny_host("BERT")


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with tiny rankers of one and two logits, and a model of every other way of reading."""
    root = tmp_path_factory.mktemp("models")
    save_tiny(root / "tiny-bert")
    save_tiny(root / "tiny-two", labels=2)
    save_tiny(root / "tiny-t5", "T5")
    save_tiny(root / "tiny-gpt2", "GPT-2")
    save_tiny(root / "tiny-mlm", task="masked")
    save_tiny(root / "tiny-text", labels=3, task="text")
    save_tiny(root / "tiny-qa", task="span")
    return root


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty database of the newest version. Copy it; to migrate anew takes ten times as long."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    made = Database(f"sqlite:///{path}")
    made.migrate()
    made.close()
    return path


@pytest.fixture
def golgi(models_dir: Path, empty_database: Path, tmp_path: Path) -> Iterator[Golgi]:
    """A wired instance on an empty database; its worker is not running, call ``worker.run_once()``."""
    shutil.copy(empty_database, tmp_path / "golgi.sqlite3")
    found = build(Settings(data_dir=tmp_path, models_dir=models_dir, offline=True, device="cpu"), recorded=None)
    yield found
    found.db.close()
