"""Likeness of texts against slow twins."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.texts import begins_with, rouge_l


def slow_rouge(given_words: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """Longest common subsequence by its recursive definition."""

    @lru_cache
    def longest(i: int, j: int) -> int:
        if i == len(given_words) or j == len(wanted):
            return 0
        if given_words[i] == wanted[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    shared = longest(0, 0)
    if not shared:
        return 0.0
    precision, recall = shared / len(given_words), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


WORDS = st.lists(st.sampled_from("abcd"), max_size=7)


@given(WORDS, WORDS)
def test_rouge_is_that_of_the_definition(written: list[str], hoped: list[str]) -> None:
    cut = tuple(written[: len(hoped)])
    assert rouge_l(" ".join(written), " ".join(hoped)) == pytest.approx(slow_rouge(cut, tuple(hoped)))


@pytest.mark.parametrize(
    ("written", "hoped", "met", "rouge"),
    [
        (" Paris. It is a city", "Paris", True, 1.0),
        ("the Paris", "Paris", False, 0.0),
        ("Parisian", "Paris", False, 0.0),
        ("rain falls on the plain", "rain falls mainly", False, 2 / 3),
        ("", "Paris", False, 0.0),
        ("!? then", "!?", True, 0.0),
        ("anything", "", True, 0.0),
    ],
)
def test_by_hand(written: str, hoped: str, met: bool, rouge: float) -> None:
    assert begins_with(written, hoped) is met and rouge_l(written, hoped) == pytest.approx(rouge)
