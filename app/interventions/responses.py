"""What the model answers under each setting (DESIGN section 2.6, A6).

Axes: S settings, C examples, Y outputs: the target's value, the relevance score (a logit or margin), the relevance
probability.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.examples import CONTENT_SEGMENTS
from app.domain.interventions import Op, Setting
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.interventions.edits import WORDS, Sources, chosen, compile_edits
from app.models.baselines import words
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.resume import Resume
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
    reuse: bool = True,
) -> NDArray[np.float64]:
    """[S, C, Y] answers for the examples of a batch.

    Settings ride together, at most ``rows`` rows a pass (one setting at least). With ``reuse``, what the blocks below
    the first edited one give is computed once for the batch and used by every setting that leaves them alone.
    """
    count = len(batch.examples)
    first = [_first(space, setting) for setting in settings]
    order = sorted(range(len(settings)), key=lambda number: (first[number], number))
    entries = _entries(host, batch, set(first)) if reuse and host.resumes else {}
    found = np.zeros((len(settings), count, len(OUTPUTS)))
    per_pass = max(1, rows // count)
    for start in range(0, len(order), per_pass):
        part = order[start : start + per_pass]
        wide = batch.take([*range(count)] * len(part))
        edits = compile_edits(space, [settings[number] for number in part], sources)
        trace = host.run(wide, target, edits=edits, resume=_resume(entries, first[part[0]], len(part)))
        score, probability = target.outcome(trace.logits)
        answers = torch.stack([trace.outputs, score, probability], dim=1).double().cpu().numpy()
        found[part] = answers.reshape(len(part), count, len(OUTPUTS))
    return found


def _first(space: NeuronSpace, setting: Setting) -> int:
    """The first block that a setting changes; 0 where the input itself is another one."""
    layers = (site.layer for site in chosen(space, setting))
    return 0 if setting.op is Op.INPUT else min(layers, default=0)


def _entries(host: ModelHost, batch: Batch, layers: set[int]) -> Mapping[int, Tensor]:
    """Block number to [C, T, D] what enters it, for the first edited blocks of some settings."""
    sites = {layer: Site(layer - 1, SiteKind.RESID) for layer in sorted(layers) if layer > 0}
    if not sites:
        return {}
    trace = host.run(batch, None, record=list(sites.values()))
    return {layer: trace.value(site) for layer, site in sites.items()}


def _resume(entries: Mapping[int, Tensor], layer: int, repeats: int) -> Resume | None:
    if layer not in entries:
        return None
    hidden = entries[layer]
    return Resume(layer, hidden.repeat(repeats, *(1,) * (hidden.dim() - 1)))


def sources_for(
    host: ModelHost,
    batch: Batch,
    settings: Sequence[Setting],
    space: NeuronSpace,
    baseline: str,
) -> Sources:
    """The replacement values that these settings need; one forward pass per kind of source.

    A mean is that of the example's own content tokens; the other example of RESAMPLE is the next one of the batch.
    """
    ops = {setting.op for setting in settings if setting.family != "base"}
    own = host.run(batch, None, record=space.sites) if ops & {Op.MEAN, Op.RESAMPLE, Op.INPUT} else None
    start = words(host, batch, baseline) if ops & {Op.BASELINE, Op.INPUT} else None
    means, restored, others, real = {}, {}, {}, {}
    if Op.MEAN in ops and own is not None:
        means = {site: _content_means(own.value(site), batch) for site in space.sites}
    if Op.RESAMPLE in ops and own is not None:
        others = {site: own.value(site).roll(-1, 0) for site in space.sites}
    if Op.INPUT in ops and own is not None:
        real = {site: own.value(site) for site in space.sites}
    if Op.BASELINE in ops and start is not None:
        trace = host.run(batch, None, record=space.sites, edits={WORDS: (lambda *_: start,)})
        restored = {site: trace.value(site) for site in space.sites}
    return Sources(means, restored, others, real, start)


def _content_means(value: Tensor, batch: Batch) -> Tensor:
    """[C, U, ...] means of [C, T, U, ...] over the tokens of the user's text; over the decoder's steps where it has
    none."""
    where = batch.where([s for s in batch.segments if s in CONTENT_SEGMENTS], value.shape[1])
    where = where if bool(where.any()) else batch.where(None, value.shape[1])
    return torch.stack([row[at].mean(0) for row, at in zip(value, where, strict=True)])
