"""Options and their letters, shuffled together: what is attributed stays the right answer (``qrnca.md`` section 11)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.question_prompts import made, options_of
from app.domain.examples import Example
from app.domain.question_sets import LETTERS, Wording
from app.models.continuations import answers_of, next_token
from app.models.host import ModelHost
from app.models.loading import Hosts


@pytest.fixture(scope="module")
def lettered() -> ModelHost:
    """The embedded language model, whose vocabulary has letters."""
    return Hosts(Path(__file__).parents[2] / "models_cache", device="cpu", offline=True).get("golgi-demo-lm")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 2, 1), (1, 3, 0, 2)])
def test_options_and_letters_shuffled_together_keep_the_mapping(lettered: ModelHost, order: tuple[int, ...]) -> None:
    """J12: whatever the order, the attributed letter stands before the right text, and its token is its own."""
    texts, right = ("rain", "water", "dog", "fox"), 2
    options = tuple(texts[one] for one in order)
    listed = "\n".join(f" {LETTERS[at]}. {text}" for at, text in enumerate(options))
    letter = LETTERS[order.index(right)]
    wording = Wording(f"what?\n{listed}\n\nAnswer:", letter, options)
    assert options_of(wording.prompt) == options
    answers = answers_of(lettered, wording, "auto")
    assert options[answers.right] == texts[right] and answers.target.word.strip() == letter
    assert answers.target.token == next_token(lettered.tokenizer, wording.prompt, letter, answers.target.blank)
    tokens = [option.token for option in answers.options]
    assert [lettered.tokenizer.decode([token]).strip() for token in tokens] == list("ABCD")
    shares = lettered.run(lettered.encode([Example("0", wording.prompt)]), None).logits[0].double().softmax(0)
    assert answers.target.probability == pytest.approx(float(shares[answers.target.token]))


@given(st.permutations(("rain", "water", "dog", "fox")), st.integers(0, 3), st.integers(0, 50))
def test_a_made_question_keeps_its_right_text(choices: list[str], right: int, seed: int) -> None:
    """J12, of made prompts: every wording lists all choices, and its letter stands before the right one."""
    for wording in made("key", "what?", choices, right, seed):
        assert options_of(wording.prompt) == wording.options and sorted(wording.options) == sorted(choices)
        assert wording.options[LETTERS.index(wording.target)] == choices[right]
        assert f" {wording.target}. {choices[right]}" in wording.prompt
