"""Titles that a person would give a run: the words of its input, cut where they are long."""

from app.domain.interventions import Op

LONGEST = 90
DONE = {
    Op.ZERO: "off",
    Op.MEAN: "at their mean",
    Op.BASELINE: "at the baseline",
    Op.RESAMPLE: "as in another candidate",
    Op.INPUT: "alone",
}
"""What an intervention does to neurons, behind their name."""


def start_of(text: str, most: int = LONGEST) -> str:
    """The first words of a text on one line; ``…`` stands for the rest."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    kept = line[: most - 1]
    return f"{kept[: max(kept.rfind(' '), most // 2)].rstrip()}…"


def both_ends(text: str, most: int = LONGEST) -> str:
    """The first and the last words of a text on one line; ``…`` stands between them. What follows a prompt is decided
    by its end, so that is kept, too."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    half = most // 2
    tail = line[-half:]
    return f"{start_of(line, half)} {tail[tail.find(' ') + 1 :]}"


def done_to(op: Op, amount: float) -> str:
    """What is done to neurons, in words: ``off``, ``× 0.5``."""
    return f"× {amount:g}" if op is Op.SCALE else DONE[op]
