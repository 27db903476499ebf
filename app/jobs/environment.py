"""What a run was computed with."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from app import __version__
from app.models.host import ModelHost

PACKAGES = ("torch", "transformers", "tokenizers", "numpy")


def revision() -> str:
    """The commit of a checkout, or the released version."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return f"release {__version__}"
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except OSError:
        return f"release {__version__}"
    return done.stdout.strip() or f"release {__version__}"


def environment(host: ModelHost) -> dict[str, Any]:
    """Versions, device, precision and code revision."""
    versions: dict[str, Any] = {"golgi": __version__, "code": revision(), "python": platform.python_version()}
    versions["platform"] = platform.platform(terse=True)
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    device = host.device
    device_name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return versions | {
        "device": f"{device} ({device_name})",
        "dtype": host.card.dtype,
        "threads": torch.get_num_threads(),
        "model_source": host.card.source,
        "model_revision": host.card.revision,
        "weights_hash": host.card.weights_hash,
    }
