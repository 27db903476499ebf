"""Prompts that ask for the letter of an option."""

import random
from collections.abc import Sequence

from app.demo.facts import LETTERS, letter_wordings

STYLES = (" {}. {}", "{}. {}", "{}) {}", "({}) {}")
"""How an option's line begins; the first is that of the published prompts, and most common in training."""
SHARES = (70, 18, 8, 4)


def prompt(template: str, question: str, options: Sequence[str], style: str = STYLES[0]) -> str:
    """The text of a template with its question and a line for every option."""
    lines = "\n".join(style.format(letter, option) for letter, option in zip(LETTERS, options, strict=False))
    return template.replace("{options}", lines).replace("{question}", question)


def held_out() -> tuple[str, ...]:
    """Templates never trained on; the first is one of the three published ones."""
    return tuple(letter_wordings()["held_out"])


def trained(draw: random.Random) -> str:
    """A template to train on: a whole one, or one put together from parts."""
    told = letter_wordings()
    if draw.random() < 0.45:
        return draw.choice(told["trained"])
    parts = [draw.choice(told[name]) for name in ("openings", "requests", "remarks")]
    if draw.random() < 0.5:
        draw.shuffle(parts)
    head = draw.choice((" ", "\n")).join(part for part in parts if part)
    lead = draw.choice(told["leads"])
    lines = [head] if head else []
    lines.append(lead + draw.choice(("\n", " ")) + "{question}" if lead else "{question}")
    gap = draw.choice(("\n", "\n\n"))
    return "\n".join(lines) + "\n{options}" + gap + draw.choice(told["cues"])


def style(draw: random.Random) -> str:
    """How the options of one prompt begin."""
    return draw.choices(STYLES, SHARES)[0]
