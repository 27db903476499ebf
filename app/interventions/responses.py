"""What the model answers under each setting (``docs/architecture.md`` section 4).

Axes: N cells (an example under a setting), C examples, S settings, Y outputs of the target.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain.examples import CONTENT_SEGMENTS
from app.domain.interventions import Op, Setting
from app.domain.positions import ALL_TOKENS, Positions
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.interventions.edits import WORDS, Cell, Sources, compile_edits, first_layer
from app.models.baselines import words
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.start import Prefix, Start
from app.models.targets import Target


def responses(
    host: ModelHost,
    batch: Batch,
    target: Target,
    cells: Sequence[Cell],
    space: NeuronSpace,
    sources: Sources,
    *,
    rows: int,
    reuse: bool = True,
    prefix: Prefix | None = None,
) -> NDArray[np.float64]:
    """[N, Y] answers, one per cell; columns are the target's names.

    Cells ride together, at most ``rows`` a pass (what shares one target value always does). With ``reuse``, what the
    blocks below the first edited one give is computed once for the batch and used by every cell that leaves them alone.
    Cells that have one target value together stand beside each other, under the same setting. With a ``prefix`` of the
    batch's rows only the tokens behind it run: settings must not edit those before.
    """
    distinct = {id(cell.setting): cell.setting for cell in cells}
    layers = {key: first_layer(space, setting) for key, setting in distinct.items()}
    first = [layers[id(cell.setting)] for cell in cells]
    order = sorted(range(len(cells)), key=lambda number: (first[number], number))
    entries = _entries(host, batch, set(first), prefix) if reuse and host.resumes else {}
    answers = np.zeros((len(cells), len(target.names)))
    per_pass = max(1, rows // target.rows) * target.rows
    for start in range(0, len(order), per_pass):
        part = order[start : start + per_pass]
        examples = [cells[number].example for number in part]
        edits = compile_edits(space, [cells[number] for number in part], sources)
        begin = _begin(entries, first[part[0]], examples, prefix)
        trace = host.run(batch.take(examples), target, edits=edits, start=begin)
        answers[part] = trace.outputs.double().cpu().numpy()
    return answers


def grid(settings: Sequence[Setting], examples: int) -> list[Cell]:
    """Every example under every setting, setting by setting; answers [S * C, Y] reshape to [S, C, Y]."""
    return [Cell(example, setting) for setting in settings for example in range(examples)]


def _entries(host: ModelHost, batch: Batch, layers: set[int], prefix: Prefix | None) -> Mapping[int, Tensor]:
    """Block number to [C, T, D] what enters it, for the first edited blocks of some settings."""
    sites = {layer: Site(layer - 1, SiteKind.RESID) for layer in sorted(layers) if layer > 0}
    if not sites:
        return {}
    trace = host.run(batch, None, record=list(sites.values()), start=Start(prefix=prefix))
    return {layer: trace.value(site) for layer, site in sites.items()}


def _begin(entries: Mapping[int, Tensor], layer: int, examples: Sequence[int], prefix: Prefix | None) -> Start:
    behind = () if prefix is None else tuple(examples)
    if layer not in entries:
        return Start(prefix=prefix, rows=behind)
    return Start(layer, entries[layer][list(examples)], prefix, behind)


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
    means: dict[Site, Tensor] = {}
    restored, others, real = dict(means), dict(means), dict(means)
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
    content = tuple(part for part in batch.segments if part in CONTENT_SEGMENTS)
    where = batch.where(Positions(content), value.shape[1])
    if not bool(where.any()):
        where = batch.where(ALL_TOKENS, value.shape[1])
    return torch.stack([row[at].mean(0) for row, at in zip(value, where, strict=True)])
