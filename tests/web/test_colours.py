"""Words are told apart from what they stand on (WCAG AA), and figures from their paper, in both themes."""

import re
from itertools import product
from pathlib import Path

import pytest

from app.figures.base import NEGATIVE, NEUTRAL, POSITIVE
from app.figures.studies import COLOURS

STATIC = Path(__file__).resolve().parents[2] / "frontend" / "static"
CSS = (STATIC / "app.css").read_text(encoding="utf-8")
JS = (STATIC / "plots.js").read_text(encoding="utf-8")
Rgb = tuple[float, float, float]
HEX = r"#[0-9a-f]{6}\b"


def rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def over(colour: Rgb, share: float, below: Rgb) -> Rgb:
    """A colour of which ``share`` covers another one."""
    red, green, blue = (share * top + (1 - share) * under for top, under in zip(colour, below, strict=True))
    return red, green, blue


def brightness(colour: Rgb) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: Rgb, second: Rgb) -> float:
    """From 1 (the same) to 21 (black on white)."""
    low, high = sorted((brightness(first), brightness(second)))
    return (high + 0.05) / (low + 0.05)


def variables(text: str) -> dict[str, Rgb]:
    return {name: rgb(colour) for name, colour in re.findall(rf"--([\w-]+): ({HEX})", text)}


def themes() -> dict[str, dict[str, Rgb]]:
    blocks = re.findall(r"[^{}]*\{[^{}]*--paper: #[^{}]*--bad-bg: #[^{}]*\}", CSS)
    light, preferred, chosen = map(variables, blocks)
    assert preferred == chosen, "the dark theme is one, chosen or preferred"
    return {"light": light, "dark": chosen}


THEMES = themes()


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21)
    assert contrast(rgb("#767676"), rgb("#ffffff")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_their_paper(theme: str) -> None:
    one = THEMES[theme]
    pairs = [*product(("ink", "soft", "accent"), ("paper", "panel", "sunk"))]
    pairs += [*product(("pos", "neg"), ("panel", "paper"))]
    pairs += [("warn", "panel"), ("warn", "warn-bg"), ("ink", "warn-bg"), ("bad", "panel"), ("ink", "bad-bg")]
    pairs += [("on-accent", "accent")]
    ratios = {(front, back): contrast(one[front], one[back]) for front, back in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sign", ["pos", "neg"])
@pytest.mark.parametrize("strength", [0.3, 0.7, 1.0])
def test_words_on_marks_can_be_read(theme: str, sign: str, strength: float) -> None:
    """Marks of tokens and of the key above them; the key's strength is 0.7."""
    cover = float(re.search(r"\.tokens mark, \.keys mark \{[^}]*?var\(--s\) \* (\d+)%", CSS)[1]) / 100
    assert re.search(r"\.keys mark \{[^}]*--s: \.7; color: var\(--ink\)", CSS), "the key is in ink, not in soft"
    one = THEMES[theme]
    for paper in ("panel", "paper"):
        assert contrast(one["ink"], over(one[sign], strength * cover, one[paper])) >= 4.5


def test_lines_and_bars_stand_out_in_both_themes() -> None:
    """Graphics need 3 to 1. Every colour that a figure names has one that stands for it on dark paper."""
    table = re.search(r"const inTheDark = \{(.*?)\};", JS, re.S)[1]
    dark = dict(re.findall(rf'"({HEX})": "({HEX})"', table))
    paper = {name: rgb(colour) for name, colour in re.findall(rf'(light|dark): \{{ paper: "({HEX})"', JS)}
    assert {POSITIVE, NEGATIVE, NEUTRAL, *COLOURS} == set(dark)
    assert {light: ratio for light in dark if (ratio := contrast(rgb(light), paper["light"])) < 3} == {}
    assert {light: ratio for light, one in dark.items() if (ratio := contrast(rgb(one), paper["dark"])) < 3} == {}
    for light in (NEGATIVE, "#4a4f55"):
        assert contrast(rgb(light), paper["dark"]) < 3.5 < contrast(rgb(dark[light]), paper["dark"]), light
