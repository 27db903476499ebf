"""A study's settings with one measure, and the lines that its curves are made of.

Axes: S settings, Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.interventions import Axis, Family
from app.domain.results import SettingRow
from app.figures import studies

Floats = NDArray[np.float64]
STYLES = {"global": "random over all layers", "bottom": "bottom", "small": "smallest magnitude"}


@dataclass(frozen=True)
class StudyTable:
    """A study's numbers: settings, and the measure [S, Q] with missing values as NaN."""

    rows: Sequence[SettingRow]
    values: Floats

    def family(self, name: str, axis: Axis = Axis.CURVE) -> list[SettingRow]:
        """Settings of a family on an axis."""
        return [row for row in self.rows if row.family == name and row.axis is axis]

    def mean(self, row: SettingRow) -> float:
        """Mean over the queries that have a value."""
        return float(np.nanmean(self.values[row.ordinal]))

    def like(self, target: SettingRow, family: str) -> list[SettingRow]:
        """Settings of a family that stand beside a tested one."""
        keys = ("axis", "count", "amount", "label")
        return [row for row in self.rows if row.family == family and all(row.about[k] == target.about[k] for k in keys)]


def name_of(row: SettingRow, names: Mapping[str, str]) -> str:
    """A set's name for people."""
    label = str(row.about.get("label", ""))
    return names.get(label, label)


def lines_of(table: StudyTable, names: Mapping[str, str], by: str, axis: Axis) -> list[studies.Line]:
    """Tested sets with their random bands over ``by`` (``count`` or ``amount``); on the curve also other controls."""
    targets = table.family(Family.TARGET, axis)
    lines = []
    for label in dict.fromkeys(row.label for row in targets):
        mine = [row for row in targets if row.label == label]
        points = tuple((row.about[by], table.mean(row)) for row in mine)
        beside = [(row.about[by], [table.mean(other) for other in table.like(row, Family.RANDOM)]) for row in mine]
        band = tuple((x, min(means), max(means)) for x, means in beside if means)
        lines.append(studies.Line(names.get(label, label), points))
        if band:
            middle = tuple((x, float(np.mean(means))) for x, means in beside if means)
            lines.append(studies.Line(f"{studies.MATCHED}{names.get(label, label)}", middle, band, "random"))
    return [*lines, *(_others(table, names, by) if axis is Axis.CURVE else [])]


def _others(table: StudyTable, names: Mapping[str, str], by: str) -> list[studies.Line]:
    """Controls: random over all layers, the ends of each ranking, and other rankings."""
    groups: dict[tuple[str, str], dict[Any, list[float]]] = {}
    for family in ("global", "bottom", "small", "control"):
        for row in table.family(family):
            key = (family, str(row.about.get("label", "")))
            groups.setdefault(key, {}).setdefault(row.about[by], []).append(table.mean(row))
    return [
        studies.Line(_control(family, label, names), _means(points), (), family)
        for (family, label), points in groups.items()
    ]


def _means(points: Mapping[Any, Sequence[float]]) -> tuple[tuple[Any, float], ...]:
    return tuple((x, float(np.mean(values))) for x, values in points.items())


def _control(family: str, label: str, names: Mapping[str, str]) -> str:
    if family == "control":
        return names.get(label, label)
    return STYLES[family] if family == "global" else f"{STYLES[family]} of {names.get(label, label)}"
