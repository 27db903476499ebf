"""Members of a set with what runs tell of each: the tokens that it writes, and what it does in texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.read_outs import ReadOut
from app.domain.runs import Run
from app.domain.sites import NeuronIndex
from app.kinds import kinds
from app.kinds.firing import Firing
from app.services.neuron_view import LATEST, Told


@dataclass(frozen=True)
class MemberLine:
    """One member: its read-out and what it does in texts, each by the newest run; None where none tells."""

    id: str
    read: ReadOut | None
    firing: Firing | None


@dataclass(frozen=True)
class MembersView:
    """Members in order; ``runs`` are those that tell something, ``told`` whether one of them does."""

    lines: tuple[MemberLine, ...]
    runs: tuple[int, ...]

    @property
    def told(self) -> bool:
        """Whether any run tells anything."""
        return bool(self.runs)

    @property
    def read(self) -> bool:
        """Whether one of them was read as tokens."""
        return any(line.read is not None for line in self.lines)

    @property
    def judged(self) -> bool:
        """Whether one of them was looked at in judged texts."""
        return any(line.firing is not None and line.firing.auroc for line in self.lines)


def members(ids: Sequence[str], runs: Mapping[str, Sequence[Run]], pages: Told) -> MembersView:
    """What the newest runs tell of each member.

    Args:
        ids: of the members. runs: kind to its runs of the same weights, the newest first. pages: tell of runs.
    """
    indices = [NeuronIndex.parse(text) for text in ids]
    reads: dict[NeuronIndex, ReadOut] = {}
    fired: dict[NeuronIndex, Firing] = {}
    for run in _asked(runs):
        report = pages.report(run.id)
        for index in indices:
            if index not in reads and (read := report.read_outs(index).get("without")) is not None:
                reads[index] = read
            if index not in fired and (one := report.firing(index, texts=False)) is not None:
                fired[index] = one
    lines = tuple(MemberLine(str(index), reads.get(index), fired.get(index)) for index in indices)
    told = {read.run for read in reads.values()} | {one.run for one in fired.values()}
    return MembersView(lines, tuple(sorted(told)))


def _asked(runs: Mapping[str, Sequence[Run]]) -> Iterable[Run]:
    """The newest runs of every kind that tells of single neurons."""
    for kind in kinds().values():
        if "neurons" in kind.gives:
            yield from runs.get(kind.key, ())[:LATEST]
