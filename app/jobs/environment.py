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


def memory(device: torch.device) -> dict[str, int]:
    """Bytes in use and in all, on the device or on the machine."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return {"memory_used": total - free, "memory_total": total}
    known: dict[str, int] = {}
    path = Path("/proc/meminfo")
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            known[name] = int(rest.split()[0]) * 1024
    total = known.get("MemTotal", 0)
    return {"memory_used": total - known.get("MemAvailable", total), "memory_total": total}
