"""Logits of classification heads, read where the row's answer is."""

from typing import Any

import torch
from torch import Tensor

from app.models.encoding import Batch


def classified(model: Any, batch: Batch) -> Tensor:
    """[B, C] logits of a classification head.

    Decoders have one that scores every token; the library takes the token before the first padding id, which a text may
    end with, so their read-out is ours.
    """
    if not hasattr(model, "score"):
        logits: Tensor = model(**batch.inputs).logits
        return logits
    hidden = model.base_model(**batch.inputs, use_cache=False).last_hidden_state
    rows = torch.arange(len(hidden), device=hidden.device)
    scored: Tensor = model.score(hidden[rows, batch.readout])
    return scored
