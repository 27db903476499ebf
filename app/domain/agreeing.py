"""Whether the rows of a bundle agree with each other and with their run, before any of them is stored."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.bundles import ROWS, RUN, BundledRun, fault
from app.domain.results import ArrayRow, ItemRow, ResponseRow, Row, SettingRow, TopNeuron
from app.domain.runs import RunState
from app.domain.sites import SiteKind

Placed = tuple[str, Row]
OVER_ALL = ("se", "positive")
"""Scores that are stored for the part ``all`` alone."""


def check(run: BundledRun, placed: Iterable[Placed], *, ranks: bool, answers: bool) -> list[Row]:
    """The rows of a bundle, none twice, none that tells of something that is not there, and none missing.

    Args:
        run: the run. placed: where each row stands, and the row.
        ranks: whether its kind ranks neurons. answers: whether it stores answers under settings.

    Raises:
        BadInput: by file, line and field.
    """
    rows = _Rows(run)
    for where, row in placed:
        rows.add(where, row)
    rows.check_scores()
    rows.check_ends()
    rows.check_items()
    rows.check_settings()
    if run.state is RunState.DONE:
        rows.check_whole(ranks, answers)
    return rows.all


class _Rows:
    """Rows by what they are; a row of the same key twice is refused at once."""

    def __init__(self, run: BundledRun) -> None:
        self.run, self.all, self.keys = run, list[Row](), set[tuple[Any, ...]]()
        self.arrays: dict[str, list[tuple[str, ArrayRow]]] = defaultdict(list)
        self.ends: list[tuple[str, TopNeuron]] = []
        self.items: list[tuple[str, ItemRow]] = []
        self.settings: list[tuple[str, SettingRow]] = []
        self.responses: list[tuple[str, ResponseRow]] = []
        self.neurons = self._number("plan", "neurons") or self._number("facts", "neurons")
        pairs = run.plan.get("pairs")
        if pairs is not None and not isinstance(pairs, list):
            raise fault(f"{RUN}, field plan.pairs", "a list", pairs)
        self.inputs = max(self._number("plan", "items") or 0, len(pairs or ()))
        self.prompts = max(self.inputs, self._number("plan", "prompts") or 0)
        if "items" not in run.plan and (run.state is RunState.DONE):
            raise fault(f"{RUN}, field plan.items", "how many inputs were planned", "nothing")

    def _number(self, field: str, name: str) -> int | None:
        value = getattr(self.run, field).get(name)
        if value is not None and (type(value) is not int or value < 0):
            raise fault(f"{RUN}, field {field}.{name}", "a whole number from 0", value)
        return value

    def add(self, where: str, row: Row) -> None:
        """Keep a row."""
        kept: dict[type, list[Any]] = {TopNeuron: self.ends, ItemRow: self.items}
        kept |= {SettingRow: self.settings, ResponseRow: self.responses}
        key: tuple[Any, ...]
        if isinstance(row, ArrayRow):
            key = (row.group, row.name, row.part, row.kind, row.layer)
            self.arrays[row.group].append((where, row))
        else:
            names = {TopNeuron: ("side", "rank"), ItemRow: ("item", "label"), SettingRow: ("ordinal",)}
            key = tuple(getattr(row, name) for name in names.get(type(row), ("ordinal", "first_item")))
            kept[type(row)].append((where, row))
        if (type(row), key) in self.keys:
            raise fault(where, "a row that is not there yet", f"{type(row).__name__} {', '.join(map(str, key))} again")
        self.keys.add((type(row), key))
        self.all.append(row)

    def check_scores(self) -> None:
        """Every part has every site of part ``all``, as wide as there, over as many inputs; so have folds."""
        rows = self.arrays["scores"]
        self.all_parts = {(row.kind, row.layer): row for _, row in rows if (row.name, row.part) == ("mean", "all")}
        parts = self.run.plan.get("parts")
        sites: dict[tuple[str, str], int] = defaultdict(int)
        for where, row in (*rows, *self.arrays["folds"]):
            self._check_site(where, row)
            if row.group == "scores":
                self._check_name(where, row, parts)
            sites[row.group + row.name, row.part] += 1
        if wrong := [key for key, count in sites.items() if count != len(self.all_parts)]:
            found = f"{sites[wrong[0]]} of {' '.join(wrong[0])}"
            raise fault(ROWS, f"{len(self.all_parts)} places, as part all has", found)
        total = sum(len(row.values) for row in self.all_parts.values())
        if rows and self.neurons is not None and total != self.neurons:
            raise fault(ROWS, f"scores of {self.neurons} neurons, as {RUN} tells", total)

    def _check_site(self, where: str, row: ArrayRow) -> None:
        known = self.all_parts.get((row.kind, row.layer))
        if row.kind not in set(SiteKind):
            raise fault(f"{where}, field kind", f"one of {', '.join(SiteKind)}", f"'{row.kind}'")
        if known is None:
            raise fault(where, "a place that part all scores", f"{row.kind}@{row.layer}")
        if len(row.values) != len(known.values) or not len(row.values):
            raise fault(f"{where}, field values", f"{len(known.values)} values, as in part all", len(row.values))

    def _check_name(self, where: str, row: ArrayRow, parts: Any) -> None:
        first = next(iter(self.all_parts.values()))
        if row.name not in ("mean", *OVER_ALL) or (row.name in OVER_ALL and row.part != "all"):
            raise fault(f"{where}, field name", "mean; se or positive of part all", f"{row.name} of {row.part}")
        if isinstance(parts, list) and row.part not in parts:
            raise fault(f"{where}, field part", f"a part that {RUN} plans: {', '.join(map(str, parts))}", row.part)
        if row.n != first.n:
            raise fault(f"{where}, field n", f"{first.n} inputs, as in part all", row.n)

    def check_ends(self) -> None:
        """Ends of the ranking count from 1, and name neurons that are scored, with their score."""
        for side in ("top", "bottom"):
            ranks = sorted(row.rank for _, row in self.ends if row.side == side)
            if ranks != list(range(1, len(ranks) + 1)):
                raise fault(
                    f"{ROWS}, field rank", f"ranks of side {side} from 1 on", f"{len(ranks)}, up to {ranks[-1]}"
                )
        for where, row in self.ends:
            scored = self.all_parts.get((row.kind, row.layer))
            if scored is None or row.unit >= len(scored.values):
                raise fault(where, "a neuron that is scored", f"L{row.layer}.{row.kind}.{row.unit}")
            value = float(scored.values[row.unit])
            if not math.isclose(row.score, value, rel_tol=1e-4, abs_tol=1e-9):
                raise fault(f"{where}, field score", f"{value:g}, as the scores have it", f"{row.score:g}")

    def check_items(self) -> None:
        """Inputs that the run planned, or their prompts, where an input has several."""
        for where, row in self.items:
            if row.item >= self.prompts:
                raise fault(f"{where}, field item", f"an input that {RUN} plans, below {self.prompts}", row.item)

    def check_settings(self) -> None:
        """Settings count from 0 and edit neurons of the model; answers are of settings and inputs that are there."""
        ordinals = sorted(row.ordinal for _, row in self.settings)
        if ordinals != list(range(len(ordinals))):
            raise fault(f"{ROWS}, field ordinal", "settings from 0 on", f"{len(ordinals)}, up to {ordinals[-1]}")
        for where, setting in self.settings:
            self._check_members(where, setting.members, setting)
        outputs = self.run.facts.get("outputs")
        seen: dict[int, set[int]] = defaultdict(set)
        for where, row in self.responses:
            if row.ordinal >= len(ordinals):
                raise fault(f"{where}, field ordinal", f"a setting below {len(ordinals)}", row.ordinal)
            if isinstance(outputs, list) and row.values.shape[1] != len(outputs):
                raise fault(f"{where}, field values", f"{len(outputs)} outputs, as in {RUN}", row.values.shape[1])
            items = set(range(row.first_item, row.first_item + len(row.values)))
            if not items or max(items) >= self.inputs:
                raise fault(
                    where, f"answers of the {self.inputs} planned inputs", f"{len(items)} from {row.first_item}"
                )
            if seen[row.ordinal] & items:
                raise fault(where, "answers of inputs that have none yet", f"{row.first_item} again")
            seen[row.ordinal] |= items
        self.answered = seen

    def _check_members(self, where: str, members: NDArray[np.int64], setting: SettingRow) -> None:
        most = self.neurons
        if most is None and len(members):
            raise fault(f"{RUN}, field plan.neurons", "how many neurons there are", "nothing")
        if len(members) and (members.min() < 0 or members.max() >= (most or 0)):
            raise fault(f"{where}, field members", f"neurons from 0 to {(most or 0) - 1}", f"{members.max()}")
        if len(np.unique(members)) != len(members):
            raise fault(f"{where}, field members", "each neuron once", "one of them twice")
        edited = (most or 0) - len(members) if setting.about.get("invert") else len(members)
        if setting.count != edited:
            raise fault(f"{where}, field about.count", f"{edited}, as many as are edited", setting.count)

    def check_whole(self, ranks: bool, answers: bool) -> None:
        """A finished run has all that its kind stores."""
        n = self._number("facts", "n")
        if n is None and not (ranks or answers):
            return
        if n is None:
            raise fault(f"{RUN}, field facts.n", "how many inputs were finished", "nothing")
        if ranks and n and not (self.all_parts and self.ends):
            raise fault(ROWS, "the scores of a finished ranking and its ends", f"{len(self.all_parts)} places")
        if ranks and n:
            self._check_ranking(n)
        if answers:
            self._check_answers(n)

    def _check_ranking(self, n: int) -> None:
        names = {(row.name, row.part) for _, row in self.arrays["scores"]}
        parts = self.run.plan.get("parts")
        wanted = {("mean", part) for part in parts} if isinstance(parts, list) else set()
        wanted |= {(name, "all") for name in OVER_ALL}
        missing = sorted(wanted - names)
        if missing:
            raise fault(ROWS, "the scores of every planned part", f"none of {' '.join(map(str, missing[0]))}")
        scored = next(iter(self.all_parts.values())).n
        if scored != n:
            raise fault(f"{RUN}, field facts.n", f"{scored}, as many as the scores are of", n)
        self._check_every_input()

    def _check_every_input(self) -> None:
        """Rows of each label from the first input on; of one label for each input, or each of its prompts."""
        items: dict[str, list[int]] = defaultdict(list)
        for _, row in self.items:
            items[row.label].append(row.item)
        for found in items.values():
            if sorted(found) != list(range(len(found))):
                raise fault(ROWS, f"a row for each of the {self.inputs} inputs", f"{len(found)} rows")
        if max(map(len, items.values()), default=0) != self.prompts:
            raise fault(ROWS, f"a row for each of the {self.prompts} inputs", f"{sum(map(len, items.values()))} rows")

    def _check_answers(self, n: int) -> None:
        planned = self._number("plan", "settings")
        if not self.settings or (planned is not None and len(self.settings) != planned):
            raise fault(ROWS, f"{planned or 'some'} settings, as {RUN} plans", len(self.settings))
        short = [row.ordinal for _, row in self.settings if self.answered[row.ordinal] != self.answered[0]]
        if short or not self.answered[0]:
            where = f"{ROWS}, setting {short[0] if short else 0}"
            raise fault(where, f"answers for the same {len(self.answered[0])} inputs as setting 0", "others")
        for where, row in self.arrays["metric"]:
            if row.n != n or len(row.values) != len(self.settings) * n:
                wanted = f"{len(self.settings)} settings of {n} queries"
                raise fault(f"{where}, field values", wanted, f"{len(row.values)} values of {row.n} queries")
        measures = self.run.facts.get("measures")
        told = {row.name for _, row in self.arrays["metric"]}
        if isinstance(measures, list) and set(measures) != told:
            raise fault(ROWS, f"the measures of {RUN}: {', '.join(map(str, measures))}", ", ".join(sorted(told)))
