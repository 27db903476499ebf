"""What was read of one wording of a query.

Axes: O proposed answers of a prompt, M members of a set.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.examples import Example
from app.models.host import ModelHost

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """What was read of one wording of a query.

    Args:
        wording: its number. right: number of the right option.
        texts: the options. shares: [O] the model's own probability of each, as the next token.
        options: [O, M] activity at the last token of each proposed answer. prompt: [M] at the prompt's last token.
        cut: rows whose beginning did not fit into the longest input.
    """

    wording: int
    right: int
    texts: tuple[str, ...]
    shares: tuple[float, ...]
    options: Floats
    prompt: Floats
    cut: int


def cut_rows(host: ModelHost, texts: Sequence[str], max_length: int) -> int:
    """How many texts lose their beginning."""
    seen = [host.seen(Example("0", text), max_length=max_length) for text in texts]
    return sum(one.cut_query > 0 for one in seen)
