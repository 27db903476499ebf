"""What a reader left out or changed, and why: counted, and the first of them named."""

from collections import Counter
from dataclasses import dataclass, field

NAMED = 100


@dataclass(frozen=True)
class Note:
    """One reason.

    Args:
        what: files, lines, queries, passages, judgements or candidates.
        reason: why, in words.
        count: how many. names: the first hundred of them.
    """

    what: str
    reason: str
    count: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.names) else ""
        return f"{self.count:,} {self.what}: {self.reason} ({', '.join(self.names)}{more})"


@dataclass
class Notes:
    """Notes of one import; ``rows`` counts the rows read of each file."""

    rows: Counter[str] = field(default_factory=Counter)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    names: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, what: str, reason: str, *names: str, count: int | None = None) -> None:
        """Count ``names`` (or ``count`` of them, where not all are at hand) for a reason."""
        total = len(names) if count is None else count
        if not total:
            return
        self.counts[what, reason] += total
        kept = self.names.setdefault((what, reason), [])
        kept.extend(names[: NAMED - len(kept)])

    def told(self) -> tuple[Note, ...]:
        """Every reason, in the order of their first appearance."""
        return tuple(Note(*key, count, tuple(self.names[key])) for key, count in self.counts.items())
