"""What every test shares: no network, one thread per test process, tiny models."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch
from tiny import save_tiny, tiny_host

from app.models.host import ModelHost

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def bert() -> ModelHost:
    """A tiny random one-logit BERT in float64."""
    return tiny_host("BERT")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a model folder below a models root."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-bert")
