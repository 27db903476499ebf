"""What kinds share: an explained input run, the method of a question, and the rows of scores."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import BaseModel

from app.analysis.layers import summarise
from app.domain.attributing import AttributeSettings, Sample
from app.domain.datasets import Dataset
from app.domain.errors import NotFound
from app.domain.explaining import BRANCHES, ExplainSettings
from app.domain.interventions import Setting
from app.domain.results import ArrayRow, Row, SettingRow, TopNeuron
from app.domain.scores import NeuronScores
from app.domain.sites import NeuronSpace
from app.domain.studying import Evaluation
from app.jobs.base import Inputs
from app.methods.base import Attribution, AttributionMethod, methods
from app.models.host import ModelHost

TOP_STORED = 2000


def explained(given: Inputs, role: str = "source") -> ExplainSettings:
    """Settings of the input run in a role."""
    return ExplainSettings.model_validate(given.runs[role].spec.settings)


def dataset_of(asked: Sample | Evaluation, given: Inputs) -> Dataset:
    """The stored dataset that a question names by its content.

    Raises:
        NotFound: it is not in this database.
    """
    found = given.data.by_hash(asked.dataset)
    if found is None:
        raise NotFound(
            f"the dataset '{asked.name}' in this database",
            f"none with the content {asked.dataset[:12]}",
            "Import it again, then resume the run.",
            "dataset",
        )
    return found


def method_of(settings: BaseModel) -> tuple[AttributionMethod, BaseModel]:
    """The method of a question and its settings."""
    assert isinstance(settings, (ExplainSettings, AttributeSettings))
    method = methods()[settings.method]
    return method, method.Params.model_validate(settings.params)


def space_of(settings: BaseModel, host: ModelHost) -> NeuronSpace:
    """The neurons that a question scores."""
    method, params = method_of(settings)
    assert isinstance(settings, (ExplainSettings, AttributeSettings))
    return settings.target.scored(method.space(host, params))


def joined(found: Sequence[Attribution]) -> Attribution:
    """One example's attribution; of the two branches of a pairwise target their sum, with each branch as one more part
    (``nig.md`` section 18-8). The rest is the first one's."""
    if len(found) == 1:
        return found[0]
    both = {site: [one.neurons[site] for one in found] for site in found[0].neurons}
    neurons = {site: np.concatenate([sum(values), *(one[:1] for one in values)]) for site, values in both.items()}
    return replace(found[0], parts=(*found[0].parts, *BRANCHES), neurons=neurons)


def score_facts(scores: NeuronScores) -> dict[str, Any]:
    """Numbers of the result by name."""
    summary = summarise(scores)
    return {
        "n": scores.n,
        "neurons": len(scores.space),
        "top_share": summary.top_share,
        "strongest_layer": summary.strongest_layer,
        "positive": summary.positive,
        "negative": summary.negative,
    }


def score_rows(scores: NeuronScores) -> Iterator[Row]:
    """Mean by part, standard error, positive share, and the ends of the ranking."""
    for site, where in scores.space.slices():
        place = (site.kind.value, site.layer, scores.n)
        for number, part in enumerate(scores.parts):
            yield ArrayRow("scores", "mean", part, *place, scores.mean[number, where])
        yield ArrayRow("scores", "se", "all", *place, scores.se[where])
        yield ArrayRow("scores", "positive", "all", *place, scores.positive[where])
    yield from _ends(scores, scores.space)


def _ends(scores: NeuronScores, space: NeuronSpace) -> Iterator[TopNeuron]:
    values = scores.of("all")
    for side, by in (("top", "signed"), ("bottom", "bottom")):
        for rank, flat in enumerate(scores.order("all", by)[:TOP_STORED], start=1):
            index = space.index(int(flat))
            yield TopNeuron("mean", side, rank, index.kind.value, index.layer, index.unit, float(values[flat]))


def described(settings: Sequence[Setting], space: NeuronSpace) -> Iterator[SettingRow]:
    """One row per setting, with its members."""
    for ordinal, setting in enumerate(settings):
        about = {
            "axis": setting.axis,
            "op": setting.op.value,
            "amount": setting.amount,
            "count": setting.count,
            "fraction": setting.count / len(space),
            "invert": setting.invert,
            "segments": setting.segments,
            "label": setting.label,
        }
        yield SettingRow(ordinal, setting.text, setting.family, setting.seed, about, setting.members)
