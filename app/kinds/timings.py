"""How fast a model was on this machine, by all of its runs here.

A row pass with gradients costs about three forward passes (``Ask.weight``); where no run of the same kind and method
was timed, those of others tell the time roughly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.domain.runs import Timed

FEW = 4
"""Row passes below which a run of another kind tells no speed: what comes before them takes longer."""


@dataclass(frozen=True)
class Speed:
    """Seconds of one row pass. ``runs`` are those that tell it, the newest first; ``alike`` whether they are of the
    same kind and method; ``device`` is where they ran; ``rough`` how it was made where they are of another model."""

    seconds: float
    runs: tuple[int, ...]
    alike: bool
    device: str
    rough: str = ""

    @property
    def words(self) -> str:
        """What it goes by; ``rough`` where it is that of another model."""
        if self.rough:
            return self.rough
        last = f"run {self.runs[0]}"
        counted = last if len(self.runs) == 1 else f"{len(self.runs)} runs of this model, the last one {last}"
        return counted if self.alike else f"{counted}, of another kind or method: roughly"


def speed_of(timed: Sequence[Timed], weight: Callable[[str], float], kind: str, method: str = "") -> Speed | None:
    """The speed of a model for a kind of run with a method; None where nothing of it was timed.

    Args:
        timed: its runs, the newest first; those on another device than the newest one are left out.
        weight: of a row pass of a kind, in forward passes.
        kind, method: what is asked, the method empty where the kind has none; runs of both tell it, else those of the
            method, else all with more than a few row passes, in which what comes before the passes hardly counts.
    """
    here = [one for one in timed if one.device == timed[0].device]
    same = [one for one in here if one.kind == kind and method in ("", one.method)]
    others = [one for one in here if one.rows >= FEW]
    told = same or [one for one in here if method and one.method == method] or others
    passes = sum(one.rows * weight(one.kind) for one in told)
    if not passes:
        return None
    seconds = sum(one.seconds for one in told) / passes * weight(kind)
    return Speed(seconds, tuple(one.run for one in told), bool(same), told[0].device)


def rough_of(weights: int, others: Sequence[tuple[int, str, Speed]]) -> Speed | None:
    """A rough speed of a model of so many weights, by the largest of others that were timed for the same kind and
    method: their weights, names and speeds. None where there is none."""
    fitting = [one for one in others if one[2].alike]
    if not fitting:
        return None
    of, name, speed = max(fitting, key=lambda one: one[:2])
    return scaled(speed, name, of, weights)


def scaled(speed: Speed, of: str, weights: int, wanted: int) -> Speed:
    """A rough speed of a model that was never timed here: that of another one, times what its weights are more.

    A row-pass of one token multiplies it with every weight once; small models spend a larger part of their time on
    other things, so that the estimate of a large one is rather too long.

    Args:
        speed: of the other model, which is called ``of``. weights, wanted: weights of that model and of this one.
    """
    factor = wanted / max(1, weights)
    digits = 0 if factor >= 10 else 2
    rough = f"run {speed.runs[0]} of {of}, times {factor:,.{digits}f} for its weights: a rough guess, never timed here"
    return replace(speed, seconds=speed.seconds * factor, alike=False, rough=rough)


def weight_of(kind: str) -> float:
    """What a row pass of a kind costs, in forward passes."""
    from app.kinds import kinds

    return kinds()[kind].ask.weight if kind in kinds() else 1.0
