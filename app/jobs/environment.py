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
    found: dict[str, Any] = {"golgi": __version__, "code": revision(), "python": platform.python_version()}
    found["platform"] = platform.platform(terse=True)
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    device = host.device
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return found | {
        "device": f"{device} ({named})",
        "dtype": host.card.dtype,
        "threads": torch.get_num_threads(),
        "model_source": host.card.source,
        "model_revision": host.card.revision,
        "weights_hash": host.card.weights_hash,
    }
