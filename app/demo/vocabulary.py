"""A smaller vocabulary that still reads every character the original reads."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from transformers import BertTokenizerFast


def trimmed(tokenizer: Any, texts: Iterable[str], size: int) -> tuple[list[str], list[int]]:
    """The kept tokens in original order, and their original ids.

    Kept: the five special tokens, every single character (as a word start and as a continuation), then the most
    frequent tokens of ``texts``, then the original order, up to ``size`` tokens.
    """
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    names = [word for word, _ in words]
    special = set(tokenizer.all_special_tokens)
    keep = {i for i, word in enumerate(names) if word in special or len(word.removeprefix("##")) == 1}
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(tokenizer(text, add_special_tokens=False, truncation=True, max_length=512)["input_ids"])
    for number in [*[i for i, _ in counts.most_common()], *range(len(names))]:
        if len(keep) >= size:
            break
        if not names[number].startswith("[unused"):
            keep.add(number)
    ids = sorted(keep)
    return [names[i] for i in ids], ids


def tokenizer_of(words: list[str]) -> BertTokenizerFast:
    """A WordPiece tokenizer over these tokens, lower-casing as the base does."""
    return BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}, do_lower_case=True)
