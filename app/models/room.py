"""How much room models take."""

from collections.abc import Collection

import torch

from app.domain.errors import OutOfMemory
from app.domain.model_card import ModelInfo
from app.models.host import ModelHost


def needed(info: ModelInfo, dtype: torch.dtype) -> int:
    """Bytes of a model's weights once it is loaded."""
    return info.memory_bytes // 4 * (torch.finfo(dtype).bits // 8)


def held(hosts: Collection[ModelHost]) -> int:
    """Bytes of the weights of some loaded models together."""
    return sum(host.card.bytes for host in hosts)


def check_budget(info: ModelInfo, need: int, budget: int) -> None:
    """See that a model alone has room.

    Raises:
        OutOfMemory: it is larger than the budget, both in bytes.
    """
    if need > budget:
        raise OutOfMemory(
            f"a model of at most {budget / 1e9:.1f} GB",
            f"{info.slug} with {need / 1e9:.1f} GB",
            "Raise GOLGI_MODEL_BUDGET_GB, or choose a smaller model.",
            "model",
        )
