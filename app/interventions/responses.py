"""What the model answers under each setting (DESIGN section 2.6, A6).

Axes: S settings, Y outputs: the target's value, the relevance score (a logit or margin), the relevance probability.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.examples import CONTENT_SEGMENTS
from app.domain.interventions import Op, Setting
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.interventions.edits import Sources, compile_edits
from app.models.baselines import words
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target

OUTPUTS = ("target", "score", "probability")


def responses(
    host: ModelHost,
    batch: Batch,
    target: Target,
    settings: Sequence[Setting],
    space: NeuronSpace,
    sources: Sources,
    *,
    rows: int,
) -> NDArray[np.float64]:
    """[S, Y] answers for one example (a batch of one row), ``rows`` settings at a time."""
    parts = [
        _answers(host, batch, target, settings[start : start + rows], space, sources)
        for start in range(0, len(settings), rows)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(OUTPUTS)))


def _answers(
    host: ModelHost, batch: Batch, target: Target, settings: Sequence[Setting], space: NeuronSpace, sources: Sources
) -> NDArray[np.float64]:
    wide = batch.take([0] * len(settings))
    trace = host.run(wide, target, edits=compile_edits(space, settings, sources, wide))
    score, probability = target.outcome(trace.logits)
    return torch.stack([trace.outputs, score, probability], dim=1).double().cpu().numpy()


def sources_for(
    host: ModelHost, batch: Batch, settings: Sequence[Setting], space: NeuronSpace, baseline: str
) -> Sources:
    """The replacement values that these settings need, for one example; one forward pass per kind of source."""
    ops = {setting.op for setting in settings if setting.family != "base"}
    mean, restored = {}, {}
    if Op.MEAN in ops:
        trace = host.run(batch, None, record=space.sites)
        mean = {site: _content_mean(trace.value(site)[0], batch) for site in space.sites}
    if Op.BASELINE in ops:
        start = words(host, batch, baseline)
        trace = host.run(batch, None, record=space.sites, edits={Site(0, SiteKind.WORDS): (lambda value, _: start,)})
        restored = {site: trace.value(site)[0] for site in space.sites}
    return Sources(mean, restored)


def _content_mean(value: Tensor, batch: Batch) -> Tensor:
    """[U, ...] mean of [T, U, ...] over the tokens of the user's text; over the decoder's steps where it has none."""
    where = batch.where([s for s in batch.segments if s in CONTENT_SEGMENTS], len(value))[0]
    return value[where].mean(0) if bool(where.any()) else value.mean(0)
