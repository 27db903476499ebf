"""Activity at the last token of texts that begin alike (``docs/architecture.md`` section 4).

Axes: B texts, N neurons of a space.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.examples import Example
from app.domain.sites import NeuronSpace
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.start import Start


def last_activity(host: ModelHost, texts: Sequence[str], space: NeuronSpace, max_length: int) -> NDArray[np.float64]:
    """[B, N] values of the space's neurons at the last token of each text.

    What the texts have in common at their beginning runs once; the model must be a causal language model.
    """
    batch = host.encode([Example(str(at), text) for at, text in enumerate(texts)], max_length=max_length)
    shared = _shared(batch)
    if not shared:
        trace, at = host.run(batch, None, record=space.sites), batch.readout
    else:
        prefix = host.prefill(batch.take([0]), shared)
        start = Start(prefix=prefix, rows=(0,) * len(texts))
        trace, at = host.run(batch, None, record=space.sites, start=start), batch.readout - shared
    rows = list(range(len(texts)))
    values = [trace.value(site)[rows, at.tolist()].double().cpu().numpy() for site in space.sites]
    return np.concatenate(values, axis=1)


def _shared(batch: Batch) -> int:
    """How many tokens all rows begin with, at least one of each row left out."""
    ids, least = batch.inputs["input_ids"], int(batch.mask.sum(1).min()) - 1
    same = (ids == ids[:1]).all(0)[:least].tolist()
    return same.index(False) if False in same else least
