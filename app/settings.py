"""Settings, read from the environment (prefix ``GOLGI_``) or handed in by the command line."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/golgi``, else ``~/.local/share/golgi``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "golgi"


def default_models_dir() -> Path:
    """``models_cache`` beside the package in a checkout, else ``models`` in the data folder."""
    beside = CHECKOUT / "models_cache"
    return beside if beside.is_dir() else default_data_dir() / "models"


class Settings(BaseSettings):
    """Everything that can be set. Each field is described in the README's table."""

    model_config = SettingsConfigDict(env_prefix="GOLGI_", frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=default_data_dir, description="folder of the database")
    import_dir: Path | None = Field(
        None, description="folder whose datasets pages may import; imports in the data folder"
    )
    database_url: str = Field("", description="SQLAlchemy address; empty: SQLite in the data folder")
    models_dir: Path = Field(default_factory=default_models_dir, description="folder with one folder per model")
    aliases: dict[str, str] = Field({}, description="JSON object: short name to model folder or hub id")
    host: str = Field("127.0.0.1", description="address to listen on; others than loopback need a token")
    port: int = Field(8321, ge=1, le=65535, description="port to listen on")
    allowed_hosts: str = Field("", description="further names of this server in requests, with commas between them")
    trusted_proxies: str = Field(
        "127.0.0.1", description="addresses of proxies whose X-Forwarded headers are believed, with commas between them"
    )
    token: str = Field("", description="shared access token; needed when not on loopback")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    dtype: str = Field("auto", description="auto (float32), float32, float64, bfloat16 or float16")
    model_budget_gb: float = Field(0.0, ge=0, description="weights kept in memory together, in GB; 0: 60 % of all")
    preload: str = Field("golgi-demo-reranker", description="model that an idle worker loads at start; empty: none")
    offline: bool = Field(False, description="never ask the model hub")
    read_only: bool = Field(False, description="pages look but cannot start, change or delete anything")
    kept_pages_mb: int = Field(64, ge=0, description="memory for pages of finished runs, in MB; 0: each is built anew")
    root_path: str = Field("", description="path prefix behind a proxy, for example /golgi")
    lease_seconds: float = Field(15.0, gt=1, description="a job whose worker is silent this long is taken up again")

    @model_validator(mode="before")
    @classmethod
    def _models_beside_data(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Outside a checkout, models lie in the data folder that was given."""
        checkout = default_models_dir() == CHECKOUT / "models_cache"
        if checkout or "models_dir" in given or "data_dir" not in given:
            return given
        return {**given, "models_dir": Path(given["data_dir"]) / "models"}

    @property
    def imports(self) -> Path:
        """Folder whose datasets pages may import by path."""
        return self.import_dir or self.data_dir / "imports"

    @property
    def url(self) -> str:
        """Database address."""
        return self.database_url or f"sqlite:///{self.data_dir / 'golgi.sqlite3'}"
