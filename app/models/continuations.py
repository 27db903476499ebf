"""The token that should follow a prompt: a word or a letter, with a blank in front or not (``qrnca.md`` section 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.query_sampling import Blank
from app.domain.question_sets import LETTERS, Wording
from app.domain.variants import BLANKS, Way
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.targets import Target, tokens_target
from app.models.variants import variant


@dataclass(frozen=True)
class Continuation:
    """One answer that may follow a prompt: a token, or both of its variants.

    Args:
        token: its id. word: its text. blank: whether it was read with a blank in front; ``sum`` where both ways are
            added up.
        probability: of it as the next token, softmax over the whole vocabulary; of all its tokens together.
        more: further tokens that are it.
    """

    token: int
    word: str
    blank: Way | Literal["sum"]
    probability: float
    more: tuple[int, ...] = ()

    @property
    def tokens(self) -> tuple[int, ...]:
        """Every token that is this answer, each once."""
        return (self.token, *self.more)


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
            known = self.likeliest[0] in self.target.tokens
            return known or (len(self.target.tokens) > 1 and self.target.probability >= self.likeliest_probability)
        return all(self.target.probability >= option.probability for option in self.options)


READ_BY: Mapping[Blank, tuple[Way, ...]] = {"auto": BLANKS, "sum": BLANKS, "space": ("space",), "bare": ("bare",)}
"""Which ways of reading an answer are tried."""
OUTPUTS = ("probability", "others", "best_other", "mass")
"""What :class:`AnswerTarget` tells of a row."""


@dataclass(frozen=True)
class AnswerTarget(Target):
    """A prompt's answer among its options: probability of the right token, mean and largest probability of the wrong
    ones, and of all options together; softmax over the whole vocabulary (``qrnca.md`` section 8).

    ``options`` are the tokens of each option, ``right`` the number of the right one; tokens of one option are added up.
    Where there is one option alone, the wrong ones are all other tokens: their largest share is told, and no mean.
    """

    options: tuple[tuple[int, ...], ...] = ()
    right: int = 0
    names: tuple[str, ...] = OUTPUTS

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, 4] shares, in the order of the names."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        shares = torch.softmax(wide, dim=1)
        own = list(self.options[self.right])
        right = shares[:, own].sum(1)
        if len(self.options) < 2:
            best = shares.index_fill(1, torch.tensor(own, device=shares.device), 0.0).max(1).values
            return torch.stack([right, torch.full_like(right, torch.nan), best, right], dim=1)
        others = [list(tokens) for tokens in self.options if tokens != self.options[self.right]]
        wrong = torch.stack([shares[:, tokens].sum(1) for tokens in others], dim=1)
        return torch.stack([right, wrong.mean(1), wrong.max(1).values, right + wrong.sum(1)], dim=1)


def answer_target(answers: Continuations) -> AnswerTarget:
    """The answer of a prompt, as what edits change."""
    plain = explained_answer(answers)
    options = tuple(option.tokens for option in answers.options)
    return AnswerTarget(plain.resolved, None, plain.index, names=OUTPUTS, options=options, right=answers.right)


def explained_answer(answers: Continuations) -> Target:
    """The answer of a prompt, as what is explained: the probability of its token, or of both together."""
    return tokens_target(answers.target.tokens, answers.target.word, "the right answer")


CONTRAST = ("probability", "logit_difference")
"""What :class:`ContrastTarget` tells of a row."""


@dataclass(frozen=True)
class ContrastTarget(Target):
    """An answer against another token: its probability over the whole vocabulary, and the logit of its (first) token
    minus the other's (``qrnca.md`` section 18)."""

    other: int = 0
    meant: tuple[int, ...] = ()
    names: tuple[str, ...] = CONTRAST

    def values(self, logits: Tensor, batch: Batch, inner: Tensor | None = None) -> Tensor:
        """[B, 2] probability and logit difference."""
        wide = logits if logits.dtype is torch.float64 else logits.float()
        shares = torch.softmax(wide, dim=1)[:, list(self.meant)].sum(1)
        return torch.stack([shares, wide[:, self.index] - wide[:, self.other]], dim=1)


def contrast_target(answers: Continuations, other: int) -> ContrastTarget:
    """The right answer of a prompt against another token."""
    right, plain = answers.target, explained_answer(answers)
    return ContrastTarget(plain.resolved, None, right.token, names=CONTRAST, other=other, meant=right.tokens)


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
            tokens have more probability together, of those in which every text is one token; ``sum`` adds both up,
            where every text is one token in both.
        max_length: of the prompt, in tokens.

    Raises:
        BadInput: a text that is not one token behind the prompt, in any way that was asked for.
    """
    tokens: dict[Way, list[int]] = {}
    fault: BadInput | None = None
    for way in READ_BY[blank]:
        try:
            tokens[way] = [next_token(host.tokenizer, prompt, text, way) for text in texts]
        except BadInput as error:
            fault = fault or error
    if fault is not None and (blank == "sum" or not tokens):
        raise fault
    batch = host.encode([Example("0", prompt)], max_length=max_length)
    shares = torch.softmax(host.run(batch, None).logits[0].double(), dim=0)
    if blank == "sum":
        both = zip(*tokens.values(), strict=True)
        options = tuple(_added(host.tokenizer, tuple(dict.fromkeys(pair)), shares) for pair in both)
    else:
        best = max(tokens, key=lambda way: float(shares[tokens[way]].sum()))
        options = tuple(
            Continuation(token, host.tokenizer.decode([token]), best, float(shares[token])) for token in tokens[best]
        )
    likeliest = int(shares.argmax())
    return Continuations(options, right, (likeliest, host.tokenizer.decode([likeliest])), float(shares[likeliest]))


def _added(tokenizer: Any, tokens: tuple[int, ...], shares: Tensor) -> Continuation:
    """An answer that is any of some tokens; [V] shares."""
    word = " + ".join(tokenizer.decode([token]) for token in tokens)
    return Continuation(tokens[0], word, "sum", float(shares[list(tokens)].sum()), tokens[1:])


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


def next_token(tokenizer: Any, prompt: str, text: str, blank: Way) -> int:
    """The one token that a text adds to a prompt.

    Raises:
        BadInput: it adds none or several, or changes the prompt's own tokens, or is unknown.
    """
    found = variant(tokenizer, prompt, text, blank)
    if found.fault is not None:
        raise found.fault
    return found.ids[0]


def added_tokens(tokenizer: Any, prompt: str, text: str, blank: Way) -> list[int]:
    """[n] the tokens that a text adds to a prompt.

    Raises:
        BadInput: it adds none, or changes the prompt's own tokens, or has an unknown one.
    """
    found = variant(tokenizer, prompt, text, blank)
    if (found.merges or len(found.ids) < 2) and found.fault is not None:
        raise found.fault
    if tokenizer.unk_token_id in found.ids:
        way = "Choose an answer that its vocabulary has."
        raise BadInput(f"{found.text!r} to be tokens of the model", "its unknown token", way, "target")
    return list(found.ids)
