"""The two words with which a re-ranker answers that a passage is relevant, or is not.

They cannot be read off the vocabulary, which has many such pairs: they come from the question, from ``golgi.json``, or
from what is known of published rankers. Source: the table of prediction tokens in castorini/pygaggle.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.domain.errors import BadInput, Unsupported

COMMON = (("true", "false"), ("yes", "no"), ("sim", "não"), ("oui", "non"), ("ja", "nein"), ("sí", "no"))
"""Pairs of which one word names the other, too."""
PUBLISHED = (
    (r"ptt5", ("sim", "não"), "of the published Portuguese rankers"),
    (r"mt5-(3b|13b|xxl|xl)", ("true", ""), "of the published large mT5 rankers"),
    (r"mt5", ("yes", "no"), "of the published mT5 rankers"),
    (r"t5", ("true", "false"), "of monoT5"),
)
"""What a name contains, the words, and whose they are; the first that fits."""
START = "▁"
SEPARATOR = "/"


class AnswerWords(NamedTuple):
    """The word that means relevant, the one that does not, and where they come from."""

    positive: str
    negative: str
    why: str

    def __str__(self) -> str:
        return f"{self.positive}{SEPARATOR}{self.negative}"


def words_of(name: str, config: Mapping[str, Any], declared: Any) -> AnswerWords:
    """The words of a model: as ``golgi.json`` says, else those of the published rankers that it is named like.

    Args:
        name: of its folder.
        config: its configuration; the name that it was saved under, and its family.
        declared: ``words`` of ``golgi.json``, if it has some.

    Raises:
        Unsupported: declared words that are not two.
    """
    if declared is not None:
        fits = isinstance(declared, list) and len(declared) == 2 and all(isinstance(word, str) for word in declared)
        if not fits or declared[0] == declared[1]:
            raise Unsupported(
                'words in golgi.json as two different texts, the positive one first: ["yes", "no"]',
                str(declared)[:60],
                "Correct golgi.json.",
                "model",
            )
        return AnswerWords(declared[0], declared[1], "as golgi.json says")
    for named in (name, str(config.get("_name_or_path") or ""), str(config.get("model_type") or "")):
        for pattern, (positive, negative), whose in PUBLISHED:
            if re.search(rf"(?<![a-z]){pattern}|mono{pattern}", named.lower()):
                return AnswerWords(positive, negative, f"the words {whose}")
    return AnswerWords(*COMMON[0], "the words of monoT5")


def asked_words(text: str) -> AnswerWords:
    """The words that a question names: ``yes/no``, or the positive one of a common pair.

    Raises:
        BadInput: neither.
    """
    positive, separator, negative = (part.strip() for part in text.partition(SEPARATOR))
    if not separator:
        negative = next((no for yes, no in COMMON if yes == positive), "")
    if not positive or positive == negative or (not separator and not negative):
        known = ", ".join(f"{yes}{SEPARATOR}{no}" for yes, no in COMMON)
        raise BadInput(
            "the two words that the model answers with, the one that means relevant first",
            f"'{text[:60]}'",
            f"Write them as yes{SEPARATOR}no; known pairs are {known}.",
            "token",
        )
    return AnswerWords(positive, negative, "as asked")


def ids_of(words: AnswerWords, tokenizer: Any) -> tuple[int, int]:
    """Token ids of the positive and of the negative word.

    Raises:
        BadInput: a word that is not one token of the vocabulary.
    """
    return _id(words.positive, words, tokenizer), _id(words.negative, words, tokenizer)


def _id(word: str, words: AnswerWords, tokenizer: Any) -> int:
    """The token of a word at the beginning of an answer."""
    vocabulary = tokenizer.get_vocab()
    for piece in (f"{START}{word}", f"Ġ{word}", word):
        if piece in vocabulary and piece:
            return int(vocabulary[piece])
    pieces = tokenizer.tokenize(word)
    if len(pieces) == 1 and pieces[0] != tokenizer.unk_token:
        return int(vocabulary[pieces[0]])
    raise BadInput(
        f"two answer words ({words}, {words.why}) that are one token each of the vocabulary",
        f"'{word}', which is {len(pieces)} tokens ({' '.join(pieces[:6])})",
        f"Name the words that the model was trained on, as yes{SEPARATOR}no.",
        "token",
    )
