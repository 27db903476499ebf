"""The token that should follow a prompt: a word or a letter, with a blank in front or not (``qrnca.md`` section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.query_sampling import Blank
from app.domain.question_sets import LETTERS, Wording
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target, token_target

BLANKS: tuple[Literal["space", "bare"], ...] = ("space", "bare")


@dataclass(frozen=True)
class Continuation:
    """One token that may follow a prompt.

    Args:
        token: its id. word: its text. blank: whether it was read with a blank in front.
        probability: of it as the next token, softmax over the whole vocabulary.
    """

    token: int
    word: str
    blank: Literal["space", "bare"]
    probability: float


@dataclass(frozen=True)
class Continuations:
    """What may follow a prompt, and which of it is right.

    Args:
        options: one for each text that was asked for, in order.
        right: number of the right one.
        likeliest: the likeliest next token of the whole vocabulary, id and text; ``likeliest_probability`` its share.
    """

    options: tuple[Continuation, ...]
    right: int
    likeliest: tuple[int, str]
    likeliest_probability: float

    @property
    def target(self) -> Continuation:
        """The right one."""
        return self.options[self.right]

    @property
    def mass(self) -> float:
        """Probability of all options together."""
        return sum(option.probability for option in self.options)

    @property
    def known(self) -> bool:
        """Whether the model answers right: the right option before the others; a lone one before every other token."""
        if len(self.options) == 1:
            return self.likeliest[0] == self.target.token
        return all(self.target.probability >= option.probability for option in self.options)


OUTPUTS = ("probability", "others", "best_other", "mass")
"""What :class:`AnswerTarget` tells of a row."""


@dataclass(frozen=True)
class AnswerTarget(Target):
    """A prompt's answer among its options: probability of the right token, mean and largest probability of the wrong
    ones, and of all options together; softmax over the whole vocabulary (``qrnca.md`` section 8).

    Where there is one option alone, the wrong ones are all other tokens: their largest share is told, and no mean.
    """

    options: tuple[int, ...] = ()
    names: tuple[str, ...] = OUTPUTS

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, 4] shares, in the order of the names."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        shares = torch.softmax(wide, dim=1)
        right = shares[:, self.index]
        if len(self.options) < 2:
            best = shares.index_fill(1, torch.tensor([self.index], device=shares.device), 0.0).max(1).values
            return torch.stack([right, torch.full_like(right, torch.nan), best, right], dim=1)
        wrong = shares[:, [token for token in self.options if token != self.index]]
        return torch.stack([right, wrong.mean(1), wrong.max(1).values, right + wrong.sum(1)], dim=1)


def answer_target(answers: Continuations) -> AnswerTarget:
    """The answer of a prompt, as what edits change."""
    right = answers.target
    plain = token_target("probability", right.token, right.word, "the right answer")
    options = tuple(option.token for option in answers.options)
    return AnswerTarget(plain.resolved, None, right.token, names=OUTPUTS, options=options)


CONTRAST = ("probability", "logit_difference")
"""What :class:`ContrastTarget` tells of a row."""


@dataclass(frozen=True)
class ContrastTarget(Target):
    """A token against another one: its probability over the whole vocabulary, and its logit minus the other's
    (``qrnca.md`` section 18)."""

    other: int = 0
    names: tuple[str, ...] = CONTRAST

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, 2] probability and logit difference."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        shares = torch.softmax(wide, dim=1)[:, self.index]
        return torch.stack([shares, wide[:, self.index] - wide[:, self.other]], dim=1)


def contrast_target(answers: Continuations, other: int) -> ContrastTarget:
    """The right answer of a prompt against another token."""
    right = answers.target
    plain = token_target("probability", right.token, right.word, "the right answer")
    return ContrastTarget(plain.resolved, None, right.token, names=CONTRAST, other=other)


def continuations(
    host: ModelHost, prompt: str, texts: Sequence[str], right: int, blank: Blank, max_length: int | None = None
) -> Continuations:
    """Tokens of the texts behind a prompt, with their probabilities; one pass.

    Args:
        host: a causal language model.
        prompt: what it reads.
        texts: what may follow, without a blank in front.
        right: number of the right one.
        blank: ``space`` and ``bare`` read each text with and without a blank in front; ``auto`` takes the way whose
            tokens have more probability together, of those in which every text is one token.
        max_length: of the prompt, in tokens.

    Raises:
        BadInput: a text that is not one token behind the prompt, in any way that was asked for.
    """
    ways = BLANKS if blank == "auto" else (blank,)
    tokens: dict[Literal["space", "bare"], list[int]] = {}
    fault: BadInput | None = None
    for way in ways:
        try:
            tokens[way] = [next_token(host.tokenizer, prompt, text, way) for text in texts]
        except BadInput as error:
            fault = fault or error
    if not tokens and fault is not None:
        raise fault
    batch = host.encode([Example("0", prompt)], max_length=max_length)
    shares = torch.softmax(host.run(batch, None).logits[0].double(), dim=0)
    best = max(tokens, key=lambda way: float(shares[tokens[way]].sum()))
    options = tuple(
        Continuation(token, host.tokenizer.decode([token]), best, float(shares[token])) for token in tokens[best]
    )
    likeliest = int(shares.argmax())
    return Continuations(options, right, (likeliest, host.tokenizer.decode([likeliest])), float(shares[likeliest]))


def answers_of(host: ModelHost, wording: Wording, blank: Blank, max_length: int | None = None) -> Continuations:
    """What may follow a wording's prompt: the letters of its options, or its answer alone.

    Raises:
        BadInput: a target that is no letter of an option, or no single token.
    """
    texts = tuple(LETTERS[: len(wording.options)]) if wording.options else (wording.target,)
    if wording.target not in texts:
        way = "Correct the set, and import it again."
        raise BadInput(f"a letter among {', '.join(texts)}", f"'{wording.target}'", way, "questions")
    return continuations(host, wording.prompt, texts, texts.index(wording.target), blank, max_length)


def next_token(tokenizer: Any, prompt: str, text: str, blank: Literal["space", "bare"]) -> int:
    """The one token that a text adds to a prompt.

    Raises:
        BadInput: it adds none or several, or changes the prompt's own tokens, or is unknown.
    """
    added = added_tokens(tokenizer, prompt, text, blank)
    if len(added) != 1:
        pieces = ", ".join(repr(tokenizer.decode([token])) for token in added)
        way = "Choose a shorter answer, or a letter."
        wanted = f"{_shown(text, blank)} to be one token of the model"
        raise BadInput(wanted, f"{len(added)}: {pieces}", way, "target")
    return added[0]


def added_tokens(tokenizer: Any, prompt: str, text: str, blank: Literal["space", "bare"]) -> list[int]:
    """[n] the tokens that a text adds to a prompt.

    Raises:
        BadInput: it adds none, or changes the prompt's own tokens, or has an unknown one.
    """
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(prompt + (" " if blank == "space" else "") + text, add_special_tokens=False)["input_ids"]
    added, shown = [int(token) for token in whole[len(before) :]], _shown(text, blank)
    if whole[: len(before)] != before:
        found = f"{shown} changes the tokens of the prompt's end"
        raise BadInput("an answer that begins with a new token", found, "Try it with or without a blank.", "target")
    if not added:
        raise BadInput(f"{shown} to be tokens of the model", "0: none", "Choose another answer.", "target")
    if tokenizer.unk_token_id in added:
        way = "Choose an answer that its vocabulary has."
        raise BadInput(f"{shown} to be tokens of the model", "its unknown token", way, "target")
    return added


def _shown(text: str, blank: Literal["space", "bare"]) -> str:
    return repr((" " if blank == "space" else "") + text)
