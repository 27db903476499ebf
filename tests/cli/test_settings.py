"""Settings: prefix, and folders that follow each other."""

from pathlib import Path

import pytest

from app import settings
from app.settings import Settings


def test_environment_and_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOLGI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GOLGI_PORT", "9000")
    found = Settings(port=9001)
    assert found.data_dir == tmp_path and found.port == 9001
    assert found.url == f"sqlite:///{tmp_path / 'golgi.sqlite3'}"
    assert found.models_dir == settings.CHECKOUT / "models_cache"
    assert Settings(database_url="sqlite://").url == "sqlite://"


def test_outside_a_checkout_models_lie_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "CHECKOUT", tmp_path / "site-packages")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert Settings().models_dir == tmp_path / "xdg" / "golgi" / "models"
    monkeypatch.setenv("GOLGI_DATA_DIR", str(tmp_path / "data"))
    assert Settings().models_dir == tmp_path / "data" / "models"
    monkeypatch.setenv("GOLGI_MODELS_DIR", str(tmp_path / "weights"))
    assert Settings().models_dir == tmp_path / "weights"
    assert Settings(models_dir=tmp_path).models_dir == tmp_path


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
