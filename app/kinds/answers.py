"""What kinds share that test settings: how a setting is stored, the table of its answers, and a tested set beside its
random sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.uncertainty import Effect
from app.domain.interventions import Setting
from app.domain.results import SettingRow
from app.domain.runs import Run
from app.domain.sites import NeuronSpace
from app.domain.targets import OUTPUTS
from app.kinds.reporting import Table
from app.store.results import Results

TOKENS_PER_PASS = {"cpu": 2048, "cuda": 65536}
ABOUT = ("count", "op", "amount")


@dataclass(frozen=True)
class Comparison:
    """A tested set at one size on the chosen measure.

    Args:
        ordinal: of its setting. name, count, fraction: the set and its size.
        value: mean of the measure. intact: against the intact model.
        random: against the mean of its matched random sets; None without any.
        low, high: range of the random sets' means. z: distance from their mean in standard deviations.
        inside: whether the set's mean lies in that range.
    """

    ordinal: int
    name: str
    count: int
    fraction: float
    value: float
    intact: Effect
    random: Effect | None
    low: float
    high: float
    z: float | None
    inside: bool


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


def table_of(run: Run, results: Results) -> Table:
    """An answer a row: the setting, of lists also set, query, passage and grade, and the outputs."""
    outputs = tuple(run.facts.get("outputs", OUTPUTS))
    pairs = run.plan.get("pairs") or []
    more = ("set", "query", "passage", "grade") if pairs else ()

    def rows() -> Iterator[tuple[Any, ...]]:
        answers = results.responses(run.id)
        for row in results.settings(run.id):
            head = (row.text, row.about["axis"], row.family, row.seed, *(row.about[name] for name in ABOUT))
            for item, values in sorted(answers.get(row.ordinal, {}).items()):
                listed = (row.about.get("label", ""), *pairs[item]) if pairs else ()
                yield (*head, *listed, item, *map(float, values))

    return Table(("setting", "axis", "family", "seed", *ABOUT, *more, "item", *outputs), rows)
