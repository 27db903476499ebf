"""How fast a model was on this machine, by all of its runs here.

A row pass with gradients costs about three forward passes (``Ask.weight``); where no run of the same kind and method
was timed, those of others tell the time roughly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.runs import Run


@dataclass(frozen=True)
class Timed:
    """A finished run that was computed here, and the row passes that it took."""

    run: Run
    rows: int

    @property
    def method(self) -> str:
        """The key of its method; empty for kinds without one."""
        return str(self.run.spec.settings.get("method", ""))

    @property
    def device(self) -> str:
        """Where it ran."""
        return str(self.run.environment.get("device", ""))


@dataclass(frozen=True)
class Speed:
    """Seconds of one row pass. ``runs`` are those that tell it, the newest first; ``alike`` whether they are of the
    same kind and method; ``device`` is where they ran."""

    seconds: float
    runs: tuple[int, ...]
    alike: bool
    device: str

    @property
    def words(self) -> str:
        """What it goes by."""
        last = f"run {self.runs[0]}"
        counted = last if len(self.runs) == 1 else f"{len(self.runs)} runs of this model, the last one {last}"
        return counted if self.alike else f"{counted}, of another kind or method: roughly"


def speed_of(timed: Sequence[Timed], weight: Callable[[str], float], kind: str, method: str = "") -> Speed | None:
    """The speed of a model for a kind of run with a method; None where nothing of it was timed.

    Args:
        timed: its runs, the newest first; those on another device than the newest one are left out.
        weight: of a row pass of a kind, in forward passes.
        kind, method: what is asked; runs of both tell it, else those of the method, else all.
    """
    here = [one for one in timed if one.device == timed[0].device]
    same = [one for one in here if one.run.spec.kind == kind and one.method == method]
    told = same or [one for one in here if method and one.method == method] or here
    passes = sum(one.rows * weight(one.run.spec.kind) for one in told)
    if not passes:
        return None
    seconds = sum(one.run.seconds or 0.0 for one in told) / passes * weight(kind)
    return Speed(seconds, tuple(one.run.id for one in told), bool(same), told[0].device)
