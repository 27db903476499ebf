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


def lengthy(draw: random.Random) -> str:
    """A template whose instruction is three to six sentences of others."""
    told = letter_wordings()
    whole = [template.split("\n{question}")[0] for template in told["trained"][:2]]
    sentences = [one.strip() + "." for text in whole for one in text.replace("\n", " ").split(".") if one.strip(" :")]
    parts = [part for name in ("openings", "requests", "remarks") for part in told[name] if part]
    head = " ".join(draw.sample([*sentences, *parts, *parts], draw.randint(3, 6)))
    lead = draw.choice(("Now here is the question:", "The question is:", *told["leads"]))
    lines = [head, lead, "{question}"] if lead else [head, "{question}"]
    return "\n".join(lines) + "\n{options}" + draw.choice(("\n", "\n\n")) + draw.choice(told["cues"])


def spoken(draw: random.Random) -> str:
    """A template that ends in the beginning of a sentence."""
    head = draw.choice((trained, lengthy))(draw).split("{options}")[0]
    return head + "{options}" + draw.choice(("\n", "\n\n")) + draw.choice(letter_wordings()["sentences"])


def style(draw: random.Random) -> str:
    """How the options of one prompt begin."""
    return draw.choices(STYLES, SHARES)[0]
