"""How much memory a device has."""

from pathlib import Path

import torch


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
